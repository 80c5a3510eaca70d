"""Granite 3: Llama with multipliers on embeddings, attention scores, what each part adds, and logits."""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.hub.common import decoder_family, read_decoder, write_decoder
from textmill.model.hub.family import HubConfig

DEFAULTS = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Granite config.json; defaults are those of transformers."""
    return read_decoder(
        config,
        "granite",
        DEFAULTS,
        embedding_scale=config.number("embedding_multiplier", 1.0),
        attention_scale=config.number("attention_multiplier", 1.0),
        residual_scale=config.number("residual_multiplier", 1.0),
        logit_divisor=config.number("logits_scaling", 1.0),
    )


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    values = write_decoder(config)
    del values["head_dim"]  # Granite has none: always the width over the heads
    return values | {
        "embedding_multiplier": config.embedding_scale,
        "attention_multiplier": config.attention_scale or config.head_width**-0.5,
        "residual_multiplier": config.residual_scale,
        "logits_scaling": config.logit_divisor,
        "mlp_bias": config.feed_forward_bias,
    }


GRANITE = decoder_family("granite", "GraniteForCausalLM", write=write, read=read)
