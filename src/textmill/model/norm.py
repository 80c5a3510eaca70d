"""Norms: RMSNorm y = x / rms(x) · w (https://arxiv.org/abs/1910.07467) and LayerNorm y = (x - mean) / std · w + b."""

import torch.nn.functional as F
from torch import Tensor, nn

from textmill.model.config import ModelConfig


class RMSNorm(nn.RMSNorm):
    """torch's, also fused where autocast brings bf16 activations to float32 weights (queries and keys)."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns x / rms(x) · w in the dtype of `x`; the mean square is taken in float32."""
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


def make_norm(config: ModelConfig) -> nn.Module:
    """Returns a norm over the model's width."""
    return _norm(config, config.width)


def make_head_norm(config: ModelConfig) -> nn.Module:
    """Returns a norm over one head's width, for queries and keys (https://arxiv.org/abs/2302.05442)."""
    return _norm(config, config.head_width)


def _norm(config: ModelConfig, width: int) -> nn.Module:
    kind = RMSNorm if config.norm == "rms" else nn.LayerNorm
    return kind(width, eps=config.norm_epsilon)
