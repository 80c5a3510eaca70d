"""BLOOM in GGUF: ALiBi, a norm on the embedding, LayerNorm, GELU, biases everywhere, one matrix for all projections."""

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import (
    BIASED,
    JOINED,
    UNGATED,
    decoder_weights,
    read_decoder,
    write_decoder,
)
from textmill.model.gguf.family import GGUFFamily, GGUFValues


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a BLOOM file."""
    return read_decoder(
        values,
        "bloom",
        wide_heads=False,
        positions="alibi",
        norm="layer",
        feed_forward_kind="gelu",
        embedding_norm=True,
        **BIASED,
    )


BLOOM = GGUFFamily(
    architecture="bloom",
    write=write_decoder,
    read=read,
    weights=decoder_weights(projections=JOINED, feed_forward=UNGATED),
)
