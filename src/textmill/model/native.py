"""Training with the compiled kernels: which models they compute whole, and a block in their terms.

The same formulas as `block`, `attention`, `feed_forward` and `norm`, in bf16 over float32 weights; a test holds both
close. It is used in training only: everything that looks inside or generates runs the plain modules.

Shapes: B batch, T time, D width.
"""

from collections.abc import Sequence

from jaxtyping import Float, Int, Int32
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from textmill.kernels.layers import HEAD_WIDTHS, HeadShape, document_starts, heads, linear, rms_norm, swiglu
from textmill.model.attention import Attention
from textmill.model.block import Block
from textmill.model.config import ModelConfig


def fits(config: ModelConfig) -> bool:
    """Tells whether the kernels compute all of this model's layers."""
    plain = {
        "norm": "rms",
        "norm_place": "pre",
        "positions": "rope",
        "feed_forward_kind": "swiglu",
        "dropout": 0.0,
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
    x_BTD: Float[Tensor, "B T D"],
    rope: tuple[Tensor, Tensor] | None,
    documents_BT: Int[Tensor, "B T"],
    *,
    recompute: bool = False,
) -> Float[Tensor, "B T D"]:
    """Returns the residual stream after `blocks`; `rope`: cosines and sines (1 T P), the same positions in each row."""
    assert rope is not None
    angles = rope[0][0].contiguous(), rope[1][0].contiguous()
    starts_BT = document_starts(documents_BT)
    x_BTD = x_BTD.float()
    for block in blocks:
        given = (block, x_BTD, angles, starts_BT)
        x_BTD = checkpoint(native_block, *given, use_reentrant=False) if recompute else native_block(*given)
    return x_BTD


def native_block(
    block: Block, x_BTD: Float[Tensor, "B T D"], rope: tuple[Tensor, Tensor], starts_BT: Int32[Tensor, "B T"]
) -> Float[Tensor, "B T D"]:
    """Returns the residual stream (float32) after `block`.

    `rope`: cosines and sines (T P) of positions 0 … T-1; `starts_BT`: the first position of each position's document.
    """
    x_BTD = x_BTD + _attention(block.attention, _norm(block.attention_norm, x_BTD), rope, starts_BT)
    part = block.feed_forward
    y_BTD = _norm(block.feed_forward_norm, x_BTD)
    return x_BTD + swiglu(y_BTD, part.gate.weight, part.up.weight, part.down.weight)  # type: ignore[union-attr]


def _attention(part: Attention, x_BTD: Tensor, rope: tuple[Tensor, Tensor], starts_BT: Tensor) -> Tensor:
    config = part.config
    shape = HeadShape(
        heads=config.heads,
        key_heads=config.kv_heads,
        width=config.head_width,
        scale=part.scale,
        epsilon=config.norm_epsilon,
    )
    weights = part.query.weight, part.key.weight, part.value.weight
    norms = getattr(part.query_norm, "weight", None), getattr(part.key_norm, "weight", None)
    return linear(heads(x_BTD, weights, norms, rope, starts_BT, shape), part.output.weight)


def _norm(norm: nn.Module | None, x_BTD: Tensor) -> Tensor:
    return rms_norm(x_BTD, norm.weight, norm.eps)  # type: ignore[arg-type, union-attr]
