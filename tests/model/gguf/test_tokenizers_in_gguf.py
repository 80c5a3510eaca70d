"""Tokenizers go into GGUF metadata and come back with the same ids."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from sentencepiece_samples import sentencepiece_of
from tokenizer_samples import ENGLISH, MULTILINGUAL

from textmill.errors import TokenizerError
from textmill.model.gguf import GGUFFile
from textmill.model.gguf.pretokenizers import PRETOKENIZERS, name_of, to_json
from textmill.model.gguf.tokenizer_in import read_tokenizer, tokenizer_config, tokenizer_json
from textmill.model.gguf.tokenizer_out import tokenizer_metadata
from textmill.tokenizer.tokenizer import Tokenizer


def opened(metadata: dict[str, Any]) -> GGUFFile:
    return GGUFFile(path=Path("model.gguf"), metadata=metadata, places={}, alignment=32, buffer=b"")


def test_ids_are_identical(tokenizer: Tokenizer) -> None:
    back = read_tokenizer(opened(tokenizer_metadata(tokenizer, tokenizer.vocabulary_size + 5)))
    assert back.vocabulary_size == tokenizer.vocabulary_size
    assert back.special == tokenizer.special
    assert back.chat_template == tokenizer.chat_template
    assert back.end_of_text_id == tokenizer.end_of_text_id
    for text in (*MULTILINGUAL, ENGLISH):
        for allow_special in (False, True):
            assert back.encode(text, allow_special) == tokenizer.encode(text, allow_special)
        assert back.decode(tokenizer.encode(text)) == tokenizer.decode(tokenizer.encode(text))


def test_what_llama_cpp_reads(tokenizer: Tokenizer) -> None:
    metadata = tokenizer_metadata(tokenizer, tokenizer.vocabulary_size + 2)
    tokens = metadata["tokenizer.ggml.tokens"]
    assert (metadata["tokenizer.ggml.model"], metadata["tokenizer.ggml.pre"]) == ("gpt2", "qwen2")
    assert tokens[:3] == ["!", '"', "#"]
    assert tokens[-2:] == [f"[PAD{len(tokens) - 2}]", f"[PAD{len(tokens) - 1}]"]
    kinds = metadata["tokenizer.ggml.token_type"]
    assert kinds.dtype == np.int32
    assert [kinds[0], kinds[tokens.index("<|im_end|>")], kinds[-1]] == [1, 3, 5]
    named = {role: tokens[metadata[f"tokenizer.ggml.{role}_token_id"]] for role in ("bos", "eos", "eot", "padding")}
    assert named == {
        "bos": "<|endoftext|>",
        "eos": "<|endoftext|>",
        "eot": "<|im_end|>",
        "padding": "<|endoftext|>",
    }
    assert metadata["tokenizer.ggml.add_bos_token"] is True
    assert all(merge.count(" ") == 1 for merge in metadata["tokenizer.ggml.merges"])


@pytest.mark.parametrize("name", PRETOKENIZERS)
def test_ways_to_cut_come_back(name: str) -> None:
    assert PRETOKENIZERS[name_of(to_json(PRETOKENIZERS[name])) or ""] == PRETOKENIZERS[name]
    content = json.dumps({"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}, "added_tokens": []})
    whole = json.loads(content) | {"pre_tokenizer": to_json(PRETOKENIZERS[name])}
    assert tokenizers.Tokenizer.from_str(json.dumps(whole)).pre_tokenizer is not None


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"pre_tokenizer": {"type": "Whitespace"}}, "pre_tokenizer"),
        ({"pre_tokenizer": None}, "pre_tokenizer"),
        ({"normalizer": {"type": "Lowercase"}}, "normalizer"),
    ],
)
def test_what_has_no_name_is_refused(tokenizer: Tokenizer, change: dict[str, Any], part: str) -> None:
    other = Tokenizer(json.dumps(json.loads(tokenizer.json_bytes) | change).encode())
    with pytest.raises(TokenizerError, match=part):
        tokenizer_metadata(other, other.vocabulary_size)


def test_more_tokens_than_embeddings(tokenizer: Tokenizer) -> None:
    with pytest.raises(TokenizerError) as caught:
        tokenizer_metadata(tokenizer, tokenizer.vocabulary_size - 1)
    assert caught.value.key == "gguf.vocabulary"


DAMAGE: list[tuple[dict[str, Any], str]] = [
    ({"tokenizer.ggml.tokens": None}, "no_tokenizer"),
    ({"tokenizer.ggml.tokens": []}, "no_tokenizer"),
    ({"tokenizer.ggml.model": "wordpiece"}, "tokenizer_kind"),
    ({"tokenizer.ggml.pre": "poro-chat"}, "tokenizer_kind"),
    ({"tokenizer.ggml.pre": ["x"]}, "tokenizer_kind"),
    ({"tokenizer.ggml.token_type": np.zeros(3, np.int32)}, "tokenizer_damaged"),
    ({"tokenizer.ggml.merges": ["no space"]}, "tokenizer_damaged"),
    ({"tokenizer.ggml.merges": [7]}, "tokenizer_damaged"),
    ({"tokenizer.ggml.merges": 7}, "tokenizer_damaged"),
    ({"tokenizer.ggml.eos_token_id": 10**6}, "tokenizer_damaged"),
    ({"tokenizer.ggml.eos_token_id": "2"}, "tokenizer_damaged"),
]


@pytest.mark.parametrize(("change", "key"), DAMAGE)
def test_damage_is_one_clear_error(tokenizer: Tokenizer, change: dict[str, Any], key: str) -> None:
    with pytest.raises(TokenizerError) as caught:
        read_tokenizer(opened(tokenizer_metadata(tokenizer, 400) | change))
    assert caught.value.key == f"gguf.{key}"
    assert str(caught.value)


def test_a_token_twice(tokenizer: Tokenizer) -> None:
    metadata = tokenizer_metadata(tokenizer, 400)
    metadata["tokenizer.ggml.tokens"][300] = metadata["tokenizer.ggml.tokens"][10]
    with pytest.raises(TokenizerError, match="tokenizer is damaged"):
        read_tokenizer(opened(metadata))


PIECES = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "h", "e", "l", "o", "w", "r", "d"]
JOINED = ["he", "ll", "llo", "▁h", "▁he", "▁hello", "hello", "or", "▁w", "▁wor", "ld", "▁world", "<user>"]


def sentencepiece_metadata(add_space_prefix: bool) -> dict[str, Any]:
    tokens = PIECES + JOINED
    kinds = [2, 3, 3, *[6] * 256, *[1] * (len(tokens) - 260), 4]
    scores = [0.0] * 259 + [-1000.0 - index for index in range(8)] + [-float(index) for index in range(len(JOINED))]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": np.array(kinds, np.int32),
        "tokenizer.ggml.scores": np.array(scores, np.float32),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_space_prefix": add_space_prefix,
    }


def test_sentencepiece_joins_by_score_and_falls_back_to_bytes() -> None:
    file = opened(sentencepiece_metadata(True))
    backend = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(file)))
    encoded = backend.encode("hello  world 小", add_special_tokens=False)
    # he, ll, llo, ▁he, ▁hello: each time the pair whose token has the highest score
    assert encoded.tokens[:3] == ["▁hello", "▁", "▁world"]
    assert encoded.tokens[-4:] == ["▁", "<0xE5>", "<0xB0>", "<0x8F>"]
    assert backend.decode(encoded.ids) == "hello  world 小"
    assert backend.encode("<s>", add_special_tokens=False).ids == [1]
    assert tokenizer_config(file)["bos_token"] == "<s>"
    bare = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(opened(sentencepiece_metadata(False)))))
    assert bare.encode("hello <user>").tokens == ["hello", "▁", "<user>"]
    assert bare.decode(bare.encode("hello w").ids) == "hello w"


def test_sentencepiece_in_textmill_itself() -> None:
    tokenizer = read_tokenizer(opened(sentencepiece_metadata(True)))
    backend = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(opened(sentencepiece_metadata(True)))))
    text = "hello  world 小"
    assert tokenizer.encode(text) == backend.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("add_space_prefix", [True, False])
def test_sentencepiece_goes_out_as_it_came_in(add_space_prefix: bool) -> None:
    first = read_tokenizer(opened(sentencepiece_metadata(add_space_prefix)))
    out = tokenizer_metadata(first, first.vocabulary_size + 2)
    assert out["tokenizer.ggml.model"] == "llama"
    assert out["tokenizer.ggml.add_space_prefix"] is add_space_prefix
    assert out["tokenizer.ggml.tokens"][:-2] == PIECES + JOINED
    kinds = out["tokenizer.ggml.token_type"].tolist()
    assert kinds == [*sentencepiece_metadata(add_space_prefix)["tokenizer.ggml.token_type"].tolist(), 5, 5]
    back = read_tokenizer(opened(out))
    for text in ("hello  world 小", "hello<user>world", " oh", "dlrow <s>", ""):
        assert back.encode(text, True) == first.encode(text, True)
    assert "tokenizer.chat_template" not in out


@pytest.mark.parametrize("kind", ["bpe as Llama 2", "bpe as Gemma"])
def test_a_trained_sentencepiece_model_goes_out(kind: str, tmp_path: Path) -> None:
    theirs, first = sentencepiece_of(kind, tmp_path)
    out = tokenizer_metadata(first, first.vocabulary_size)
    back = read_tokenizer(opened(out))
    for text in (*MULTILINGUAL, ENGLISH, "a  b   c\n\nd", "aaaaaaaaaaaaa", "12345.678"):
        assert back.encode(text) == first.encode(text) == theirs.encode(text), text
        assert back.decode(back.encode(text)) == first.decode(first.encode(text))


def test_merges_that_no_scores_say_are_refused() -> None:
    """The `tokenizers` library does not train all ways to cut a token, and SentencePiece would use them."""
    content = tokenizer_json(opened(sentencepiece_metadata(True)))
    content["model"]["merges"] = content["model"]["merges"][1:]
    other = Tokenizer(json.dumps(content).encode())
    with pytest.raises(TokenizerError, match="merges"):
        tokenizer_metadata(other, other.vocabulary_size)


def test_what_stands_before_a_text_travels(tokenizer: Tokenizer) -> None:
    assert tokenizer.start_ids == (tokenizer.end_of_text_id,)
    assert read_tokenizer(opened(tokenizer_metadata(tokenizer, 400))).start_ids == tokenizer.start_ids
    qwen = json.loads(tokenizer.json_bytes)
    qwen["added_tokens"] = [token for token in qwen["added_tokens"] if "reserved" not in token["content"]]
    foreign = Tokenizer(json.dumps(qwen).encode())
    assert foreign.start_ids == ()  # as Qwen, who calls a token of its own <|endoftext|>
    assert tokenizer_metadata(foreign, 400)["tokenizer.ggml.add_bos_token"] is False


@pytest.mark.parametrize(("told", "ids"), [({}, (1,)), ({"tokenizer.ggml.add_bos_token": False}, ())])
def test_a_file_that_does_not_say_begins_as_llama_cpp_has_it(told: dict[str, Any], ids: tuple[int, ...]) -> None:
    file = opened(sentencepiece_metadata(True) | told)
    ours = read_tokenizer(file)
    assert ours.start_ids == ids
    peer = tokenizers.Tokenizer.from_str(ours.json_bytes.decode())
    assert peer.encode("hello").ids == [*ids, *ours.encode("hello")]
    assert read_tokenizer(opened(tokenizer_metadata(ours, ours.vocabulary_size))).start_ids == ids
