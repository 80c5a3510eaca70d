"""Gemma 1, 2 and 3 (text) in GGUF: norms are stored as the factor 1 + w; scale and caps are partly llama.cpp's own.

The scores' multiplier is not in the file: llama.cpp takes 1/√head_width, and for the largest of 2 and 3, which it knows
by their number of layers, 1/√(width / heads).
"""

from typing import Any

import numpy as np

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import (
    NORMS_AROUND,
    decoder_weights,
    read_decoder,
    read_layer_windows,
    write_decoder,
)
from textmill.model.gguf.family import ONE_ADDED, GGUFFamily, GGUFValues

LARGEST_2, LARGEST_3 = 46, 62
"""The layers of Gemma 2 27B and Gemma 3 27B."""
PATTERN_2, PATTERN_3 = 2, 6


def common(values: GGUFValues) -> dict[str, Any]:
    """Returns the options that all three share."""
    width = values.integer("embedding_length")
    return {"feed_forward_kind": "geglu", "norm_offset": True, "embedding_scale": width**0.5}


def around(values: GGUFValues, window: int, pattern: int, largest: int) -> dict[str, Any]:
    """Returns the options that Gemma 2 and 3 share."""
    layers = values.integer("block_count", maximum=10_000)
    scale = 0.0
    if layers == largest:
        scale = (values.integer("embedding_length") // values.integer("attention.head_count")) ** -0.5
    return common(values) | {
        "norm_place": "both",
        "attention_scale": scale,
        "windows": read_layer_windows(values, layers, window, pattern),
    }


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Gemma 1 file."""
    return read_decoder(values, "gemma", **common(values), tied=True)


def read_2(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Gemma 2 file."""
    caps: dict[str, Any] = {
        "attention_softcap": values.number("attn_logit_softcapping", 50.0),
        "logit_softcap": values.number("final_logit_softcapping", 30.0),
    }
    window = values.integer("attention.sliding_window", 4096, minimum=0)
    return read_decoder(values, "gemma2", **around(values, window, PATTERN_2, LARGEST_2), **caps, tied=True)


def read_3(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Gemma 3 file."""
    window = values.integer("attention.sliding_window", 0, minimum=0)
    return read_decoder(
        values,
        "gemma3_text",
        **around(values, window, PATTERN_3, LARGEST_3),
        qk_norm=True,
        window_rope_theta=values.number("rope.freq_base_swa", 10_000.0),
        logit_softcap=values.number("final_logit_softcapping", 0.0),
    )


def windows(config: ModelConfig, pattern: int) -> dict[str, Any]:
    """Returns the keys for the windows; which layers have one is told only where the usual pattern does not."""
    window = max(config.windows, default=0)
    if not window:
        return {}
    values: dict[str, Any] = {"attention.sliding_window": window}
    sliding = [bool(config.window(layer)) for layer in range(config.layers)]
    if sliding != [(layer + 1) % pattern != 0 for layer in range(config.layers)]:
        values["attention.sliding_window_pattern"] = np.array(sliding, bool)
    return values


def write_2(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of Gemma 2."""
    values = write_decoder(config, **windows(config, PATTERN_2))
    caps = {"attn_logit_softcapping": config.attention_softcap, "final_logit_softcapping": config.logit_softcap}
    return values | {name: cap for name, cap in caps.items() if cap}


def write_3(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of Gemma 3."""
    values = write_decoder(config, **windows(config, PATTERN_3))
    if config.logit_softcap:
        values["final_logit_softcapping"] = config.logit_softcap
    if any(config.windows):
        values["rope.freq_base_swa"] = config.window_rope_theta or config.rope_theta
    return values


GEMMA = GGUFFamily(architecture="gemma", write=write_decoder, read=read, weights=decoder_weights(norm=ONE_ADDED))
GEMMA2 = GGUFFamily(
    architecture="gemma2", write=write_2, read=read_2, weights=decoder_weights(norms=NORMS_AROUND, norm=ONE_ADDED)
)
GEMMA3 = GGUFFamily(
    architecture="gemma3", write=write_3, read=read_3, weights=decoder_weights(norms=NORMS_AROUND, norm=ONE_ADDED)
)
