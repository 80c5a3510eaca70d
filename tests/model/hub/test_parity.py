"""Our folders in transformers and transformers' folders here: the same logits, the same bytes."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from model_variants import CLASSIC, MODERN, SIZES, VARIANTS, build, random_ids, relative_difference
from peer_models import step
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, Qwen3Config, Qwen3ForCausalLM
from transformers.utils import logging

from textmill.model.cache import Cache
from textmill.model.config import ModelConfig, RopeScaling, modern
from textmill.model.hub import load_model, save_model

TOLERANCE = 1e-5
HUB_VARIANTS = {
    name: VARIANTS[name]
    for name in ("modern", "modern tied", "grouped", "multi-query", "windows", "yarn", "wide heads", "classic")
} | {
    "classic untied": VARIANTS["classic untied"],
    "classic rope": VARIANTS["classic rope"],
    "experts": VARIANTS["experts"],
    "one expert": VARIANTS["one expert"],
    "no qk-norm": VARIANTS["no qk-norm"],
    "classic sinusoidal": VARIANTS["classic sinusoidal"],
    "both biases": dataclasses.replace(MODERN, attention_bias=True, attention_output_bias=True),
    "linear": dataclasses.replace(MODERN, rope_scaling=RopeScaling(kind="linear", factor=2.0)),
    "llama3": dataclasses.replace(MODERN, rope_scaling=RopeScaling(kind="llama3", factor=8.0, original_context=16)),
    "dropout": modern(**SIZES, dropout=0.1),
    "last windows": dataclasses.replace(MODERN, windows=(0, 6)),
}
every_variant = pytest.mark.parametrize("config", HUB_VARIANTS.values(), ids=HUB_VARIANTS.keys())


@pytest.fixture(autouse=True)
def no_gradients():
    logging.disable_progress_bar()
    with torch.no_grad():
        yield


def peer_of(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()


@every_variant
def test_transformers_computes_the_same_from_our_folder(config: ModelConfig, tmp_path: Path) -> None:
    model = build(config)
    save_model(model, tmp_path, layout="hub")
    peer = peer_of(tmp_path)
    assert peer.dtype == torch.float32
    ids = random_ids(config, 3, 32)
    assert relative_difference(model(ids), peer(ids).logits) < TOLERANCE
    real = torch.ones(3, 32, dtype=torch.bool)
    real[1, :9], real[2, :31] = False, False
    positions = (real.long().cumsum(dim=1) - 1).clamp_min(0)
    padded = peer(ids, attention_mask=real.long(), position_ids=positions).logits
    assert relative_difference(model(ids, padding_BS=real)[real], padded[real]) < TOLERANCE


@every_variant
def test_step_by_step_with_the_cache_equals_transformers(config: ModelConfig, tmp_path: Path) -> None:
    model = build(config)
    save_model(model, tmp_path, layout="hub")
    peer, ids, past = peer_of(tmp_path), random_ids(config, 1, 24), None
    cache = Cache(config, batch=1, capacity=24, dtype=torch.float32)
    for part in ids.split([10, *[1] * 14], dim=1):
        theirs, past = step(peer, part, past)
        assert relative_difference(model(part, cache=cache), theirs) < TOLERANCE


@pytest.mark.parametrize("name", ["modern", "windows", "yarn", "llama3", "linear"])
def test_long_texts_past_windows_and_scaling_equal_transformers(name: str, tmp_path: Path) -> None:
    config = HUB_VARIANTS[name]
    model, ids = build(config), random_ids(config, 2, 150)
    save_model(model, tmp_path)
    assert relative_difference(model(ids), peer_of(tmp_path)(ids).logits) < TOLERANCE


PEERS = {
    "qwen3": lambda: Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=61, hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, head_dim=16, max_position_embeddings=64, initializer_range=0.2,
        )
    ),
    "qwen3 tied windows": lambda: Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=61, hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=4, head_dim=12, max_position_embeddings=64, initializer_range=0.2,
            tie_word_embeddings=True, use_sliding_window=True, sliding_window=7, max_window_layers=1,
            attention_bias=True,
            rope_parameters={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16,
                             "rope_theta": 1e6},
        )
    ),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=61, n_positions=64, n_embd=48, n_layer=3, n_head=4, initializer_range=0.2)
    ),
    "gpt2 untied": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=61, n_positions=64, n_embd=48, n_layer=3, n_head=4, n_inner=100, initializer_range=0.2,
            tie_word_embeddings=False, activation_function="gelu_pytorch_tanh",
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PEERS)
def test_a_folder_of_transformers_comes_in_and_goes_out_unchanged(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    peer = PEERS[name]().eval()
    peer.config._attn_implementation = "eager"
    peer.save_pretrained(tmp_path / "theirs")
    model, ids = load_model(tmp_path / "theirs"), random_ids(CLASSIC, 2, 40)
    assert relative_difference(model(ids), peer(ids).logits) < TOLERANCE
    cache = Cache(model.config, batch=2, capacity=40, dtype=torch.float32)
    stepped = torch.cat([model(part, cache=cache) for part in ids.split([20, *[1] * 20], dim=1)], dim=1)
    assert relative_difference(stepped, peer(ids).logits) < TOLERANCE

    save_model(model, tmp_path / "ours", layout="hub")
    before = load_file(tmp_path / "theirs" / "model.safetensors")
    after = load_file(tmp_path / "ours" / "model.safetensors")
    assert set(before) == set(after)
    for tensor_name, tensor in before.items():
        assert tensor.dtype == after[tensor_name].dtype
        assert tensor.numpy().tobytes() == after[tensor_name].numpy().tobytes()
    again = peer_of(tmp_path / "ours")
    assert relative_difference(again(ids).logits, peer(ids).logits) < TOLERANCE  # the two forms of GELU differ by 5e-7


def test_a_folder_changed_by_transformers_keeps_our_configuration(tmp_path: Path) -> None:
    config = VARIANTS["classic sinusoidal"]
    model = build(config)
    save_model(model, tmp_path / "ours")
    peer_of(tmp_path / "ours").save_pretrained(tmp_path / "theirs")
    back = load_model(tmp_path / "theirs")
    assert back.config == config
    assert torch.equal(back(random_ids(config, 1, 32)), model(random_ids(config, 1, 32)))


def test_bfloat16_files_load_in_both(tmp_path: Path) -> None:
    save_model(build(MODERN), tmp_path, dtype=torch.bfloat16)
    ids = random_ids(MODERN, 1, 32)
    peer = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, attn_implementation="eager")
    assert relative_difference(load_model(tmp_path)(ids), peer(ids).logits) < TOLERANCE
    assert load_model(tmp_path, dtype=torch.bfloat16).output.weight.dtype == torch.bfloat16
    assert AutoModelForCausalLM.from_pretrained(tmp_path).dtype == torch.bfloat16
