"""Large matrices multiplied in float8 while training: half the bytes of bf16, twice its rate on GPUs with such units.

    y = (x₈ · W₈ᵀ) / (s_x · s_W)        s = largest of the format / largest |value| of the tensor, anew each time

Weights and activations as e4m3 (three bits of mantissa), gradients as e5m2 (more range), as
https://arxiv.org/abs/2209.05433 has it; sums are float32, what comes out is bf16, master weights stay float32. Only the
matrices inside blocks: embedding and output are where rounding shows in the loss.

Shapes: N rows, I inputs, O outputs.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from textmill.model.gpt import GPT

SMALLEST = 512
"""Inputs and outputs from which a matrix is worth the scaling; the units want multiples of 16."""
FORWARD, BACKWARD = torch.float8_e4m3fn, torch.float8_e5m2


def scaled(x: Float[Tensor, "*A"], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Returns `x` in float8, filling its range, and the factor (float32 scalar) that turns it back."""
    most = torch.finfo(dtype).max
    factor = x.detach().abs().amax().float().clamp_min(1e-12) / most
    return (x.float() / factor).clamp(-most, most).to(dtype), factor


def product(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> Tensor:
    """Returns a · bᵀ in bf16 of two float8 matrices whose rows lie in memory one after the other."""
    (left, left_factor), (right, right_factor) = a, b
    return torch._scaled_mm(
        left, right.t(), scale_a=left_factor, scale_b=right_factor, out_dtype=torch.bfloat16, use_fast_accum=False
    )


class _Float8Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_NI: Tensor, weight_OI: Tensor) -> Tensor:
        x8, weight8 = scaled(x_NI, FORWARD), scaled(weight_OI, FORWARD)
        ctx.save_for_backward(*x8, *weight8)
        return product(x8, weight8)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x8, x_factor, weight8, weight_factor = ctx.saved_tensors
        gradient8, factor = scaled(gradients[0], BACKWARD)
        by_x = product((gradient8, factor), (weight8.t().contiguous(), weight_factor))
        by_weight = product((gradient8.t().contiguous(), factor), (x8.t().contiguous(), x_factor))
        return by_x, by_weight.float()


class Float8Linear(nn.Linear):
    """A linear layer whose three products run in float8 in training under autocast; elsewhere it is as it was."""

    def forward(self, input: Float[Tensor, "*N I"]) -> Float[Tensor, "*N O"]:
        """Returns W · x (+ b)."""
        rows = input.numel() // input.shape[-1]
        if not (self.training and torch.is_autocast_enabled(input.device.type) and rows % 16 == 0):
            return super().forward(input)
        with torch.autocast(input.device.type, enabled=False):
            y = _Float8Linear.apply(input.flatten(0, -2).to(torch.bfloat16), self.weight)
            y = y.view(*input.shape[:-1], -1)  # type: ignore[union-attr]
            return y if self.bias is None else y + self.bias.to(y.dtype)


def use_float8(model: GPT, smallest: int = SMALLEST) -> int:
    """Turns the large matrices inside the blocks of `model` into such layers; returns how many."""
    count = 0
    for module in model.blocks.modules():
        if (
            type(module) is nn.Linear
            and min(module.weight.shape) >= smallest
            and not any(size % 16 for size in module.weight.shape)
        ):
            module.__class__ = Float8Linear  # the parameter, its name and its optimizer state stay
            count += 1
    return count
