"""One layer: attention, then feed-forward, each added to the residual stream.

pre:  x + f(norm(x))        post:  norm(x + f(x))        both:  x + norm_after(f(norm(x)))

Shapes: B batch, T time, D width.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from textmill.model.attention import Attention
from textmill.model.cache import Cache
from textmill.model.config import ModelConfig
from textmill.model.feed_forward import make_feed_forward
from textmill.model.norm import make_norm
from textmill.model.trace import Trace


class Block(nn.Module):
    """One layer of the decoder."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.place, self.layer, self.dropout = config.norm_place, layer, config.dropout
        self.attention_norm = make_norm(config)
        self.attention = Attention(config, layer)
        self.feed_forward_norm = make_norm(config)
        self.feed_forward = make_feed_forward(config)
        self.attention_norm_after = make_norm(config) if config.norm_place == "both" else None
        self.feed_forward_norm_after = make_norm(config) if config.norm_place == "both" else None

    def forward(
        self,
        x_BTD: Float[Tensor, "B T D"],
        rope: tuple[Tensor, Tensor] | None = None,
        bias: Tensor | None = None,
        cache: Cache | None = None,
        trace: Trace | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Returns the residual stream after this layer."""
        post = self.place == "post"
        y_BTD = self.attention(x_BTD if post else self.attention_norm(x_BTD), rope, bias, cache, trace)
        if self.attention_norm_after is not None:
            y_BTD = self.attention_norm_after(y_BTD)
        x_BTD = x_BTD + F.dropout(y_BTD, self.dropout, self.training)
        if post:
            x_BTD = self.attention_norm(x_BTD)
        if trace is not None:
            trace.record(f"layer.{self.layer}.middle", x_BTD)
        y_BTD = self.feed_forward(x_BTD if post else self.feed_forward_norm(x_BTD))
        if self.feed_forward_norm_after is not None:
            y_BTD = self.feed_forward_norm_after(y_BTD)
        if trace is not None:
            trace.record(f"layer.{self.layer}.feed_forward", y_BTD)
        x_BTD = x_BTD + F.dropout(y_BTD, self.dropout, self.training)
        if post:
            x_BTD = self.feed_forward_norm(x_BTD)
        if trace is not None:
            trace.record(f"layer.{self.layer}.residual", x_BTD)
        return x_BTD
