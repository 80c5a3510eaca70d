"""Each tensor is stored in the type that llama.cpp would choose."""

import pytest

from textmill.errors import ModelError
from textmill.model.gguf.recipes import RECIPES, find_recipe, tensor_type


def chosen(
    name: str, shape: tuple[int, ...], recipe: str, layers: int = 16, tied: bool = True, experts: int = 0
) -> str:
    return tensor_type(name, shape, find_recipe(recipe), layers=layers, tied=tied, experts=experts).name


@pytest.mark.parametrize("recipe", RECIPES)
def test_small_and_delicate_tensors_stay_exact(recipe: str) -> None:
    for name, shape in {
        "blk.0.attn_norm.weight": (512,),
        "blk.0.attn_qkv.bias": (1536,),
        "position_embd.weight": (1024, 512),
        "blk.0.ffn_gate_inp.weight": (8, 512),
    }.items():
        assert chosen(name, shape, recipe) == "F32"


def test_plain_recipes() -> None:
    for recipe, kind in {"f32": "F32", "f16": "F16", "bf16": "BF16", "q8_0": "Q8_0", "Q8_0": "Q8_0"}.items():
        assert chosen("blk.0.attn_q.weight", (512, 512), recipe) == kind
        assert chosen("token_embd.weight", (1000, 512), recipe) == kind
    assert chosen("blk.0.attn_q.weight", (512, 512), "q4_0") == "Q4_0"
    assert chosen("token_embd.weight", (1000, 512), "q4_0") == "Q6_K"
    assert chosen("token_embd.weight", (1000, 512), "q4_0", tied=False) == "Q4_0"
    assert chosen("output.weight", (1000, 512), "q4_0", tied=False) == "Q6_K"


def test_q4_k_m() -> None:
    better = [layer for layer in range(16) if chosen(f"blk.{layer}.attn_v.weight", (512, 512), "q4_k_m") == "Q6_K"]
    assert better == [0, 1, 4, 7, 10, 13, 14, 15]
    assert better == [
        layer for layer in range(16) if chosen(f"blk.{layer}.ffn_down.weight", (512, 2048), "q4_k_m") == "Q6_K"
    ]
    assert chosen("blk.2.attn_v.weight", (512, 512), "q4_k_m") == "Q4_K"
    assert chosen("blk.0.attn_q.weight", (512, 512), "q4_k_m") == "Q4_K"
    assert chosen("blk.0.attn_qkv.weight", (1536, 512), "q4_k_m") == "Q5_K"
    assert chosen("token_embd.weight", (1000, 512), "q4_k_m") == "Q6_K"
    assert chosen("token_embd.weight", (1000, 512), "q4_k_m", tied=False) == "Q4_K"
    assert chosen("blk.2.attn_k.weight", (512, 512), "q4_k_m", experts=8) == "Q8_0"
    assert chosen("blk.2.ffn_down_exps.weight", (8, 512, 2048), "q4_k_m", experts=8) == "Q4_K"


def test_rows_that_are_no_whole_number_of_blocks() -> None:
    """Gemma 3 270M has a width of 640, SmolLM2 135M one of 576."""
    assert chosen("blk.3.attn_q.weight", (1024, 640), "q4_k_m") == "Q5_0"
    assert chosen("blk.0.attn_v.weight", (256, 640), "q4_k_m") == "Q8_0"
    assert chosen("blk.0.attn_qkv.weight", (256, 640), "q4_k_m") == "Q5_1"
    assert chosen("token_embd.weight", (1000, 576), "q4_0") == "Q8_0"
    for recipe in ("q8_0", "q4_0", "q4_k_m"):
        assert chosen("blk.0.attn_q.weight", (40, 40), recipe) == "F16"


def test_unknown_recipe() -> None:
    with pytest.raises(ModelError, match="q4_k_m"):
        find_recipe("q3_k_s")
