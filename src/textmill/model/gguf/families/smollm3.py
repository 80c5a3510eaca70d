"""SmolLM3 in GGUF: Llama in which every fourth layer has no positions; which ones is llama.cpp's own knowledge."""

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import decoder_weights, read_decoder, write_decoder
from textmill.model.gguf.family import GGUFFamily, GGUFValues
from textmill.model.hub.packing import ROTARY

INTERVAL = 4


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a SmolLM3 file."""
    layers = values.integer("block_count", maximum=10_000)
    skips = tuple(range(INTERVAL - 1, layers, INTERVAL))
    return read_decoder(values, "smollm3", biases=("attention_bias",), rope_skips=skips)


SMOLLM3 = GGUFFamily(architecture="smollm3", write=write_decoder, read=read, weights=decoder_weights(ROTARY))
