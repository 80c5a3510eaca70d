"""docs/how-to/serve-with-vllm.md: what an export must have for vLLM, SGLang, llama.cpp and Ollama to serve it.

vLLM itself is not run here. It reads a folder by these things alone: the class that config.json names (which it must
have under that name), that class's tensors by its names, the tokenizer with its chat template, and the ends in
generation_config.json. Each is held against transformers, whose classes vLLM's are made after.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers as hf
from model_variants import CLASSIC, MODERN, build
from safetensors import safe_open

from textmill.config import TokenizerSettings
from textmill.model.hub import load_model
from textmill.model.hub.exporting import export_folder
from textmill.model.hub.folder import save_model
from textmill.tokenizer.chat_template import default_template, encode_chat
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer

SERVED = {"Qwen3ForCausalLM", "GPT2LMHeadModel"}
"""Of vLLM's registry (vllm/model_executor/models/registry.py), those that Textmill's own models are laid out as."""
TALK = [
    {"role": "system", "content": "Be short. 简短回答。"},
    {"role": "user", "content": "Who sat on the mat? <|im_end|>"},
    {"role": "assistant", "content": "The cat. 猫。"},
    {"role": "user", "content": "why?"},
]


@pytest.fixture(params=[MODERN, CLASSIC], ids=["modern", "classic"])
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model with a trained tokenizer, saved as training saves it, then exported as the page says."""
    size = request.param.vocabulary_size
    train_tokenizer(
        ["the cat sat on the mat 猫坐在垫子上。" * 9], settings=TokenizerSettings(), vocabulary_size=300
    ).save(tmp_path / "tokenizer")
    tokenizer = Tokenizer.load(tmp_path / "tokenizer")
    config = replace(request.param, vocabulary_size=max(size, tokenizer.vocabulary_size))
    save_model(build(config), tmp_path / "model", tokenizer_folder=tmp_path / "tokenizer")
    export_folder(load_model(tmp_path / "model"), tokenizer, tmp_path / "model", tmp_path / "out")
    return tmp_path / "out"


def test_config_names_a_class_that_vllm_has_and_the_tensors_are_its_own(exported: Path) -> None:
    config = json.loads((exported / "config.json").read_text())
    assert set(config["architectures"]) <= SERVED
    assert "auto_map" not in config, "no code of the folder's own is needed"
    peer, told = hf.AutoModelForCausalLM.from_pretrained(exported, output_loading_info=True, dtype=torch.float32)
    assert type(peer).__name__ == config["architectures"][0]
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert not told["mismatched_keys"]
    shapes = {name: list(tensor.shape) for name, tensor in peer.state_dict().items()}
    with safe_open(exported / "model.safetensors", "pt") as file:
        stored = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    tied = {"lm_head.weight"} if config["tie_word_embeddings"] else set()
    assert stored == {name: shape for name, shape in shapes.items() if name not in tied}
    ids = torch.arange(20)[None]
    with torch.no_grad():
        torch.testing.assert_close(peer(ids).logits, load_model(exported)(ids), atol=1e-5, rtol=1e-4)


def test_tokenizer_and_chat_template_are_there_and_the_same(exported: Path) -> None:
    theirs, ours = hf.AutoTokenizer.from_pretrained(exported), Tokenizer.load(exported)
    assert theirs.chat_template == ours.chat_template == default_template()
    talk = [TALK[0], {"role": "user", "content": "Who sat on the mat?"}, *TALK[2:]]
    ids = theirs.apply_chat_template(talk, add_generation_prompt=True, return_dict=False)
    assert list(ids) == encode_chat(ours, talk, add_generation_prompt=True)
    text = "the cat 猫坐在垫子上 x\n\n1234"
    assert theirs.encode(text, add_special_tokens=False) == ours.encode(text)
    assert theirs.decode(ours.encode(text)) == text


def test_a_document_and_a_turn_both_end(exported: Path) -> None:
    tokenizer = Tokenizer.load(exported)
    ends = [tokenizer.special["<|endoftext|>"], tokenizer.special["<|im_end|>"]]
    assert json.loads((exported / "generation_config.json").read_text())["eos_token_id"] == ends
    assert hf.GenerationConfig.from_pretrained(exported).eos_token_id == ends
    assert hf.AutoTokenizer.from_pretrained(exported).eos_token_id == ends[0]
    assert json.loads((exported / "config.json").read_text())["eos_token_id"] == ends[0]
