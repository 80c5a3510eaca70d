"""Falcon in GGUF: attention and feed-forward side by side, with one norm (7B) or one each (40B), no biases.

The model has the exact GELU, llama.cpp its tanh form (they differ by 5e-4 at most); the file does not say which.
"""

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import (
    BLOCK,
    JOINED,
    LAYER,
    UNGATED,
    decoder_weights,
    linear,
    read_decoder,
    write_decoder,
)
from textmill.model.gguf.family import SECOND_NORM, GGUFFamily, GGUFValues


def two_norms(config: ModelConfig) -> bool:
    """True where attention and feed-forward have a norm each."""
    return not config.shared_norm


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Falcon file."""
    return read_decoder(
        values,
        "falcon",
        wide_heads=False,
        norm="layer",
        feed_forward_kind="gelu_exact",
        parallel=True,
        shared_norm=SECOND_NORM not in values.shapes,
    )


FALCON = GGUFFamily(
    architecture="falcon",
    write=write_decoder,
    read=read,
    weights=decoder_weights(projections=JOINED, norms={}, feed_forward=UNGATED)
    + linear(LAYER + "attn_norm", BLOCK + "feed_forward_norm", when=two_norms)
    + linear(LAYER + "attn_norm_2", BLOCK + "attention_norm", when=two_norms)
    + linear(LAYER + "attn_norm", BLOCK + "attention_norm", when=lambda config: not two_norms(config)),
    without_effect=("tensor_data_layout",),
)
