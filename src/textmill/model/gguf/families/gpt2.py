"""GPT-2 in GGUF, the layout of `classic`: queries, keys and values as one matrix, all matrices output × input."""

from typing import Any

from textmill.model.config import ModelConfig, head_width_of
from textmill.model.gguf.families.common import JOINED, UNGATED, decoder_weights
from textmill.model.gguf.family import GGUFFamily, GGUFValues, Weight


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


TABLE = decoder_weights(projections=JOINED, feed_forward=UNGATED)
GPT2 = GGUFFamily(
    architecture="gpt2",
    write=write,
    read=read,
    weights=(TABLE[0], Weight("position_embd.weight", "position_embedding.weight"), *TABLE[1:]),
)
