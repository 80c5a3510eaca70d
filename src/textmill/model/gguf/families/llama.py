"""Llama in GGUF, under which Yi, SmolLM, TinyLlama and DeepSeek-LLM go too.

llama.cpp rotates neighbouring dimensions there, so the files have the rows of queries and keys in that order (ROTARY).
Llama 3.1's frequencies lie in the file as the tensor rope_freqs.weight, which is not read yet: it is refused by name.
"""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.gguf.family import GGUFFamily, GGUFValues, Weight
from textmill.model.gguf.rope import read_rope, write_rope
from textmill.model.hub.packing import ROTARY

LAYER, BLOCK = "blk.{layer}.", "blocks.{layer}."


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the family's keys."""
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
        "rope.dimension_count": config.head_width,
        "attention.layer_norm_rms_epsilon": config.norm_epsilon,
        **write_rope(config),
    }


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Llama file."""
    width, heads = values.integer("embedding_length"), values.integer("attention.head_count")
    head_width = values.integer("attention.key_length", max(width // heads, 1))
    context = values.integer("context_length")
    values.require("attention.value_length", head_width)
    values.require("rope.dimension_count", head_width)
    values.require("expert_count", 0)
    theta, scaling = read_rope(values, context)
    vocabulary = values.shapes.get("token_embd.weight", (0,))[0]
    values.require("vocab_size", vocabulary)
    return ModelConfig(
        preset="llama",
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
    )


LLAMA = GGUFFamily(
    architecture="llama",
    write=write,
    read=read,
    weights=(
        Weight("token_embd.weight", "token_embedding.weight"),
        Weight(LAYER + "attn_norm.weight", BLOCK + "attention_norm.weight"),
        Weight(LAYER + "attn_q.weight", BLOCK + "attention.query.weight", ROTARY),
        Weight(LAYER + "attn_k.weight", BLOCK + "attention.key.weight", ROTARY),
        Weight(LAYER + "attn_v.weight", BLOCK + "attention.value.weight"),
        Weight(LAYER + "attn_output.weight", BLOCK + "attention.output.weight"),
        Weight(LAYER + "ffn_norm.weight", BLOCK + "feed_forward_norm.weight"),
        Weight(LAYER + "ffn_gate.weight", BLOCK + "feed_forward.gate.weight"),
        Weight(LAYER + "ffn_up.weight", BLOCK + "feed_forward.up.weight"),
        Weight(LAYER + "ffn_down.weight", BLOCK + "feed_forward.down.weight"),
        Weight("output_norm.weight", "norm.weight"),
        Weight("output.weight", "output.weight"),
    ),
)
