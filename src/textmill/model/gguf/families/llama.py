"""Llama in GGUF, under which Yi, SmolLM, TinyLlama and DeepSeek-LLM go too.

llama.cpp rotates neighbouring dimensions there, so the files have the rows of queries and keys in that order (ROTARY).
Llama 3.1's frequencies lie in the file as the tensor rope_freqs.weight, which is not read yet: it is refused by name.
"""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import decoder_weights, read_decoder, write_decoder
from textmill.model.gguf.family import GGUFFamily, GGUFValues
from textmill.model.hub.packing import ROTARY


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the family's keys."""
    return write_decoder(config, **{"rope.dimension_count": config.head_width})


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Llama file."""
    values.require("expert_count", 0)
    return read_decoder(values, "llama")


LLAMA = GGUFFamily(architecture="llama", write=write, read=read, weights=decoder_weights(ROTARY))
