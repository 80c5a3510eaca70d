"""Gemma 1, 2 and 3 (text): embeddings scaled by √width, RMSNorm weights that count from 1, GeGLU.

2 adds norms after each part, soft-caps and every other layer with a window; 3 takes the soft-caps away again, norms
queries and keys, and rotates its window layers (five of six) with a base of their own.
"""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.hub.common import (
    FULL,
    SLIDING,
    decoder_family,
    decoder_weights,
    read_decoder,
    read_windows,
    write_decoder,
    write_windows,
)
from textmill.model.hub.family import HubConfig
from textmill.model.hub.rope import read_rope

NORMS_AROUND = {
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "attention_norm_after",
    "pre_feedforward_layernorm": "feed_forward_norm",
    "post_feedforward_layernorm": "feed_forward_norm_after",
}
DEFAULTS = {
    "vocab_size": 256000,
    "hidden_size": 3072,
    "intermediate_size": 24576,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "max_position_embeddings": 8192,
    "head_dim": 256,
    "tie_word_embeddings": True,
}
DEFAULTS_2 = DEFAULTS | {
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
}
DEFAULTS_3 = DEFAULTS_2 | {"vocab_size": 262208, "max_position_embeddings": 131072}
GELU = "gelu_pytorch_tanh"


def common(config: HubConfig, defaults: dict[str, Any]) -> dict[str, Any]:
    """Returns the options that all three share."""
    for name in ("hidden_activation", "hidden_act"):
        config.require(name, GELU, *(["gelu"] if name == "hidden_act" and "hidden_activation" in config else []))
    config.require("use_bidirectional_attention", False)
    width = config.integer("hidden_size", defaults["hidden_size"])
    return {"feed_forward_kind": "geglu", "norm_offset": True, "embedding_scale": width**0.5}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Gemma 1 config.json; defaults are those of transformers."""
    return read_decoder(config, "gemma", DEFAULTS, **common(config, DEFAULTS))


def with_windows(config: HubConfig, layers: int, pattern: int) -> tuple[int, ...]:
    """Returns the windows: all layers but every `pattern`-th."""
    window = config.integer("sliding_window", 4096, minimum=0)
    default = [SLIDING if window and (layer + 1) % pattern else FULL for layer in range(layers)]
    return read_windows(config, layers, window, default)


def around(config: HubConfig, defaults: dict[str, Any], pattern: int) -> dict[str, Any]:
    """Returns the options that Gemma 2 and 3 share."""
    layers = config.integer("num_hidden_layers", defaults["num_hidden_layers"], maximum=10_000)
    return common(config, defaults) | {
        "norm_place": "both",
        "attention_scale": config.number("query_pre_attn_scalar", 256.0) ** -0.5,
        "windows": with_windows(config, layers, pattern),
    }


def read_2(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Gemma 2 config.json."""
    caps = {
        "attention_softcap": _softcap(config, "attn_logit_softcapping", 50.0),
        "logit_softcap": _softcap(config, "final_logit_softcapping", 30.0),
    }
    return read_decoder(config, "gemma2", DEFAULTS_2, **around(config, DEFAULTS_2, 2), **caps)


def _softcap(config: HubConfig, name: str, default: float) -> float:
    """Returns a soft-cap; null means none, silence the default."""
    return config.number(name, 0.0) if name in config.values else default


def read_3(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Gemma 3 (text) config.json."""
    context = config.integer("max_position_embeddings", DEFAULTS_3["max_position_embeddings"])
    pattern = config.integer("sliding_window_pattern", config.get("_sliding_window_pattern", int, 6))
    options = around(config, DEFAULTS_3, pattern)
    rope = config.section("rope_parameters")
    if FULL in rope or SLIDING in rope:  # transformers 5: an object a kind of layer
        rope.section(SLIDING).require("rope_type", "default")
        local = rope.section(SLIDING).number("rope_theta", 10_000.0)
        values = HubConfig({"rope_parameters": rope.section(FULL).values}, config.place)
    else:
        local, values = config.number("rope_local_base_freq", 10_000.0), config
    options |= read_rope(values, context, theta=1e6)
    return read_decoder(
        config,
        "gemma3_text",
        DEFAULTS_3,
        **options,
        qk_norm=True,
        window_rope_theta=local,
        attention_softcap=_softcap(config, "attn_logit_softcapping", 0.0),
        logit_softcap=_softcap(config, "final_logit_softcapping", 0.0),
    )


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of a Gemma 1 config.json."""
    return write_decoder(config) | {"hidden_act": GELU, "hidden_activation": GELU}


def write_2(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of a Gemma 2 config.json."""
    scale = config.attention_scale or config.head_width**-0.5
    values = write(config) | write_windows(config)
    return values | {
        "query_pre_attn_scalar": round(scale**-2),
        "attn_logit_softcapping": config.attention_softcap or None,
        "final_logit_softcapping": config.logit_softcap or None,
    }


def write_3(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of a Gemma 3 (text) config.json."""
    return write_2(config) | {"rope_local_base_freq": config.window_rope_theta}


GEMMA = decoder_family("gemma", "GemmaForCausalLM", write=write, read=read)
GEMMA2 = decoder_family(
    "gemma2",
    "Gemma2ForCausalLM",
    write=write_2,
    read=read_2,
    weights=decoder_weights(norms=NORMS_AROUND),
)
GEMMA3 = decoder_family(
    "gemma3_text",
    "Gemma3ForCausalLM",
    write=write_3,
    read=read_3,
    weights=decoder_weights(norms=NORMS_AROUND),
)
