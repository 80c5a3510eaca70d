"""Which tensor is stored in which type: llama.cpp's own choices, so that files are of the size and quality expected.

    f32, f16, bf16   matrices in that type
    q8_0             matrices in Q8_0
    q4_0             matrices in Q4_0, the output matrix (a tied model's embedding) in Q6_K
    q4_k_m           matrices in Q4_K; Q6_K for the output matrix and, in the first and last eighth of the layers and
                     every third between, for values and the feed-forward's down; Q5_K where queries, keys and
                     values are one matrix

Norms, biases, routers and tables of positions stay in F32. A matrix whose rows are not a whole number of blocks takes
the nearest type that fits. (`llama_tensor_get_type` in llama-quant.cpp, without its exception for Llama 70B.)
"""

import re
from dataclasses import dataclass

from textmill.errors import ModelError
from textmill.model.gguf.layout import TYPES, TensorType


@dataclass(frozen=True, slots=True)
class Recipe:
    """A name that people use, the number that files give it (`llama_ftype`), and the type of most matrices."""

    name: str
    file_type: int
    base: str


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("f32", 0, "F32"),
        Recipe("f16", 1, "F16"),
        Recipe("bf16", 32, "BF16"),
        Recipe("q8_0", 7, "Q8_0"),
        Recipe("q4_0", 2, "Q4_0"),
        Recipe("q4_k_m", 15, "Q4_K"),
    )
}
FALLBACKS = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
KEPT = re.compile(r".*_norm\.weight|.*ffn_gate_inp\.weight|position_embd\.weight|.*\.bias")
LAYER = re.compile(r"blk\.(\d+)\.")


def find_recipe(name: str) -> Recipe:
    """Returns the recipe that `name` means; the case of letters does not matter."""
    if name.lower() not in RECIPES:
        raise ModelError("gguf.quantization", value=repr(name)[:80], known=", ".join(RECIPES))
    return RECIPES[name.lower()]


def tensor_type(
    name: str, shape: tuple[int, ...], recipe: Recipe, *, layers: int, tied: bool, experts: int = 0
) -> TensorType:
    """Returns the type in which the tensor `name` of llama.cpp's names is stored."""
    if len(shape) < 2 or KEPT.fullmatch(name):
        return TYPES["F32"]
    chosen = recipe.base
    is_output = name == "output.weight" or (tied and name == "token_embd.weight")
    if is_output and recipe.base in ("Q4_0", "Q4_K"):
        chosen = "Q6_K"
    elif recipe.name == "q4_k_m":
        chosen = _q4_k_m(name, layers, experts)
    if shape[-1] % TYPES[chosen].values:
        chosen = FALLBACKS.get(chosen, "F16")
    return TYPES[chosen] if shape[-1] % TYPES[chosen].values == 0 else TYPES["F16"]


def _q4_k_m(name: str, layers: int, experts: int) -> str:
    found = LAYER.match(name)
    layer = int(found[1]) if found else 0
    more_bits = layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
    if "attn_qkv.weight" in name:
        return "Q5_K"
    if experts == 8:  # matrices that are small beside the experts
        if "attn_v.weight" in name or "attn_k.weight" in name:
            return "Q8_0"
        if "attn_output.weight" in name:
            return "Q5_K"
    if more_bits and ("attn_v.weight" in name or "ffn_down" in name):
        return "Q6_K"
    return "Q4_K"
