"""GLM-4 in GGUF: norms around each part, half of each head rotated in neighbouring pairs, gate and up in one matrix."""

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import (
    GATE_WITH_UP,
    NORMS_AROUND,
    decoder_weights,
    read_decoder,
    write_decoder,
)
from textmill.model.gguf.family import GGUFFamily, GGUFValues
from textmill.model.hub.packing import ROTARY


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a GLM-4 file."""
    return read_decoder(values, "glm4", biases=("attention_bias",), norm_place="both")


GLM4 = GGUFFamily(
    architecture="glm4",
    write=write_decoder,
    read=read,
    weights=decoder_weights(ROTARY, norms=NORMS_AROUND, feed_forward=GATE_WITH_UP),
)
