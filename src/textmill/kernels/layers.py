"""What a model's layers call in training when the kernels run: a norm, attention, the middle of SwiGLU, products.

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


class _Attend(torch.autograd.Function):
    """Queries, keys and values → norms and rotation → attention: all heads beside one another, before W_O."""

    @staticmethod
    def forward(
        ctx: Any,
        qkv: Tensor,
        query_norm: Tensor | None,
        key_norm: Tensor | None,
        rope: tuple[Tensor, Tensor],
        starts: Tensor,
        shape: "HeadShape",
    ) -> Tensor:
        norms = query_norm, key_norm
        q, k, scales = operations.norm_rotate(qkv, (shape.heads, shape.key_heads), norms, rope, shape.epsilon)
        v = shape.values(qkv)
        out, sums = operations.attention(q, k, v, starts, shape.scale)
        ctx.save_for_backward(qkv, q, k, out, sums, scales, starts, query_norm, key_norm, *rope)
        ctx.shape = shape
        return out.flatten(2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        qkv, q, k, out, sums, scales, starts, query_norm, key_norm, cos, sin = ctx.saved_tensors
        shape: HeadShape = ctx.shape
        v = shape.values(qkv)
        above = grads[0].reshape(out.shape)
        by_heads = operations.attention_backward(above, q, k, v, out, sums, starts, shape.scale)
        norms = query_norm, key_norm
        by_qkv, by_query, by_key = operations.norm_rotate_backward(by_heads, qkv, norms, (cos, sin), scales)
        by_norms = (None if query_norm is None else by_query), (None if key_norm is None else by_key)
        return by_qkv, *by_norms, None, None, None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadShape:
    """What `attend` must know of the attention layer besides its weights."""

    heads: int
    key_heads: int
    width: int
    scale: float
    epsilon: float

    def values(self, qkv_BTX: BFloat16[Tensor, "B T X"]) -> BFloat16[Tensor, "B T G K"]:
        """Returns the values, which stand last in each row of `qkv_BTX`."""
        return qkv_BTX[..., -self.key_heads * self.width :].unflatten(-1, (self.key_heads, self.width))


def attend(
    qkv_BTX: BFloat16[Tensor, "B T X"],
    norms: tuple[Tensor | None, Tensor | None],
    rope: tuple[Float32[Tensor, "T P"], Float32[Tensor, "T P"]],
    starts_BT: Int32[Tensor, "B T"],
    shape: HeadShape,
) -> BFloat16[Tensor, "B T O"]:
    """Returns the outputs of all heads side by side: causal attention inside documents.

    `qkv_BTX`: queries, keys and values side by side; `norms`: weights of the norms of queries and keys, None for none;
    `rope`: cosines and sines of positions 0 … T-1.
    """
    return _Attend.apply(qkv_BTX, *norms, rope, starts_BT, shape)  # type: ignore[return-value]


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up)
        return operations.swiglu(gate_up)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (gate_up,) = ctx.saved_tensors
        return operations.swiglu_backward(grads[0].contiguous(), gate_up)


def gated(gate_up: BFloat16[Tensor, "N FF"]) -> BFloat16[Tensor, "N F"]:
    """Returns silu(gate) ⊙ up, where the first half of each row is the gate."""
    return _Gated.apply(gate_up)  # type: ignore[return-value]


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *weights: Tensor) -> Tensor:
        narrow = weights[0].to(torch.bfloat16) if len(weights) == 1 else _side_by_side(*weights)
        ctx.save_for_backward(x, narrow)
        ctx.sizes = [len(weight) for weight in weights]
        return x @ narrow.T

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        x, narrow = ctx.saved_tensors
        by_weight = operations.weight_gradient(grads[0].flatten(0, -2), x.flatten(0, -2))
        return grads[0] @ narrow if ctx.needs_input_grad[0] else None, *by_weight.split(ctx.sizes)


def linear(x: BFloat16[Tensor, "*N D"], *weights_OD: Float[Tensor, "_ D"]) -> BFloat16[Tensor, "*N O"]:
    """Returns W · x of all the weights, side by side."""
    return _Linear.apply(x, *weights_OD)  # type: ignore[return-value]
