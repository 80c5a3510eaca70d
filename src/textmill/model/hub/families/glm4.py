"""GLM-4: norms around each part, half of each head rotated in neighbouring pairs, gate and up in one matrix."""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.hub.common import GATE_WITH_UP, decoder_family, decoder_weights, read_decoder, write_decoder
from textmill.model.hub.family import HubConfig
from textmill.model.hub.packing import ROTARY

DEFAULTS = {
    "vocab_size": 151552,
    "hidden_size": 4096,
    "intermediate_size": 13696,
    "num_hidden_layers": 40,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "max_position_embeddings": 131072,
    "head_dim": 128,
    "rms_norm_eps": 1.5625e-7,
    "partial_rotary_factor": 0.5,
}
NORMS = {
    "input_layernorm": "attention_norm",
    "post_self_attn_layernorm": "attention_norm_after",
    "post_attention_layernorm": "feed_forward_norm",
    "post_mlp_layernorm": "feed_forward_norm_after",
}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a GLM-4 config.json; defaults are those of transformers."""
    bias = config.get("attention_bias", bool, True)
    return read_decoder(config, "glm4", DEFAULTS, norm_place="both", attention_bias=bias, attention_output_bias=False)


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    return write_decoder(config) | {"partial_rotary_factor": config.rope_fraction}


GLM4 = decoder_family(
    "glm4",
    "Glm4ForCausalLM",
    write=write,
    read=read,
    weights=decoder_weights(norms=NORMS, feed_forward=GATE_WITH_UP, packing=ROTARY),
)
