"""OLMo 2 in GGUF: norms on what each part adds, one norm over all heads' queries and keys, an output of its own."""

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import decoder_weights, read_decoder, write_decoder
from textmill.model.gguf.family import GGUFFamily, GGUFValues


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of an OLMo 2 file; OLMo 3, which has windows, is refused by name."""
    values.require("attention.sliding_window", 0)
    return read_decoder(
        values,
        "olmo2",
        wide_heads=False,
        norm_place="output",
        qk_norm=True,
        qk_norm_joint=True,
        tied=False,
    )


OLMO2 = GGUFFamily(
    architecture="olmo2",
    write=write_decoder,
    read=read,
    weights=decoder_weights(norms={"post_attention_norm": "attention_norm", "post_ffw_norm": "feed_forward_norm"}),
)
