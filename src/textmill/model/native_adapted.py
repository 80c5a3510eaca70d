"""Frozen linear maps and their adapters in bf16 on the compiled kernels: maps that read the same are one product.

    h = x·Aᵀ;   y = (x·Wᵀ + h·Bᵀ) ⊙ g          A: all adapters under one another, B: theirs as blocks, scaled

W has no gradient, which saves a third of the work. Laid side by side once, the frozen weights are then read as they
lie.

Shapes: N tokens, D inputs, O outputs, R ranks of all adapters.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from textmill.kernels.operations import weight_gradient
from textmill.model.adapted import AdaptedLinear

NARROW = torch.bfloat16


def adapted_product(x: Tensor, layers: Sequence[AdaptedLinear]) -> Tensor:
    """Returns the maps' outputs side by side (*N O), bf16."""
    learned = [layer for layer in layers if layer.lora_a_rD is not None]
    factors = None
    if any(layer.magnitude_O is not None for layer in layers):
        factors = torch.cat([_factors(layer) for layer in layers])
    if not learned:
        return _Adapted.apply(x, x, layers, None, None, factors, False)  # type: ignore[return-value]
    dropout = learned[0].dropout
    apart = bool(dropout) and layers[0].training
    dropped = F.dropout(x, dropout) if apart else x
    a_RD = torch.cat([layer.lora_a_rD for layer in learned if layer.lora_a_rD is not None])
    return _Adapted.apply(x, dropped, layers, a_RD, _blocks(layers), factors, apart)  # type: ignore[return-value]


def _factors(layer: AdaptedLinear) -> Tensor:
    if layer.magnitude_O is None:
        return torch.ones(layer.out_features)
    return layer.row_factors()


def _blocks(layers: Sequence[AdaptedLinear]) -> Tensor:
    """Returns B of all layers as blocks of one matrix (O R), each with its scale."""
    ranks = sum(layer.rank for layer in layers)
    rows, at = [], 0
    for layer in layers:
        if layer.lora_b_Or is None:
            rows.append(torch.zeros(layer.out_features, ranks))
            continue
        rows.append(F.pad(layer.lora_b_Or * layer.scale, (at, ranks - at - layer.rank)))
        at += layer.rank
    return torch.cat(rows)


def frozen_weight(layers: Sequence[AdaptedLinear]) -> Tensor:
    """Returns the frozen weights under one another (O D) in bf16; kept so from the first time on unless packed."""
    first = layers[0]
    if any(layer.packed is not None for layer in layers):
        return torch.cat([layer.dense(NARROW) for layer in layers]) if len(layers) > 1 else first.dense(NARROW)
    if len(layers) == 1:
        return first.dense(NARROW)
    if first.together is None:
        first.together = torch.cat([layer.dense(NARROW) for layer in layers])
        for layer, part in zip(layers, first.together.split([layer.out_features for layer in layers]), strict=True):
            assert layer.weight is not None
            if layer.weight.dtype == NARROW:
                layer.weight.data = part  # one copy, seen from both
    return first.together


def _gradient(above: Tensor, x: Tensor) -> Tensor:
    """Returns aboveᵀ · x in float32; the kernel reads numbers in pairs."""
    return (above.T @ x).float() if above.shape[1] % 2 or x.shape[1] % 2 else weight_gradient(above, x)


class _Adapted(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        dropped: Tensor,
        layers: Sequence[AdaptedLinear],
        a_RD: Tensor | None,
        b_OR: Tensor | None,
        factors_O: Tensor | None,
        apart: bool,
    ) -> Tensor:
        y = x.flatten(0, -2) @ frozen_weight(layers).T
        a, b, low = None, None, None
        if a_RD is not None and b_OR is not None:
            a, b = a_RD.to(NARROW), b_OR.to(NARROW)
            low = dropped.flatten(0, -2) @ a.T
            y.addmm_(low, b.T)
        if factors_O is not None:
            y *= factors_O.to(NARROW)
        scaled = None if factors_O is None else y
        ctx.save_for_backward(None if a is None else dropped, a, b, low, factors_O, scaled)
        ctx.layers, ctx.apart = layers, apart
        return y.view(*x.shape[:-1], y.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        dropped, a, b, low, factors_O, y = ctx.saved_tensors
        above = grads[0].flatten(0, -2)
        by_factors = None
        if factors_O is not None:
            by_factors = (above * y).sum(0, dtype=torch.float32) / factors_O
            above = above * factors_O.to(NARROW)
        by_x = above @ frozen_weight(ctx.layers) if ctx.needs_input_grad[0] else None
        shape = (*grads[0].shape[:-1], -1)
        if a is None:
            return None if by_x is None else by_x.view(shape), None, None, None, None, by_factors, None
        by_low = above @ b
        by_a = _gradient(by_low, dropped.flatten(0, -2))
        by_b = _gradient(above, low)
        by_dropped = None
        if ctx.apart:
            by_dropped = (by_low @ a).view(shape)
        elif by_x is not None:
            by_x.addmm_(by_low, a)
        return None if by_x is None else by_x.view(shape), by_dropped, None, by_a, by_b, by_factors, None
