"""Norms: RMSNorm y = x / rms(x) · w (https://arxiv.org/abs/1910.07467) and LayerNorm y = (x - mean) / std · w + b."""

from torch import nn

from textmill.model.config import ModelConfig


def make_norm(config: ModelConfig) -> nn.Module:
    """Returns a norm over the model's width."""
    if config.norm == "rms":
        return nn.RMSNorm(config.width, eps=config.norm_epsilon)
    return nn.LayerNorm(config.width, eps=config.norm_epsilon)


def make_head_norm(config: ModelConfig) -> nn.Module:
    """Returns a norm over one head's width, for queries and keys (https://arxiv.org/abs/2302.05442)."""
    if config.norm == "rms":
        return nn.RMSNorm(config.head_width, eps=config.norm_epsilon)
    return nn.LayerNorm(config.head_width, eps=config.norm_epsilon)
