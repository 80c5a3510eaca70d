"""Weights in 8 and 4 bits, rows in 8, as the compiled kernels have them: the same integers, in torch.

A group of 32 inputs shares a scale. Weights are the numbers of GGUF's Q8_0 and Q4_0:

    int8   d = largest magnitude / 127               q = w / d, half away from zero       w ≈ d · q
    int4   d = value of the largest magnitude / -8   q = ⌊w / d + 8.5⌋ - 8 in -8 … 7      w ≈ d · q
    rows   s = largest magnitude / 127               q = x · (127 / largest), half to even

    y = Σ over groups of (Σ q_w · q_x, exact) · d · s, group after group

Shapes: O outputs, D inputs, G = D/32 groups (the last one filled up with zeros), N rows.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int8
from torch import Tensor

GROUP = 32
WEIGHTS = ("fp32", "bf16", "int8", "int4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantized:
    """Whole numbers and the scale of each group of them."""

    codes: Int8[Tensor, "O G 32"]
    scales: Float[Tensor, "O G"]
    """float16 for weights, float32 for rows."""

    def values(self) -> Float32[Tensor, "O X"]:
        """Returns what the numbers stand for, as wide as the groups are."""
        return (self.codes.float() * self.scales.float()[..., None]).flatten(1)


def _grouped(x: Float[Tensor, "O D"]) -> Float32[Tensor, "O G 32"]:
    return F.pad(x.float(), (0, -x.shape[1] % GROUP)).unflatten(1, (-1, GROUP))


def _inverse(scale: Tensor) -> Tensor:
    return torch.where(scale == 0, torch.zeros_like(scale), 1.0 / scale)


def quantize_weight(weight_OD: Float[Tensor, "O D"], weights: str) -> Quantized:
    """Returns a matrix in "int8" or "int4"."""
    w_OGI = _grouped(weight_OD)
    if weights == "int8":
        scale_OG = w_OGI.abs().amax(dim=2) / 127
        scaled = w_OGI * _inverse(scale_OG)[..., None]
        whole = scaled.abs().floor()
        codes = torch.copysign(whole + (scaled.abs() - whole >= 0.5), scaled)
    else:
        extreme = w_OGI.gather(2, w_OGI.abs().argmax(dim=2, keepdim=True))[..., 0]
        scale_OG = extreme / -8
        codes = (w_OGI * _inverse(scale_OG)[..., None] + 8.5).floor().clamp(0, 15) - 8
    return Quantized(codes=codes.to(torch.int8), scales=scale_OG.half())


def quantize_rows(x_ND: Float[Tensor, "N D"]) -> Quantized:
    """Returns the rows of activations in 8 bits."""
    x_NGI = _grouped(x_ND)
    most_NG = x_NGI.abs().amax(dim=2)
    inverse = torch.where(most_NG > 0, 127 / most_NG, torch.zeros_like(most_NG))
    return Quantized(codes=(x_NGI * inverse[..., None]).round().to(torch.int8), scales=most_NG / 127)


def quantized_linear(x_ND: Float[Tensor, "N D"], weight: Quantized) -> Float32[Tensor, "N O"]:
    """Returns rows · weightᵀ: whole numbers within groups, float32 between them."""
    rows = quantize_rows(x_ND)
    total_NO = torch.zeros(len(x_ND), len(weight.codes))
    for group in range(weight.codes.shape[1]):
        # whole numbers below 2²⁴ are exact in float32
        exact_NO = rows.codes[:, group].float() @ weight.codes[:, group].float().T
        total_NO = total_NO + exact_NO * weight.scales[:, group].float() * rows.scales[:, group, None]
    return total_NO
