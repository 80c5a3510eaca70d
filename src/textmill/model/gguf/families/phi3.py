"""Phi-3 and Phi-4 in GGUF: queries, keys and values in one matrix, gate and up in another, longrope's factors.

llama.cpp reads the window but does not use it (it warns); we do, as the model was trained.
"""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import GATE_WITH_UP, JOINED, decoder_weights, read_decoder, write_decoder
from textmill.model.gguf.family import GGUFFamily, GGUFValues
from textmill.model.gguf.rope import LONG, SHORT

FACTORS = (LONG, SHORT)


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Phi-3 file."""
    window = values.integer("attention.sliding_window", 0, minimum=0)
    windows = (window,) * values.integer("block_count", maximum=10_000) if window else ()
    return read_decoder(values, "phi3", wide_heads=False, factors=FACTORS, windows=windows)


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the family's keys; engines want the original context also where nothing is scaled."""
    told = config.preset == "phi3"  # else a window that llama.cpp passes over must be refused by name
    window = {"attention.sliding_window": max(config.windows, default=0) if told else 0}
    return {"rope.scaling.original_context_length": config.context} | write_decoder(config, **window)


PHI3 = GGUFFamily(
    architecture="phi3",
    write=write,
    read=read,
    weights=decoder_weights(projections=JOINED, feed_forward=GATE_WITH_UP),
    factors=FACTORS,
)
