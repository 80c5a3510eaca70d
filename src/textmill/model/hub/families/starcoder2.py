"""StarCoder2: LayerNorm, GELU, biases everywhere, grouped heads, RoPE and a window that all layers have."""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.hub.common import decoder_family, decoder_weights, read_decoder, same_window, write_decoder
from textmill.model.hub.family import HubConfig

DEFAULTS = {
    "vocab_size": 49152,
    "hidden_size": 3072,
    "intermediate_size": 12288,
    "num_hidden_layers": 30,
    "num_attention_heads": 24,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a StarCoder2 config.json; defaults are those of transformers."""
    config.require("hidden_act", "gelu_pytorch_tanh", "gelu_new")
    layers = config.integer("num_hidden_layers", DEFAULTS["num_hidden_layers"], maximum=10_000)
    bias = config.get("use_bias", bool, True)
    return read_decoder(
        config,
        "starcoder2",
        DEFAULTS,
        norm="layer",
        norm_epsilon=config.number("norm_epsilon", 1e-5),
        attention_bias=bias,
        attention_output_bias=bias,
        feed_forward_kind="gelu",
        feed_forward_bias=bias,
        windows=same_window(config, layers),
        dropout=config.number("residual_dropout", 0.0),
    )


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    values = write_decoder(config)
    for name in ("head_dim", "rms_norm_eps", "attention_bias"):
        del values[name]
    return values | {
        "hidden_act": "gelu_pytorch_tanh",
        "norm_epsilon": config.norm_epsilon,
        "use_bias": config.attention_bias,
        "sliding_window": max(config.windows, default=0) or None,
        "residual_dropout": config.dropout,
        "embedding_dropout": config.dropout,
    }


STARCODER2 = decoder_family(
    "starcoder2",
    "Starcoder2ForCausalLM",
    write=write,
    read=read,
    weights=decoder_weights(feed_forward={"mlp.c_fc": ("up",), "mlp.c_proj": ("down",)}),
    without_effect=("embedding_dropout",),
)
