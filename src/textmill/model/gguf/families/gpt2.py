"""GPT-2 in GGUF, the layout of `classic`: queries, keys and values as one matrix, all matrices output × input."""

from typing import Any

from textmill.model.config import ModelConfig, head_width_of
from textmill.model.gguf.family import GGUFFamily, GGUFValues, Weight

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
        "attention.layer_norm_epsilon": config.norm_epsilon,
    }


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a GPT-2 file."""
    width, heads = values.integer("embedding_length"), values.integer("attention.head_count")
    values.require("attention.head_count_kv", heads)
    vocabulary = values.shapes.get("token_embd.weight", (0,))[0]
    values.require("vocab_size", vocabulary)
    return ModelConfig(
        preset="classic",
        vocabulary_size=vocabulary,
        context=values.integer("context_length"),
        layers=values.integer("block_count", maximum=10_000),
        width=width,
        heads=heads,
        kv_heads=heads,
        head_width=head_width_of(width, heads),
        feed_forward=values.integer("feed_forward_length", 4 * width),
        positions="learned",
        norm="layer",
        norm_epsilon=values.number("attention.layer_norm_epsilon", 1e-5),
        attention_bias=True,
        attention_output_bias=True,
        feed_forward_kind="gelu",
        feed_forward_bias=True,
        tied="output.weight" not in values.shapes,
    )


def _linear(gguf: str, *ours: str) -> tuple[Weight, Weight]:
    """Rows for the weight and the bias of a linear map or a norm."""
    return (
        Weight(f"{LAYER}{gguf}.weight", tuple(f"{BLOCK}{name}.weight" for name in ours)),
        Weight(f"{LAYER}{gguf}.bias", tuple(f"{BLOCK}{name}.bias" for name in ours)),
    )


GPT2 = GGUFFamily(
    architecture="gpt2",
    write=write,
    read=read,
    weights=(
        Weight("token_embd.weight", "token_embedding.weight"),
        Weight("position_embd.weight", "position_embedding.weight"),
        *_linear("attn_norm", "attention_norm"),
        *_linear("attn_qkv", "attention.query", "attention.key", "attention.value"),
        *_linear("attn_output", "attention.output"),
        *_linear("ffn_norm", "feed_forward_norm"),
        *_linear("ffn_up", "feed_forward.up"),
        *_linear("ffn_down", "feed_forward.down"),
        Weight("output_norm.weight", "norm.weight"),
        Weight("output_norm.bias", "norm.bias"),
        Weight("output.weight", "output.weight"),
    ),
)
