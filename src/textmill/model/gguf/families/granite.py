"""Granite 3 in GGUF: Llama with multipliers on embeddings, scores, what each part adds, and logits (a divisor)."""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import ALL_BIASES, decoder_weights, read_decoder, write_decoder
from textmill.model.gguf.family import GGUFFamily, GGUFValues
from textmill.model.gguf.rope import FACTOR_TENSORS
from textmill.model.hub.packing import ROTARY


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Granite file; without positions, which `finetuned` says, it is refused by name."""
    values.require("rope.scaling.finetuned", True)
    return read_decoder(
        values,
        "granite",
        biases=ALL_BIASES,
        wide_heads=False,
        factors=FACTOR_TENSORS,
        embedding_scale=values.number("embedding_scale", 1.0),
        attention_scale=values.number("attention.scale", 0.0),
        residual_scale=values.number("residual_scale", 1.0),
        logit_divisor=values.number("logit_scale", 1.0),
    )


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the family's keys."""
    return write_decoder(config) | {
        "embedding_scale": config.embedding_scale,
        "attention.scale": config.attention_scale or config.head_width**-0.5,
        "residual_scale": config.residual_scale,
        "logit_scale": config.logit_divisor,
    }


GRANITE = GGUFFamily(
    architecture="granite", write=write, read=read, weights=decoder_weights(ROTARY), factors=FACTOR_TENSORS
)
