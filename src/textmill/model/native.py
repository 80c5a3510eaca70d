"""Training with the compiled kernels: which models they compute whole, and a block in their terms.

The same formulas as `block`, `attention`, `feed_forward` and `norm`, in bf16 over float32 weights; a test holds both
close. It is used in training only: everything that looks inside or generates runs the plain modules.

Shapes: B batch, T time, D width.
"""

from collections.abc import Sequence
from typing import cast

import torch.nn.functional as F
from jaxtyping import BFloat16, Float, Int, Int32
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from textmill.kernels.layers import HEAD_WIDTHS, HeadShape, add_norm, attend, document_starts, gated, linear
from textmill.model.adapted import AdaptedLinear
from textmill.model.attention import Attention
from textmill.model.block import Block
from textmill.model.config import ModelConfig
from textmill.model.feed_forward import FeedForward
from textmill.model.native_adapted import adapted_product


def fits(config: ModelConfig) -> bool:
    """Tells whether the kernels compute all of this model's layers."""
    plain = {
        "norm": "rms",
        "norm_place": "pre",
        "positions": "rope",
        "feed_forward_kind": "swiglu",
        "residual_scale": 1.0,
        "attention_softcap": 0.0,
    }
    options = (
        *(config.norm_offset, config.parallel, config.experts, config.windows, config.rope_skips),
        *(config.attention_bias, config.attention_output_bias, config.feed_forward_bias),
        *(config.attention_sinks, config.qk_norm_joint, config.rotated_width != config.head_width),
    )
    same = all(getattr(config, name) == value for name, value in plain.items())
    return same and not any(options) and config.head_width in HEAD_WIDTHS


def native_layers(
    blocks: Sequence[Block],
    last_norm: nn.Module,
    x_BTD: Float[Tensor, "B T D"],
    rope: tuple[Tensor, Tensor] | None,
    documents_BT: Int[Tensor, "B T"],
    *,
    recompute: bool = False,
) -> BFloat16[Tensor, "B T D"]:
    """Returns the residual stream after `blocks`, normed; `rope`: cosines and sines (1 T P), equal in all rows.

    Each part's output is added to the stream by the norm that stands before the next part, in one pass.
    """
    assert rope is not None
    angles = rope[0][0].contiguous(), rope[1][0].contiguous()
    starts_BT = document_starts(documents_BT)
    x_BTD, added_BTD = x_BTD.float(), None
    for block in blocks:
        given = (block, x_BTD, added_BTD, angles, starts_BT)
        x_BTD, added_BTD = checkpoint(native_block, *given, use_reentrant=False) if recompute else native_block(*given)
    return _norm(last_norm, x_BTD, added_BTD)[1]


def native_block(
    block: Block,
    x_BTD: Float[Tensor, "B T D"],
    added_BTD: BFloat16[Tensor, "B T D"] | None,
    rope: tuple[Tensor, Tensor],
    starts_BT: Int32[Tensor, "B T"],
) -> tuple[Float[Tensor, "B T D"], BFloat16[Tensor, "B T D"]]:
    """Returns the residual stream (float32) and what `block`'s last part adds to it.

    `added_BTD`: what the block before adds. `rope`: cosines and sines (T P) of positions 0 … T-1. `starts_BT`: the
    first position of each position's document.
    """
    x_BTD, y_BTD = _norm(block.attention_norm, x_BTD, added_BTD)
    attended_BTD = _dropped(block, _attention(block.attention, y_BTD, rope, starts_BT))
    x_BTD, y_BTD = _norm(block.feed_forward_norm, x_BTD, attended_BTD)
    part = cast("FeedForward", block.feed_forward)
    gate_up = product(y_BTD.flatten(0, -2), cast("nn.Linear", part.gate), part.up)
    return x_BTD, _dropped(block, product(gated(gate_up), part.down).view(y_BTD.shape))


def _dropped(block: Block, y_BTD: Tensor) -> Tensor:
    """Returns what a part adds, with dropout; attention's weights, which the kernel never keeps, have none here."""
    return F.dropout(y_BTD, block.dropout) if block.dropout else y_BTD


def _attention(part: Attention, x_BTD: Tensor, rope: tuple[Tensor, Tensor], starts_BT: Tensor) -> Tensor:
    config = part.config
    shape = HeadShape(
        heads=config.heads,
        key_heads=config.kv_heads,
        width=config.head_width,
        scale=part.scale,
        epsilon=config.norm_epsilon,
    )
    norms = getattr(part.query_norm, "weight", None), getattr(part.key_norm, "weight", None)
    return product(attend(product(x_BTD, part.query, part.key, part.value), norms, rope, starts_BT, shape), part.output)


def product(x: Tensor, *layers: nn.Module) -> Tensor:
    """Returns W·x of linear maps that read the same, side by side, with what adapters add to each."""
    if isinstance(layers[0], AdaptedLinear):
        return adapted_product(x, cast("tuple[AdaptedLinear, ...]", layers))
    return linear(x, *(cast("nn.Linear", layer).weight for layer in layers))


def _norm(norm: nn.Module | None, x_BTD: Tensor, added_BTD: Tensor | None) -> tuple[Tensor, Tensor]:
    return add_norm(x_BTD, added_BTD, norm.weight, norm.eps)  # type: ignore[arg-type, union-attr]
