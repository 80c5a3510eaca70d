"""Mistral: Llama with a window that all layers have; Mixtral: with a mixture of experts as its feed-forward part."""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.hub.common import (
    decoder_family,
    decoder_weights,
    expert_weights,
    read_decoder,
    same_window,
    write_decoder,
)
from textmill.model.hub.family import HubConfig

DEFAULTS = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
}


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    return write_decoder(config) | {"sliding_window": max(config.windows, default=0) or None}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Mistral config.json; defaults are those of transformers."""
    layers = config.integer("num_hidden_layers", 32, maximum=10_000)
    return read_decoder(config, "mistral", DEFAULTS, windows=same_window(config, layers, 4096))


def read_mixtral(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Mixtral config.json."""
    config.require("router_jitter_noise", 0.0, 0)
    layers = config.integer("num_hidden_layers", 32, maximum=10_000)
    return read_decoder(
        config,
        "mixtral",
        DEFAULTS | {"rms_norm_eps": 1e-5, "rope_theta": 1e6},
        windows=same_window(config, layers),
        experts=config.integer("num_local_experts", config.get("num_experts", int, 8)),
        experts_per_token=config.integer("num_experts_per_tok", 2),
        norm_expert_weights=True,
    )


def write_mixtral(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    return write(config) | {"num_local_experts": config.experts, "num_experts_per_tok": config.experts_per_token}


MISTRAL = decoder_family("mistral", "MistralForCausalLM", write=write, read=read)
MIXTRAL = decoder_family(
    "mixtral",
    "MixtralForCausalLM",
    write=write_mixtral,
    read=read_mixtral,
    weights=decoder_weights(
        feed_forward={},
        experts=expert_weights(
            "block_sparse_moe.gate",
            "block_sparse_moe.experts.{expert}.w1",
            "block_sparse_moe.experts.{expert}.w3",
            "block_sparse_moe.experts.{expert}.w2",
        ),
    ),
)
