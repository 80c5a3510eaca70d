"""Llama 2 and 3: RMSNorm before each part, RoPE with its scalings, SwiGLU, grouped heads.

Yi, SmolLM, TinyLlama and DeepSeek-LLM are published under this name.
"""

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


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    return write_decoder(config) | {"mlp_bias": config.feed_forward_bias}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Llama config.json; defaults are those of transformers."""
    return read_decoder(config, "llama", DEFAULTS)


LLAMA = decoder_family("llama", "LlamaForCausalLM", write=write, read=read)
