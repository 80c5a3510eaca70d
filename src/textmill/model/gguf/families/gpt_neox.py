"""GPT-NeoX (Pythia) in GGUF: LayerNorm, part of each head rotated, biases everywhere, an output of its own.

The model has the exact GELU, llama.cpp its tanh form (they differ by 5e-4 at most); the file does not say which.
"""

from typing import Any

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
    """Returns our configuration of a GPT-NeoX file."""
    return read_decoder(
        values,
        "gpt_neox",
        wide_heads=False,
        norm="layer",
        feed_forward_kind="gelu_exact",
        parallel=values.get("use_parallel_residual", bool, True),
        tied=False,
        **BIASED,
    )


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the family's keys."""
    return write_decoder(config, use_parallel_residual=config.parallel)


GPT_NEOX = GGUFFamily(
    architecture="gptneox", write=write, read=read, weights=decoder_weights(projections=JOINED, feed_forward=UNGATED)
)
