"""Every family that llama.cpp knows: small random models go into GGUF and come back; the rest is refused by name."""

import dataclasses
from pathlib import Path

import pytest
import torch
from model_variants import build, random_ids, relative_difference
from peer_models import MODELS, make
from test_models_in_gguf import changed
from tokenizer_samples import TEXTS
from transformers.utils import logging

from textmill.config import TokenizerSettings
from textmill.errors import ModelError
from textmill.model.config import RopeScaling, modern
from textmill.model.gguf import load_gguf, read_gguf, write_gguf
from textmill.model.gguf.families import GGUF_FAMILIES
from textmill.model.hub import load_model, save_model
from textmill.model.hub.weights import own_parameters
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer

REFUSED = {
    "llama dynamic": "rope_scaling",
    "mistral": "windows",
    "qwen2 windows": "windows",
    "qwen3_moe plain": "norm_expert_weights",
    "gemma2": "attention_scale",
    "gemma3": "attention_scale",
    "starcoder2": "windows",
    "falcon plain": "parallel",
}
"""What llama.cpp does not do, by the option that stands for it."""
ARCHITECTURES = {
    "gpt2": "gpt2", "gpt_neox": "gptneox", "llama": "llama", "mistral": "llama", "mixtral": "llama", "qwen2": "qwen2",
    "qwen3": "qwen3", "qwen3_moe": "qwen3moe", "gemma": "gemma", "gemma2": "gemma2", "gemma3_text": "gemma3",
    "phi3": "phi3", "olmo2": "olmo2", "smollm3": "smollm3", "glm4": "glm4", "granite": "granite",
    "starcoder2": "starcoder2", "bloom": "bloom", "falcon": "falcon",
}  # fmt: skip
DONE = [name for name in MODELS if name not in REFUSED]


@pytest.fixture(scope="module")
def small_tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=290)


@pytest.fixture(autouse=True)
def no_gradients():
    logging.disable_progress_bar()
    with torch.no_grad():
        yield


@pytest.mark.parametrize("name", DONE)
def test_it_comes_back_from_gguf(name: str, small_tokenizer: Tokenizer, tmp_path: Path) -> None:
    peer = make(name)
    peer.save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "theirs")
    write_gguf(model, small_tokenizer, tmp_path / "model.gguf", "f32")
    architecture = read_gguf(tmp_path / "model.gguf").metadata["general.architecture"]
    assert architecture == ARCHITECTURES[peer.config.model_type]
    back, _ = load_gguf(tmp_path / "model.gguf")
    assert back.config == model.config
    ours, theirs = own_parameters(model), own_parameters(back)
    for parameter, value in ours.items():
        exact = not (model.config.norm_offset and "norm" in parameter)  # 1 + w rounds
        assert torch.equal(value, theirs[parameter]) if exact else torch.allclose(value, theirs[parameter], atol=2e-7)
    ids = random_ids(model.config, 2, 80)
    assert relative_difference(back(ids), peer(ids).logits) < 1e-5
    save_model(back, tmp_path / "ours", layout="hub")
    assert load_model(tmp_path / "ours").config == model.config


@pytest.mark.parametrize(("name", "option"), REFUSED.items())
def test_what_llama_cpp_does_not_do_is_refused(
    name: str, option: str, small_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    make(name).save_pretrained(tmp_path / "theirs")
    with pytest.raises(ModelError) as caught:
        write_gguf(load_model(tmp_path / "theirs"), small_tokenizer, tmp_path / "model.gguf")
    assert caught.value.key == "gguf.no_equivalent"
    assert option in str(caught.value.values["options"])


def test_internlm_2(small_tokenizer: Tokenizer, tmp_path: Path) -> None:
    config = modern(vocabulary_size=300, context=64, layers=2, width=48, heads=4, kv_heads=2)
    model = build(dataclasses.replace(config, qk_norm=False, preset="internlm2"))
    write_gguf(model, small_tokenizer, tmp_path / "model.gguf", "f32")
    assert read_gguf(tmp_path / "model.gguf").metadata["general.architecture"] == "internlm2"
    back, _ = load_gguf(tmp_path / "model.gguf")
    ids = random_ids(model.config, 2, 20)
    assert back.config == model.config
    assert torch.equal(back(ids), model(ids))


def test_no_family_is_forgotten() -> None:
    assert set(ARCHITECTURES.values()) == set(GGUF_FAMILIES) - {"internlm2"}


def test_llama_3_is_known_by_its_factors(small_tokenizer: Tokenizer, tmp_path: Path) -> None:
    """A file of another program has no name for the rule, only what it makes of each frequency."""
    rule = RopeScaling(kind="llama3", factor=32.0, original_context=8192)
    config = modern(vocabulary_size=300, context=131072, layers=1, width=256, heads=2)
    config = dataclasses.replace(config, qk_norm=False, rope_scaling=rule, rope_theta=5e5)
    path = tmp_path / "model.gguf"
    write_gguf(build(config), small_tokenizer, path, "f32")
    factors = read_gguf(path)["rope_freqs.weight"]
    assert factors.min() == 1.0
    assert factors.max() == 32.0
    changed(path, textmill__config=None)
    assert load_gguf(path)[0].config.rope_scaling == rule
    other = dataclasses.replace(config, rope_scaling=dataclasses.replace(rule, original_context=64))
    write_gguf(build(other), small_tokenizer, path, "f32")
    assert load_gguf(path)[0].config == other
    changed(path, textmill__config=None)
    model = load_gguf(path)[0]
    ids = random_ids(config, 1, 100)
    assert model.config.rope_scaling.kind == "longrope"
    assert relative_difference(model(ids), build(other)(ids)) < 1e-6
