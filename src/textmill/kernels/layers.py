"""What a model's layers call in training when the kernels run: a norm, the heads of attention, SwiGLU, a product.

Each is one autograd function over bf16 activations and float32 weights: products by torch (oneDNN), everything else by
`operations`. Weights that read the same input are laid side by side and multiplied at once.

Shapes: B batch, T positions, H heads, G key/value heads, K head width, D width, F feed-forward width, O outputs.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import BFloat16, Float, Float32, Int, Int32
from torch import Tensor

from textmill.kernels import operations

HEAD_WIDTHS = (32, 64, 96, 128)


def document_starts(documents_BT: Int[Tensor, "B T"]) -> Int32[Tensor, "B T"]:
    """Returns the first position of each position's document in its row."""
    place_T = torch.arange(documents_BT.shape[1], dtype=torch.int32, device=documents_BT.device)
    first_BT = torch.ones_like(documents_BT, dtype=torch.bool)
    first_BT[:, 1:] = documents_BT[:, 1:] != documents_BT[:, :-1]
    return torch.where(first_BT, place_T, 0).cummax(dim=1).values.to(torch.int32).contiguous()


def _side_by_side(*weights: Tensor) -> BFloat16[Tensor, "O D"]:
    """Returns the weights' rows under one another, in bf16."""
    out = torch.empty(sum(len(weight) for weight in weights), weights[0].shape[1], dtype=torch.bfloat16)
    for part, weight in zip(out.split([len(weight) for weight in weights]), weights, strict=True):
        part.copy_(weight)
    return out


class _AddNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, added: Tensor | None, weight: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
        flat = x.reshape(-1, x.shape[-1])
        total, y, scales = operations.add_norm(
            flat, None if added is None else added.reshape(flat.shape), weight, epsilon
        )
        ctx.save_for_backward(total, weight, scales)
        ctx.added = added is not None
        ctx.set_materialize_grads(False)
        return x if added is None else total.view(x.shape), y.view(x.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        total, weight, scales = ctx.saved_tensors
        passed, above = grads
        assert above is not None
        passed = None if passed is None else passed.reshape(total.shape).contiguous()
        dx, narrow, dw = operations.add_norm_backward(
            above.reshape(total.shape), passed, total, weight, scales, narrow=ctx.added
        )
        return dx.view(above.shape), None if narrow is None else narrow.view(above.shape), dw, None


def add_norm(
    x_BTD: Float32[Tensor, "B T D"],
    added_BTD: BFloat16[Tensor, "B T D"] | None,
    weight_D: Float32[Tensor, " D"],
    epsilon: float,
) -> tuple[Float32[Tensor, "B T D"], BFloat16[Tensor, "B T D"]]:
    """Returns the residual stream with `added_BTD` in it, in float32, and that normed (RMSNorm), in bf16."""
    return _AddNorm.apply(x_BTD, added_BTD, weight_D, epsilon)  # type: ignore[return-value]


class _Heads(torch.autograd.Function):
    """x → queries, keys, values → norms and rotation → attention: all heads beside one another, before W_O."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        query_norm: Tensor | None,
        key_norm: Tensor | None,
        rope: tuple[Tensor, Tensor],
        starts: Tensor,
        shape: "HeadShape",
    ) -> Tensor:
        weight = _side_by_side(query, key, value)
        qkv = x @ weight.T
        norms = query_norm, key_norm
        q, k, scales = operations.norm_rotate(qkv, (shape.heads, shape.key_heads), norms, rope, shape.epsilon)
        v = shape.values(qkv)
        out, sums = operations.attention(q, k, v, starts, shape.scale)
        ctx.save_for_backward(x, weight, qkv, q, k, out, sums, scales, starts, query_norm, key_norm, *rope)
        ctx.shape = shape
        return out.flatten(2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        x, weight, qkv, q, k, out, sums, scales, starts, query_norm, key_norm, cos, sin = ctx.saved_tensors
        shape: HeadShape = ctx.shape
        v = shape.values(qkv)
        above = grads[0].reshape(out.shape)
        by_heads = operations.attention_backward(above, q, k, v, out, sums, starts, shape.scale)
        norms = query_norm, key_norm
        by_qkv, by_query, by_key = operations.norm_rotate_backward(by_heads, qkv, norms, (cos, sin), scales)
        by_weight = operations.weight_gradient(by_qkv.flatten(0, 1), x.flatten(0, 1))
        inner, shared = shape.heads * shape.width, shape.key_heads * shape.width
        by_norms = (None if query_norm is None else by_query), (None if key_norm is None else by_key)
        return by_qkv @ weight, *by_weight.split((inner, shared, shared)), *by_norms, None, None, None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadShape:
    """What `heads` must know of the attention layer besides its weights."""

    heads: int
    key_heads: int
    width: int
    scale: float
    epsilon: float

    def values(self, qkv_BTX: BFloat16[Tensor, "B T X"]) -> BFloat16[Tensor, "B T G K"]:
        """Returns the values, which stand last in each row of `qkv_BTX`."""
        return qkv_BTX[..., -self.key_heads * self.width :].unflatten(-1, (self.key_heads, self.width))


def heads(
    x_BTD: BFloat16[Tensor, "B T D"],
    weights: tuple[Tensor, Tensor, Tensor],
    norms: tuple[Tensor | None, Tensor | None],
    rope: tuple[Float32[Tensor, "T P"], Float32[Tensor, "T P"]],
    starts_BT: Int32[Tensor, "B T"],
    shape: HeadShape,
) -> BFloat16[Tensor, "B T O"]:
    """Returns the outputs of all heads side by side: causal attention inside documents.

    `weights`: of queries, keys, values; `norms`: weights of the norms of queries and keys, None for none; `rope`:
    cosines and sines of positions 0 … T-1.
    """
    return _Heads.apply(x_BTD, *weights, *norms, rope, starts_BT, shape)  # type: ignore[return-value]


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
        flat, first, last = x.flatten(0, -2), _side_by_side(gate, up), down.to(torch.bfloat16)
        gate_up = flat @ first.T
        middle = operations.swiglu(gate_up)
        ctx.save_for_backward(flat, first, last, gate_up, middle)
        return (middle @ last.T).view(x.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        flat, first, last, gate_up, middle = ctx.saved_tensors
        above = grads[0].reshape(flat.shape)
        by_down = operations.weight_gradient(above, middle)
        by_gate_up = operations.swiglu_backward(above @ last, gate_up)
        by_first = operations.weight_gradient(by_gate_up, flat)
        return (by_gate_up @ first).view(grads[0].shape), *by_first.chunk(2), by_down


def swiglu(x: BFloat16[Tensor, "*N D"], gate_FD: Tensor, up_FD: Tensor, down_DF: Tensor) -> BFloat16[Tensor, "*N D"]:
    """Returns W_down · (silu(W_gate · x) ⊙ W_up · x)."""
    return _SwiGLU.apply(x, gate_FD, up_FD, down_DF)  # type: ignore[return-value]


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        narrow = weight.to(torch.bfloat16)
        ctx.save_for_backward(x, narrow)
        return x @ narrow.T

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        x, narrow = ctx.saved_tensors
        return grads[0] @ narrow, operations.weight_gradient(grads[0].flatten(0, -2), x.flatten(0, -2))


def linear(x: BFloat16[Tensor, "*N D"], weight_OD: Float[Tensor, "O D"]) -> BFloat16[Tensor, "*N O"]:
    """Returns W · x."""
    return _Linear.apply(x, weight_OD)  # type: ignore[return-value]
