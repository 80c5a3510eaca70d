"""What the families share in GGUF: the keys, and one weight table with whatever rows a configuration has.

`read_decoder` and `write_decoder` map the common keys, `decoder_weights` makes the table. Where a key's absence means
something else in a family, or llama.cpp does less there than elsewhere, the family says so in its options.
"""

from collections.abc import Mapping
from typing import Any

from textmill.errors import ModelError
from textmill.model.config import ModelConfig
from textmill.model.gguf.family import BIAS_TENSORS, STACKED, GGUFValues, Weight
from textmill.model.gguf.rope import named_scaling, read_rope, write_rope
from textmill.model.hub.packing import PLAIN, Packing

LAYER, BLOCK = "blk.{layer}.", "blocks.{layer}."
SEPARATE = {"attn_q": ("attention.query",), "attn_k": ("attention.key",), "attn_v": ("attention.value",)}
JOINED = {"attn_qkv": ("attention.query", "attention.key", "attention.value")}
PRE_NORMS = {"attn_norm": "attention_norm", "ffn_norm": "feed_forward_norm"}
NORMS_AROUND = {
    "attn_norm": "attention_norm",
    "post_attention_norm": "attention_norm_after",
    "ffn_norm": "feed_forward_norm",
    "post_ffw_norm": "feed_forward_norm_after",
}
GATED = {"ffn_gate": ("gate",), "ffn_up": ("up",), "ffn_down": ("down",)}
GATE_WITH_UP = {"ffn_up": ("gate", "up"), "ffn_down": ("down",)}
UNGATED = {"ffn_up": ("up",), "ffn_down": ("down",)}
EPSILON = {"rms": "attention.layer_norm_rms_epsilon", "layer": "attention.layer_norm_epsilon"}
ALL_BIASES = tuple(BIAS_TENSORS)
BIASED: dict[str, Any] = dict.fromkeys(ALL_BIASES, True)
"""The options of a family whose projections all have a bias."""


def write_decoder(config: ModelConfig, **more: Any) -> dict[str, Any]:
    """Returns the common keys, with the family's own after the heads'."""
    values: dict[str, Any] = {
        "vocab_size": config.vocabulary_size,
        "context_length": config.context,
        "embedding_length": config.width,
        "block_count": config.layers,
        "feed_forward_length": config.feed_forward,
        "attention.head_count": config.heads,
        "attention.head_count_kv": config.kv_heads,
        "attention.key_length": config.head_width,
        "attention.value_length": config.head_width,
        **more,
        EPSILON[config.norm]: config.norm_epsilon,
    }
    if config.experts:
        values |= {"expert_count": config.experts, "expert_used_count": config.experts_per_token}
    return values | write_rope(config) if config.positions == "rope" else values


def read_decoder(
    values: GGUFValues,
    preset: str,
    *,
    biases: tuple[str, ...] = (),
    wide_heads: bool = True,
    factors: tuple[str, ...] = (),
    **options: Any,
) -> ModelConfig:
    """Returns our configuration of the common keys; `options` are fields of ModelConfig that win over what is read.

    `biases`: options that the presence of a tensor decides; `wide_heads`: heads may be wider than the width over their
    number; `factors`: tensors of rotary factors that llama.cpp reads for this family.
    """
    width, heads = values.integer("embedding_length"), values.integer("attention.head_count")
    context = values.integer("context_length")
    head_width = values.integer("attention.key_length", max(width // heads, 1))
    if not wide_heads:
        values.require("attention.key_length", max(width // heads, 1))
    values.require("attention.value_length", head_width)
    vocabulary = values.shapes.get("token_embd.weight", (0,))[0]
    values.require("vocab_size", vocabulary)
    read: dict[str, Any] = {
        "preset": preset,
        "vocabulary_size": vocabulary,
        "context": context,
        "layers": values.integer("block_count", maximum=10_000),
        "width": width,
        "heads": heads,
        "kv_heads": values.integer("attention.head_count_kv", heads),
        "head_width": head_width,
        "feed_forward": values.integer("feed_forward_length"),
        "positions": "rope",
        "norm": "rms",
        "norm_epsilon": values.number(
            EPSILON[options.get("norm", "rms")], 1e-5 if options.get("norm") == "layer" else 1e-6
        ),
        "feed_forward_kind": "swiglu",
        "tied": "output.weight" not in values.shapes,
    }
    read |= {name: any(tensor in values.shapes for tensor in BIAS_TENSORS[name]) for name in biases}
    if options.get("positions", "rope") == "rope":
        read |= read_rope(values, context, head_width, factors)
    return named_scaling(ModelConfig(**read | options))


def read_experts(values: GGUFValues) -> dict[str, Any]:
    """Returns the options of a mixture of experts, none where the file has none."""
    experts = values.integer("expert_count", 0, minimum=0)
    return {"experts": experts, "experts_per_token": values.integer("expert_used_count", 2)} if experts else {}


def read_layer_windows(values: GGUFValues, layers: int, window: int, pattern: int) -> tuple[int, ...]:
    """Returns each layer's window: all but every `pattern`-th, unless the file has a list or a number of its own."""
    name = "attention.sliding_window_pattern"
    told = values.values.get(name)
    chosen = values.get(name, list, []) if isinstance(told, list) else []
    if isinstance(told, list):
        if len(chosen) != layers or any(value not in (0, 1) for value in chosen):
            expected = f"{layers} × 0 | 1"
            raise ModelError("hub.value", file=values.place, name=name, expected=expected, value=str(chosen)[:80])
        sliding = [bool(value) for value in chosen]
    else:
        pattern = values.integer(name, pattern)
        sliding = [(layer + 1) % pattern != 0 for layer in range(layers)]
    return tuple(window if each else 0 for each in sliding) if window and any(sliding) else ()


def linear(gguf: str, *ours: str, packing: Packing = PLAIN, **more: Any) -> tuple[Weight, Weight]:
    """Returns the rows for the weight and the bias of a linear map or a norm."""
    return (
        Weight(f"{gguf}.weight", tuple(f"{name}.weight" for name in ours), packing, **more),
        Weight(f"{gguf}.bias", tuple(f"{name}.bias" for name in ours), packing, **more),
    )


def decoder_weights(
    rotated: Packing = PLAIN,
    *,
    projections: Mapping[str, tuple[str, ...]] = SEPARATE,
    norms: Mapping[str, str] = PRE_NORMS,
    norm: Packing = PLAIN,
    feed_forward: Mapping[str, tuple[str, ...]] = GATED,
) -> tuple[Weight, ...]:
    """Returns the weight table; `rotated` and `norm`: how queries and keys, and how norms, lie in the file.

    `projections`, `norms`, `feed_forward`: {the file's name: ours}.
    """
    rows: list[Weight] = [Weight("token_embd.weight", "token_embedding.weight")]
    rows += linear("token_embd_norm", "embedding_norm", packing=norm)
    for gguf, ours in norms.items():
        rows += linear(LAYER + gguf, BLOCK + ours, packing=norm)
    for gguf, parts in projections.items():
        packing = rotated if gguf in ("attn_q", "attn_k") else PLAIN
        rows += linear(LAYER + gguf, *(BLOCK + part for part in parts), packing=packing)
    rows += linear(LAYER + "attn_output", BLOCK + "attention.output")
    rows += linear(LAYER + "attn_q_norm", BLOCK + "attention.query_norm", packing=norm)
    rows += linear(LAYER + "attn_k_norm", BLOCK + "attention.key_norm", packing=norm)
    for gguf, parts in feed_forward.items():
        rows += linear(LAYER + gguf, *(f"{BLOCK}feed_forward.{part}" for part in parts))
    rows.append(Weight(LAYER + "ffn_gate_inp.weight", BLOCK + "feed_forward.router.weight"))
    for part in ("gate", "up", "down"):
        experts = BLOCK + "feed_forward.experts.{expert}." + part + ".weight"
        rows.append(Weight(f"{LAYER}ffn_{part}_exps.weight", experts, STACKED))
    return (*rows, *linear("output_norm", "norm", packing=norm), Weight("output.weight", "output.weight"))
