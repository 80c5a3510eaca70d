"""The compiled kernels as functions of tensors; the arithmetic stands in the .cpp files. Nothing here knows gradients.

Shapes: B batch, T positions, H heads, G key/value heads, K head width, N tokens (B·T), D inputs, O outputs, F
feed-forward width, V vocabulary. bf16 unless a shape says float32 or int.
"""

import ctypes

import torch
from jaxtyping import BFloat16, Float32, Int, Int32
from torch import Tensor

from textmill.kernels.build import library

_I64, _F32 = ctypes.c_int64, ctypes.c_float


class _Shape(ctypes.Structure):
    _fields_ = [(name, _I64) for name in ("rows", "positions", "heads", "key_heads", "width")]


class _View(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), *((name, _I64) for name in ("row", "position", "head"))]


def _view(x_BTHK: Tensor) -> _View:
    return _View(x_BTHK.data_ptr(), *x_BTHK.stride()[:3])


def _pointer(x: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if x is None else x.data_ptr())


def _dense(x: Tensor) -> Tensor:
    """Returns `x` with its last dimension dense and rows on an even number of elements, as the kernels read words."""
    return x if x.stride(-1) == 1 and all(stride % 2 == 0 for stride in x.stride()[:-1]) else x.contiguous()


def _bf16(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.bfloat16)


def _shape(q_BTHK: Tensor, k_BTGK: Tensor) -> _Shape:
    return _Shape(*q_BTHK.shape[:3], k_BTGK.shape[2], q_BTHK.shape[3])


def attention(
    q_BTHK: BFloat16[Tensor, "B T H K"],
    k_BTGK: BFloat16[Tensor, "B T G K"],
    v_BTGK: BFloat16[Tensor, "B T G K"],
    starts_BT: Int32[Tensor, "B T"],
    scale: float,
) -> tuple[BFloat16[Tensor, "B T H K"], Float32[Tensor, "B H T"]]:
    """Returns causal attention inside documents, and the logarithm of each softmax's denominator.

    `starts_BT`: the first position of each position's document in its row. K is a multiple of 32.
    """
    q, k, v = map(_dense, (q_BTHK, k_BTGK, v_BTGK))
    out_BTHK, sums_BHT = _bf16(*q.shape), torch.empty(q.shape[0], q.shape[2], q.shape[1])
    views = (ctypes.byref(_view(x)) for x in (q, k, v))
    rest = (_pointer(starts_BT), _F32(scale), _pointer(out_BTHK), _pointer(sums_BHT))
    library().attention_forward(ctypes.byref(_shape(q, k)), *views, *rest)
    return out_BTHK, sums_BHT


def attention_backward(
    grad_BTHK: BFloat16[Tensor, "B T H K"],
    q_BTHK: BFloat16[Tensor, "B T H K"],
    k_BTGK: BFloat16[Tensor, "B T G K"],
    v_BTGK: BFloat16[Tensor, "B T G K"],
    out_BTHK: BFloat16[Tensor, "B T H K"],
    sums_BHT: Float32[Tensor, "B H T"],
    starts_BT: Int32[Tensor, "B T"],
    scale: float,
) -> tuple[BFloat16[Tensor, "B T H K"], BFloat16[Tensor, "B T G K"], BFloat16[Tensor, "B T G K"]]:
    """Returns the gradients of queries, keys and values; weights are computed again, block by block."""
    tensors = [_dense(x) for x in (q_BTHK, k_BTGK, v_BTGK, out_BTHK, grad_BTHK)]
    grads = [_bf16(*x.shape) for x in tensors[:3]]
    views = (ctypes.byref(_view(x)) for x in tensors)
    rest = (_pointer(starts_BT), _pointer(sums_BHT), _F32(scale), *map(_pointer, grads))
    library().attention_backward(ctypes.byref(_shape(q_BTHK, k_BTGK)), *views, *rest)
    return grads[0], grads[1], grads[2]


def weight_gradient(
    grad_NO: BFloat16[Tensor, "N O"], x_ND: BFloat16[Tensor, "N D"], into: Float32[Tensor, "O D"] | None = None
) -> Float32[Tensor, "O D"]:
    """Returns gradᵀ · x in float32, the gradient of a linear layer's weight; with `into` it is added to that."""
    grad_NO, x_ND = _dense(grad_NO), _dense(x_ND)
    out_OD = torch.empty(grad_NO.shape[1], x_ND.shape[1]) if into is None else into
    sizes = map(_I64, (grad_NO.shape[0], *out_OD.shape))
    matrices = (_pointer(grad_NO), _I64(grad_NO.stride(0)), _pointer(x_ND), _I64(x_ND.stride(0)))
    library().weight_gradient(*matrices, *sizes, _pointer(out_OD), ctypes.c_bool(into is not None))
    return out_OD


def softmax_error_(
    logits_NV: BFloat16[Tensor, "N V"], targets_N: Int[Tensor, " N"], z: float = 0.0
) -> Float32[Tensor, " N"]:
    """Turns logits into the gradient of the loss by them, in place; returns each token's −ln p(target).

    With `z` the gradient is that of the objective with the z-loss (see `train.loss`).
    """
    losses_N, targets_N = torch.empty(len(logits_NV)), targets_N.contiguous()
    sizes = map(_I64, logits_NV.shape)
    library().softmax_error(_pointer(logits_NV), _pointer(targets_N), *sizes, _F32(z), _pointer(losses_N))
    return losses_N


def log_sums(logits_NV: BFloat16[Tensor, "N V"]) -> tuple[Float32[Tensor, " N"], Int[Tensor, " N"]]:
    """Returns the logarithm of each row's Σ exp, and the first place of its largest value."""
    sums_N, best_N = torch.empty(len(logits_NV)), torch.empty(len(logits_NV), dtype=torch.int64)
    library().log_sums(_pointer(logits_NV), *map(_I64, logits_NV.shape), _pointer(sums_N), _pointer(best_N))
    return sums_N, best_N


def add_norm(
    x_ND: Float32[Tensor, "N D"],
    added_ND: BFloat16[Tensor, "N D"] | None,
    weight_D: Float32[Tensor, " D"],
    epsilon: float,
) -> tuple[Float32[Tensor, "N D"], BFloat16[Tensor, "N D"], Float32[Tensor, " N"]]:
    """Returns t = x + added (x itself where nothing is added), t / rms(t) · w and 1 / rms(t)."""
    total_ND = x_ND if added_ND is None else torch.empty_like(x_ND)
    y_ND, scales_N = _bf16(*x_ND.shape), torch.empty(len(x_ND))
    outputs = (_F32(epsilon), *map(_pointer, (total_ND, y_ND, scales_N)))
    inputs = map(_pointer, (x_ND, added_ND, weight_D))
    library().add_norm_forward(*inputs, *map(_I64, x_ND.shape), *outputs)
    return total_ND, y_ND, scales_N


def add_norm_backward(
    grad_ND: BFloat16[Tensor, "N D"],
    passed_ND: Float32[Tensor, "N D"] | None,
    total_ND: Float32[Tensor, "N D"],
    weight_D: Float32[Tensor, " D"],
    scales_N: Float32[Tensor, " N"],
    *,
    narrow: bool,
) -> tuple[Float32[Tensor, "N D"], BFloat16[Tensor, "N D"] | None, Float32[Tensor, " D"]]:
    """Returns the gradients of x, of what was added (`narrow`: the same in bf16, else None) and of w.

    `grad_ND` is that of the normed output, `passed_ND` that of the total, None where nothing else read it.
    """
    dx_ND, dw_D = torch.empty_like(total_ND), torch.empty_like(weight_D)
    narrow_ND = _bf16(*total_ND.shape) if narrow else None
    inputs = map(_pointer, (grad_ND, passed_ND, total_ND, weight_D, scales_N))
    outputs = map(_pointer, (dx_ND, narrow_ND, dw_D))
    library().add_norm_backward(*inputs, *map(_I64, total_ND.shape), *outputs)
    return dx_ND, narrow_ND, dw_D


def swiglu(gate_up: BFloat16[Tensor, "N FF"]) -> BFloat16[Tensor, "N F"]:
    """Returns silu(gate) · up, where the first half of each row is the gate."""
    rows, half = gate_up.shape[0], gate_up.shape[1] // 2
    y_NF = _bf16(rows, half)
    library().swiglu_forward(_pointer(gate_up), _I64(rows), _I64(half), _pointer(y_NF))
    return y_NF


def swiglu_backward(grad_NF: BFloat16[Tensor, "N F"], gate_up: BFloat16[Tensor, "N FF"]) -> BFloat16[Tensor, "N FF"]:
    """Returns the gradient of `gate_up`."""
    out = torch.empty_like(gate_up)
    sizes = map(_I64, grad_NF.shape)
    library().swiglu_backward(_pointer(grad_NF), _pointer(gate_up), *sizes, _pointer(out))
    return out


def norm_rotate(
    qkv_BTX: BFloat16[Tensor, "B T X"],
    heads: tuple[int, int],
    weights: tuple[Tensor | None, Tensor | None],
    rope: tuple[Float32[Tensor, "T P"], Float32[Tensor, "T P"]],
    epsilon: float,
) -> tuple[BFloat16[Tensor, "B T H K"], BFloat16[Tensor, "B T G K"], Float32[Tensor, "B T HG"]]:
    """Returns queries and keys, each head normed by `weights` ((K,) float32 or None) and rotated, and 1 / rms.

    X = (H + 2·G)·K; `heads`: H and G; `rope`: cosines and sines of positions 0 … T-1.
    """
    (rows, length, total), (H, G) = qkv_BTX.shape, heads
    width = total // (H + 2 * G)
    q_BTHK, k_BTGK = _bf16(rows, length, H, width), _bf16(rows, length, G, width)
    scales = torch.empty(rows, length, H + G)
    inputs = map(_pointer, (qkv_BTX, *weights, *rope))
    outputs = map(_pointer, (q_BTHK, k_BTGK, scales))
    library().norm_rotate_forward(ctypes.byref(_shape(q_BTHK, k_BTGK)), *inputs, _F32(epsilon), *outputs)
    return q_BTHK, k_BTGK, scales


def norm_rotate_backward(
    grads: tuple[Tensor, Tensor, Tensor],
    qkv_BTX: BFloat16[Tensor, "B T X"],
    weights: tuple[Tensor | None, Tensor | None],
    rope: tuple[Float32[Tensor, "T P"], Float32[Tensor, "T P"]],
    scales: Float32[Tensor, "B T HG"],
) -> tuple[BFloat16[Tensor, "B T X"], Float32[Tensor, " K"], Float32[Tensor, " K"]]:
    """Returns the gradient of `qkv_BTX` from those of queries, keys and values, and of both norms' weights."""
    dq_BTHK, dk_BTGK, _ = grads
    out = torch.empty_like(qkv_BTX)
    by_query, by_key = torch.empty(dq_BTHK.shape[3]), torch.empty(dq_BTHK.shape[3])
    inputs = map(_pointer, (*grads, qkv_BTX, *weights, *rope, scales))
    outputs = map(_pointer, (out, by_query, by_key))
    library().norm_rotate_backward(ctypes.byref(_shape(dq_BTHK, dk_BTGK)), *inputs, *outputs)
    return out, by_query, by_key
