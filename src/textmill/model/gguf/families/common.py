"""What the families laid out like Llama share in GGUF: their keys, and one weight table with and without head norms."""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.gguf.family import GGUFValues, Weight
from textmill.model.gguf.rope import read_rope, write_rope
from textmill.model.hub.packing import PLAIN, Packing

LAYER, BLOCK = "blk.{layer}.", "blocks.{layer}."


def write_decoder(config: ModelConfig, **more: Any) -> dict[str, Any]:
    """Returns the common keys, with the family's own after the heads'."""
    return {
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
        "attention.layer_norm_rms_epsilon": config.norm_epsilon,
        **write_rope(config),
    }


def read_decoder(values: GGUFValues, preset: str, **options: Any) -> ModelConfig:
    """Returns our configuration of the common keys; `options` are fields of ModelConfig beside them."""
    width, heads = values.integer("embedding_length"), values.integer("attention.head_count")
    head_width = values.integer("attention.key_length", max(width // heads, 1))
    context = values.integer("context_length")
    values.require("attention.value_length", head_width)
    values.require("rope.dimension_count", head_width)
    theta, scaling = read_rope(values, context)
    vocabulary = values.shapes.get("token_embd.weight", (0,))[0]
    values.require("vocab_size", vocabulary)
    return ModelConfig(
        preset=preset,
        vocabulary_size=vocabulary,
        context=context,
        layers=values.integer("block_count", maximum=10_000),
        width=width,
        heads=heads,
        kv_heads=values.integer("attention.head_count_kv", heads),
        head_width=head_width,
        feed_forward=values.integer("feed_forward_length"),
        positions="rope",
        rope_theta=theta,
        rope_scaling=scaling,
        norm="rms",
        norm_epsilon=values.number("attention.layer_norm_rms_epsilon", 1e-6),
        feed_forward_kind="swiglu",
        tied="output.weight" not in values.shapes,
        **options,
    )


def decoder_weights(rotated: Packing = PLAIN) -> tuple[Weight, ...]:
    """Returns the weight table; `rotated`: how the rows of queries and keys lie in the file."""
    return (
        Weight("token_embd.weight", "token_embedding.weight"),
        Weight(LAYER + "attn_norm.weight", BLOCK + "attention_norm.weight"),
        Weight(LAYER + "attn_q.weight", BLOCK + "attention.query.weight", rotated),
        Weight(LAYER + "attn_k.weight", BLOCK + "attention.key.weight", rotated),
        Weight(LAYER + "attn_v.weight", BLOCK + "attention.value.weight"),
        Weight(LAYER + "attn_output.weight", BLOCK + "attention.output.weight"),
        Weight(LAYER + "attn_q_norm.weight", BLOCK + "attention.query_norm.weight"),
        Weight(LAYER + "attn_k_norm.weight", BLOCK + "attention.key_norm.weight"),
        Weight(LAYER + "ffn_norm.weight", BLOCK + "feed_forward_norm.weight"),
        Weight(LAYER + "ffn_gate.weight", BLOCK + "feed_forward.gate.weight"),
        Weight(LAYER + "ffn_up.weight", BLOCK + "feed_forward.up.weight"),
        Weight(LAYER + "ffn_down.weight", BLOCK + "feed_forward.down.weight"),
        Weight("output_norm.weight", "norm.weight"),
        Weight("output.weight", "output.weight"),
    )
