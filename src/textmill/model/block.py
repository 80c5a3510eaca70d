"""One layer: attention, then feed-forward, each added to the residual stream.

pre:  x + f(norm(x))        post:  norm(x + f(x))        both:  x + norm_after(f(norm(x)))      output:  x + norm(f(x))
parallel:  x + attention(norm(x)) + feed_forward(norm'(x)), where norm' may be norm

Shapes: B batch, T time, D width.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from textmill.model.attention import Attention
from textmill.model.cache import Cache
from textmill.model.config import ModelConfig
from textmill.model.feed_forward import make_feed_forward
from textmill.model.flex import TiledMask
from textmill.model.norm import make_norm
from textmill.model.trace import Trace


class Block(nn.Module):
    """One layer of the decoder."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.place, self.layer, self.dropout = config.norm_place, layer, config.dropout
        self.parallel, self.scale = config.parallel, config.residual_scale
        self.attention_norm = make_norm(config)
        self.attention = Attention(config, layer)
        self.feed_forward_norm = make_norm(config) if not (config.parallel and config.shared_norm) else None
        self.feed_forward = make_feed_forward(config)
        self.attention_norm_after = make_norm(config) if config.norm_place == "both" else None
        self.feed_forward_norm_after = make_norm(config) if config.norm_place == "both" else None

    def forward(
        self,
        x_BTD: Float[Tensor, "B T D"],
        rope: tuple[Tensor, Tensor] | None = None,
        bias: Tensor | TiledMask | None = None,
        cache: Cache | None = None,
        trace: Trace | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Returns the residual stream after this layer."""

        norm, start_BTD = self.attention_norm, x_BTD
        y_BTD = self.attention(self._before(norm, x_BTD), rope, bias, cache, trace)
        x_BTD = self._add(x_BTD, self._after(norm, self.attention_norm_after, y_BTD), norm)
        if trace is not None:
            trace.record(f"layer.{self.layer}.middle", x_BTD)
        norm = norm if self.feed_forward_norm is None else self.feed_forward_norm
        y_BTD = self.feed_forward(self._before(norm, start_BTD if self.parallel else x_BTD))
        y_BTD = self._after(norm, self.feed_forward_norm_after, y_BTD)
        if trace is not None:
            trace.record(f"layer.{self.layer}.feed_forward", y_BTD)
        x_BTD = self._add(x_BTD, y_BTD, norm)
        if trace is not None:
            trace.record(f"layer.{self.layer}.residual", x_BTD)
        return x_BTD

    def _before(self, norm: nn.Module, x_BTD: Tensor) -> Tensor:
        """Returns what a part reads."""
        return norm(x_BTD) if self.place in ("pre", "both") else x_BTD

    def _after(self, norm: nn.Module, second: nn.Module | None, y_BTD: Tensor) -> Tensor:
        """Returns what a part adds."""
        y_BTD = norm(y_BTD) if self.place == "output" else y_BTD
        y_BTD = second(y_BTD) if second is not None else y_BTD
        return y_BTD if self.scale == 1.0 else y_BTD * self.scale

    def _add(self, x_BTD: Tensor, y_BTD: Tensor, norm: nn.Module) -> Tensor:
        """Returns the residual stream with a part's output in it."""
        x_BTD = x_BTD + F.dropout(y_BTD, self.dropout, self.training)
        return norm(x_BTD) if self.place == "post" else x_BTD
