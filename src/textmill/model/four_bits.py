"""Weights in four bits, for a frozen base: NormalFloat (QLoRA, https://arxiv.org/abs/2305.14314), blocks of 64.

    w ≈ LEVELS[code] · largest       `largest`: the largest magnitude of its block, in bf16; 4.25 bits a weight in all

The levels are the quantiles of a normal distribution between −1 and 1 with an exact 0, as the paper has them. Two codes
lie in a byte, so that unpacking is one look-up of pairs.

Shapes: O rows, D columns, P pairs, K blocks.
"""

from dataclasses import dataclass

import torch
from jaxtyping import BFloat16, Float, UInt8
from torch import Tensor

BLOCK = 64
LEVELS = (
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
    *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
    *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
    *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)
"""NF4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FourBits:
    """A matrix in four bits a weight."""

    codes_P: UInt8[Tensor, " P"]
    largest_K: BFloat16[Tensor, " K"]
    shape: tuple[int, int]

    @classmethod
    def of(cls, weight_OD: Float[Tensor, "O D"]) -> "FourBits":
        """Returns `weight_OD`, each weight as the nearest level of its block."""
        flat = weight_OD.detach().float().flatten()
        padding = -len(flat) % BLOCK
        blocks_KB = torch.nn.functional.pad(flat, (0, padding)).view(-1, BLOCK)
        largest_K = blocks_KB.abs().amax(dim=1).to(torch.bfloat16)
        scaled_KB = blocks_KB / largest_K.float().clamp_min(1e-30)[:, None]
        levels = torch.tensor(LEVELS, device=flat.device)
        borders = (levels[1:] + levels[:-1]) / 2
        codes = torch.bucketize(scaled_KB, borders).to(torch.uint8).flatten()
        return cls(
            codes_P=codes[::2] | (codes[1::2] << 4), largest_K=largest_K, shape=(weight_OD.shape[0], weight_OD.shape[1])
        )

    def dense(self, dtype: torch.dtype) -> Float[Tensor, "O D"]:
        """Returns the matrix in `dtype`."""
        levels = torch.tensor(LEVELS, dtype=dtype, device=self.codes_P.device)
        byte = torch.arange(256, device=levels.device)
        pairs = torch.stack((levels[byte & 15], levels[byte >> 4]), dim=1)
        blocks_KB = pairs.index_select(0, self.codes_P.int()).view(-1, BLOCK)
        rows, columns = self.shape
        return (blocks_KB * self.largest_K.to(dtype)[:, None]).flatten()[: rows * columns].view(rows, columns)
