"""Llama in GGUF, under which Mistral, Mixtral, Yi, SmolLM, TinyLlama, DeepSeek-LLM and InternLM 3 go too.

llama.cpp rotates neighbouring dimensions there, so the files have the rows of queries and keys in that order (ROTARY).
"""

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import (
    ALL_BIASES,
    decoder_weights,
    read_decoder,
    read_experts,
    write_decoder,
)
from textmill.model.gguf.family import GGUFFamily, GGUFValues
from textmill.model.gguf.rope import FACTOR_TENSORS
from textmill.model.hub.packing import ROTARY


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Llama file, Mixtral's if it has experts."""
    experts = read_experts(values)
    preset = "mixtral" if experts else "llama"
    return read_decoder(values, preset, biases=ALL_BIASES, factors=FACTOR_TENSORS, **experts)


LLAMA = GGUFFamily(
    architecture="llama", write=write_decoder, read=read, weights=decoder_weights(ROTARY), factors=FACTOR_TENSORS
)
