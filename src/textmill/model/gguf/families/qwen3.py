"""Qwen3, the layout of `modern`, Qwen2 and Qwen3-MoE in GGUF.

llama.cpp rotates halves there (NEOX), as we do: nothing is permuted. It knows no windows of Qwen's.
"""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.gguf.families.common import decoder_weights, read_decoder, read_experts, write_decoder
from textmill.model.gguf.family import GGUFFamily, GGUFValues


def read(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Qwen3 file."""
    return read_decoder(values, "modern", qk_norm=True)


def read_qwen2(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Qwen2 or 2.5 file."""
    return read_decoder(values, "qwen2", biases=("attention_bias",), wide_heads=False)


def read_mixture(values: GGUFValues) -> ModelConfig:
    """Returns our configuration of a Qwen3-MoE file; llama.cpp always makes the experts' weights sum to one."""
    options = read_experts(values)
    options["feed_forward"] = values.integer("expert_feed_forward_length")
    return read_decoder(values, "qwen3_moe", qk_norm=True, **options)


def write_mixture(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of Qwen3-MoE."""
    return write_decoder(config, expert_feed_forward_length=config.feed_forward)


QWEN3 = GGUFFamily(architecture="qwen3", write=write_decoder, read=read, weights=decoder_weights())
QWEN2 = GGUFFamily(architecture="qwen2", write=write_decoder, read=read_qwen2, weights=decoder_weights())
QWEN3_MOE = GGUFFamily(architecture="qwen3moe", write=write_mixture, read=read_mixture, weights=decoder_weights())
