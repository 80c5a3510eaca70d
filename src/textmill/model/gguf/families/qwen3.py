"""Qwen3 in GGUF, the layout of `modern`. llama.cpp rotates halves there (NEOX), as we do: nothing is permuted."""

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import decoder_weights, read_decoder, write_decoder
from textmill.model.gguf.family import GGUFFamily, GGUFValues


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Qwen3 file."""
    return read_decoder(values, "modern", qk_norm=True)


QWEN3 = GGUFFamily(architecture="qwen3", write=write_decoder, read=read, weights=decoder_weights())
