"""StarCoder2 in GGUF: LayerNorm, GELU, biases everywhere. llama.cpp does not know its window."""

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import BIASED, UNGATED, decoder_weights, read_decoder, write_decoder
from textmill.model.gguf.family import GGUFFamily, GGUFValues


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a StarCoder2 file."""
    return read_decoder(values, "starcoder2", wide_heads=False, norm="layer", feed_forward_kind="gelu", **BIASED)


STARCODER2 = GGUFFamily(
    architecture="starcoder2", write=write_decoder, read=read, weights=decoder_weights(feed_forward=UNGATED)
)
