"""Attention in tiles that skips what the mask leaves out: FlexAttention (https://arxiv.org/abs/2412.05496), for GPUs.

    score(q, k) = softcap(q·k / √K) − slope · distance       where  start(q) ≤ k ≤ q  and  q − k < window

A dense mask costs T² numbers a row and keeps the fused kernels from skipping anything. Here the mask is a function, of
which only whole tiles are kept: a row of short documents costs their own squares, not the row's. Used in training,
where documents are packed. Models with sinks or dropout, for which it has no kernel, run the plain path, and so does a
CPU, for which torch has no backward pass of it.

Shapes: B batch, T positions, H heads, G key/value heads, K head width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from textmill.model.config import ModelConfig
from textmill.model.positions import alibi_slopes


def flexible(config: ModelConfig) -> bool:
    """Tells whether FlexAttention computes all that this model's attention does."""
    return not config.attention_sinks and not config.dropout


@dataclass(frozen=True, slots=True)
class TiledMask:
    """What a layer's positions may see, in tiles, and what else is done to their scores."""

    blocks: BlockMask
    softcap: float
    slopes_H: Tensor | None

    def attend(
        self,
        q_BHTK: Float[Tensor, "B H T K"],
        k_BGTK: Float[Tensor, "B G T K"],
        v_BGTK: Float[Tensor, "B G T K"],
        scale: float,
    ) -> Float[Tensor, "B H T K"]:
        """Returns softmax(scores) · V; queries of a group share its keys and values."""
        attention = flex_attention if q_BHTK.device.type == "cpu" else _compiled(flex_attention)
        grouped = q_BHTK.shape[1] != k_BGTK.shape[1]
        k_BGTK, v_BGTK = k_BGTK.to(q_BHTK.dtype), v_BGTK.to(q_BHTK.dtype)
        return attention(
            q_BHTK,
            k_BGTK,
            v_BGTK,
            score_mod=self._score(),
            block_mask=self.blocks,
            scale=scale,
            enable_gqa=grouped,
        )

    def _score(self) -> Callable[..., Tensor] | None:
        """Returns what a score becomes, given its row, head, query and key."""
        cap, slopes_H = self.softcap, self.slopes_H
        capped: Callable[[Tensor], Tensor] = lambda value: cap * torch.tanh(value / cap) if cap else value  # noqa: E731
        if slopes_H is not None:
            return lambda value, row, head, query, key: capped(value) - slopes_H[head] * (query - key)
        return (lambda value, row, head, query, key: capped(value)) if cap else None


def tiled_mask(config: ModelConfig, layer: int, starts_BT: Int[Tensor, "B T"]) -> TiledMask:
    """Returns the mask of a layer over packed rows; `starts_BT`: the first position of each position's document."""
    rows, length = starts_BT.shape
    window, device = config.window(layer), starts_BT.device

    reach = window or length
    make: Any = create_block_mask if device.type == "cpu" else _compiled(create_block_mask)
    blocks = make(
        # lambdas: torch looks at the signature, which a checker of types at run time would hide
        lambda row, head, query, key: (key <= query) & (key >= starts_BT[row, query]) & (query - key < reach),
        rows,
        None,
        length,
        length,
        device=device,
    )
    slopes_H = alibi_slopes(config.heads).to(device) if config.positions == "alibi" else None
    return TiledMask(blocks, config.attention_softcap, slopes_H)


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function compiled, as it must be to skip anything; made when first asked for."""
    return torch.compile(function, dynamic=False)
