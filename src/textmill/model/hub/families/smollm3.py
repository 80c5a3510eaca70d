"""SmolLM3: Llama in which every fourth layer has no positions."""

from typing import Any

from textmill.errors import ModelError
from textmill.model.config import ModelConfig
from textmill.model.hub.common import (
    FULL,
    SLIDING,
    decoder_family,
    read_decoder,
    read_windows,
    write_decoder,
    write_windows,
)
from textmill.model.hub.family import HubConfig

DEFAULTS = {
    "vocab_size": 128256,
    "hidden_size": 2048,
    "intermediate_size": 11008,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": True,
    "rope_theta": 2e6,
}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a SmolLM3 config.json; defaults are those of transformers."""
    layers = config.integer("num_hidden_layers", DEFAULTS["num_hidden_layers"], maximum=10_000)
    interval = config.integer("no_rope_layer_interval", 4)
    rotates = config.get("no_rope_layers", list, [int((layer + 1) % interval != 0) for layer in range(layers)])
    if len(rotates) < layers or any(value not in (0, 1) for value in rotates):
        raise ModelError(
            "hub.value", file=config.place, name="no_rope_layers", expected=f"{layers} × 0 | 1", value=str(rotates)[:80]
        )
    skips = tuple(layer for layer in range(layers) if not rotates[layer])
    used = config.get("use_sliding_window", bool, False)
    window = config.integer("sliding_window", 0, minimum=0) if used else 0
    default = [SLIDING if window and rotates[layer] == 0 else FULL for layer in range(layers)]
    windows = read_windows(config, layers, window, default)
    return read_decoder(config, "smollm3", DEFAULTS, rope_skips=skips, windows=windows)


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    return (
        write_decoder(config)
        | write_windows(config)
        | {
            "no_rope_layers": [int(layer not in config.rope_skips) for layer in range(config.layers)],
            "use_sliding_window": any(config.windows),
            "mlp_bias": config.feed_forward_bias,
        }
    )


SMOLLM3 = decoder_family(
    "smollm3",
    "SmolLM3ForCausalLM",
    write=write,
    read=read,
    without_effect=("no_rope_layer_interval",),
)
