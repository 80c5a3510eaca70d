"""Norms: RMSNorm y = x / rms(x) · w (https://arxiv.org/abs/1910.07467) and LayerNorm y = (x - mean) / std · w + b."""

import torch.nn.functional as F
from torch import Tensor, nn

from textmill.model.config import ModelConfig


class RMSNorm(nn.RMSNorm):
    """torch's, also fused where autocast brings bf16 activations to float32 weights (queries and keys)."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns x / rms(x) · w in the dtype of `x`; the mean square is taken in float32."""
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class OffsetRMSNorm(RMSNorm):
    """RMSNorm whose weight counts from 1 (https://arxiv.org/abs/2403.08295, Gemma)."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns x / rms(x) · (1 + w) in the dtype of `x`."""
        return F.rms_norm(x, self.normalized_shape, (1.0 + self.weight.float()).to(x.dtype), self.eps)


def make_norm(config: ModelConfig) -> nn.Module:
    """Returns a norm over the model's width."""
    return _norm(config, config.width)


def make_head_norm(config: ModelConfig, heads: int) -> nn.Module:
    """Returns a norm for queries or keys: over one head's width, or over all `heads` together.

    https://arxiv.org/abs/2302.05442
    """
    return _norm(config, config.head_width * (heads if config.qk_norm_joint else 1))


def _norm(config: ModelConfig, width: int) -> nn.Module:
    if config.norm == "layer":
        return nn.LayerNorm(width, eps=config.norm_epsilon)
    kind = OffsetRMSNorm if config.norm_offset else RMSNorm
    return kind(width, eps=config.norm_epsilon)
