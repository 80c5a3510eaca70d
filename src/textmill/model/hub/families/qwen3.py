"""Qwen3, the layout of `modern`: RMSNorm before each part, RoPE, norms on queries and keys, SwiGLU, grouped heads.

Qwen2 and 2.5 are the same with biases on queries, keys and values in place of the norms.
"""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.hub.common import (
    FULL,
    SLIDING,
    decoder_family,
    decoder_weights,
    expert_weights,
    read_decoder,
    read_windows,
    write_decoder,
    write_windows,
)
from textmill.model.hub.family import HubConfig

DEFAULTS = {
    "vocab_size": 151936,
    "hidden_size": 4096,
    "intermediate_size": 22016,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 32768,
}
MIXTURE_DEFAULTS = DEFAULTS | {
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 24,
    "num_key_value_heads": 4,
}


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json that are Qwen's own."""
    window = max(config.windows, default=0)
    sliding = [bool(size) for size in config.windows]
    tail = sliding.index(True) if window else config.layers
    values = write_decoder(config) | write_windows(config)
    if not window:
        del values["layer_types"]
    return values | {"use_sliding_window": bool(window), "max_window_layers": tail}


def windows(config: HubConfig, layers: int) -> tuple[int, ...]:
    """Returns each layer's window: by `layer_types`, else from `max_window_layers` on where windows are used."""
    used = config.get("use_sliding_window", bool, False)
    window = config.integer("sliding_window", 0, minimum=0) if used else 0
    first = config.integer("max_window_layers", 28, minimum=0)
    return read_windows(config, layers, window, [SLIDING if window and n >= first else FULL for n in range(layers)])


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Qwen3 config.json; defaults are those of transformers."""
    layers = config.integer("num_hidden_layers", DEFAULTS["num_hidden_layers"], maximum=10_000)
    defaults = DEFAULTS | {"head_dim": 128}
    return read_decoder(config, "modern", defaults, qk_norm=True, windows=windows(config, layers))


def read_qwen2(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Qwen2 config.json."""
    layers = config.integer("num_hidden_layers", DEFAULTS["num_hidden_layers"], maximum=10_000)
    return read_decoder(
        config,
        "qwen2",
        DEFAULTS,
        windows=windows(config, layers),
        attention_bias=True,
        attention_output_bias=False,
    )


def read_mixture(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Qwen3-MoE config.json; layers without experts are refused by name."""
    config.require("decoder_sparse_step", 1)
    config.require("mlp_only_layers", [])
    layers = config.integer("num_hidden_layers", MIXTURE_DEFAULTS["num_hidden_layers"], maximum=10_000)
    used = config.get("use_sliding_window", bool, False)  # here all layers have the window, or none
    window = config.integer("sliding_window", 4096, minimum=0) if used else 0
    return read_decoder(
        config,
        "qwen3_moe",
        MIXTURE_DEFAULTS,
        qk_norm=True,
        windows=(window,) * layers if window else (),
        feed_forward=config.integer("moe_intermediate_size", 768),
        experts=config.integer("num_experts", config.get("num_local_experts", int, 128)),
        experts_per_token=config.integer("num_experts_per_tok", 8),
        norm_expert_weights=config.get("norm_topk_prob", bool, False),
    )


def write_mixture(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json that are Qwen3-MoE's own."""
    window = max(config.windows, default=0)
    return write_decoder(config) | {
        "moe_intermediate_size": config.feed_forward,
        "num_experts": config.experts,
        "num_experts_per_tok": config.experts_per_token,
        "norm_topk_prob": config.norm_expert_weights,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "use_sliding_window": bool(window),
        "sliding_window": window or None,
    }


QWEN3 = decoder_family("qwen3", "Qwen3ForCausalLM", write=write, read=read)
QWEN2 = decoder_family("qwen2", "Qwen2ForCausalLM", write=write, read=read_qwen2)
QWEN3_MOE = decoder_family(
    "qwen3_moe",
    "Qwen3MoeForCausalLM",
    write=write_mixture,
    read=read_mixture,
    weights=decoder_weights(
        feed_forward={},
        experts=expert_weights(
            "mlp.gate",
            "mlp.experts.{expert}.gate_proj",
            "mlp.experts.{expert}.up_proj",
            "mlp.experts.{expert}.down_proj",
        ),
    ),
    without_effect=("intermediate_size",),
)
