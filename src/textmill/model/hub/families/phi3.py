"""Phi-3 and Phi-4: Llama with queries, keys and values in one matrix, gate and up in another, and longrope."""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.hub.common import (
    GATE_WITH_UP,
    QUERY_KEY_VALUE,
    decoder_family,
    decoder_weights,
    read_decoder,
    same_window,
    write_decoder,
)
from textmill.model.hub.family import HubConfig

DEFAULTS = {
    "vocab_size": 32064,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-5,
    "partial_rotary_factor": 1.0,
}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Phi-3 config.json; defaults are those of transformers."""
    layers = config.integer("num_hidden_layers", DEFAULTS["num_hidden_layers"], maximum=10_000)
    dropout = config.number("resid_pdrop", 0.0)
    return read_decoder(config, "phi3", DEFAULTS, windows=same_window(config, layers), dropout=dropout)


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    scaling = config.rope_scaling
    values = write_decoder(config) | {"sliding_window": max(config.windows, default=0) or None}
    values["original_max_position_embeddings"] = scaling.original_context or config.context
    if config.rope_fraction != 1.0:
        values["partial_rotary_factor"] = config.rope_fraction
    return values | {"resid_pdrop": config.dropout, "embd_pdrop": config.dropout}


PHI3 = decoder_family(
    "phi3",
    "Phi3ForCausalLM",
    write=write,
    read=read,
    weights=decoder_weights(projections={"self_attn.qkv_proj": QUERY_KEY_VALUE}, feed_forward=GATE_WITH_UP),
    without_effect=("embd_pdrop", "original_max_position_embeddings"),
)
