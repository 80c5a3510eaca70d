"""Tokenizers as transformers makes them, one for each kind that the families have, with at most 300 ids."""

from collections.abc import Callable
from typing import Any

import tokenizers
import transformers as hf
from tokenizer_samples import TEXTS
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

SIZE = 300
END = "<|end_of_text|>"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
FALCON = (pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False))
TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content | trim }}\n{% endfor %}"


def trained(kind: Any) -> Any:
    """Returns a tokenizer of a class of transformers, trained by its own means."""
    return kind().train_new_from_iterator(TEXTS, SIZE - 5, show_progress=False)


def byte_level(*cuts: Any, whole_words: bool = False, begins: bool = False) -> Any:
    """Returns a byte-level tokenizer without a class of its own, as Llama 3, Falcon and BLOOM have it."""
    backend = tokenizers.Tokenizer(models.BPE(ignore_merges=whole_words))
    backend.pre_tokenizer = pre_tokenizers.Sequence(list(cuts))
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - 5, initial_alphabet=alphabet, special_tokens=["<|begin|>", END], show_progress=False
    )
    backend.train_from_iterator(TEXTS, trainer)
    if begins:
        backend.post_processor = processors.TemplateProcessing(
            single="<|begin|> $A", pair="<|begin|> $A $B", special_tokens=[("<|begin|>", 0)]
        )
    return hf.PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|begin|>", eos_token=END)


def split(pattern: str) -> Any:
    return pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")


def pieces(kind: Any, names: list[str]) -> Any:
    """Returns a tokenizer of SentencePiece's kind: pieces, ▁ for a space, bytes for what is left."""
    merged = ["▁t", "he", "▁the", "in", "▁a", "an", "小镇"]
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he"), ("i", "n"), ("▁", "a"), ("a", "n"), ("小", "镇")]
    letters = ["▁", *"thienadrso", "小", "镇", "。"]
    tokens = [*names, *(f"<0x{byte:02X}>" for byte in range(256)), *letters, *merged]
    return kind(vocab={token: id for id, token in enumerate(tokens)}, merges=merges, add_bos_token=True)


bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
MAKE: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: trained(hf.GPT2Tokenizer),
    "gpt_neox": lambda: trained(hf.GPTNeoXTokenizer),
    "qwen": lambda: trained(hf.Qwen2Tokenizer),
    "llama": lambda: pieces(hf.LlamaTokenizer, ["<unk>", "<s>", "</s>"]),
    "gemma": lambda: pieces(hf.GemmaTokenizer, ["<pad>", "<eos>", "<bos>", "<unk>"]),
    "llama 3": lambda: byte_level(split(LLAMA3), bytes_only, whole_words=True, begins=True),
    "falcon": lambda: byte_level(*FALCON, split("[0-9][0-9][0-9]")),
    "bloom": lambda: byte_level(split(" ?[^(\\s|.,!?…。，、।۔،)]+"), bytes_only),
    "digits": lambda: byte_level(
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    ),
}
KINDS = {
    "gpt2": "gpt2", "gpt_neox": "gpt_neox", "llama 3": "llama 3", "llama": "llama", "smollm3": "llama 3",
    "smollm": "digits", "mistral": "llama", "mixtral": "llama", "qwen": "qwen", "gemma": "gemma", "phi3": "llama",
    "phi4": "gpt2", "olmo2": "gpt_neox", "glm4": "llama 3", "granite": "digits", "starcoder2": "digits",
    "bloom": "bloom", "falcon": "falcon", "internlm": "llama",
}  # fmt: skip
"""Which kind a family is published with, by the beginning of its name; the first that fits counts."""


def tokenizer_of(name: str) -> Any:
    """Returns a tokenizer of the kind that the family of a peer model has, with a chat template."""
    tokenizer = MAKE[next(kind for family, kind in KINDS.items() if name.startswith(family))]()
    assert len(tokenizer) <= SIZE
    tokenizer.chat_template = TEMPLATE
    return tokenizer
