"""InternLM 2 in GGUF: Llama with an output of its own. llama.cpp rotates neighbours there (ROTARY)."""

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import decoder_weights, read_decoder, write_decoder
from textmill.model.gguf.family import GGUFFamily, GGUFValues
from textmill.model.hub.packing import ROTARY


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of an InternLM 2 file."""
    return read_decoder(values, "internlm2", wide_heads=False, tied=False)


INTERNLM2 = GGUFFamily(architecture="internlm2", write=write_decoder, read=read, weights=decoder_weights(ROTARY))
