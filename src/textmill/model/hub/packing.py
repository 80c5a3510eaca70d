"""How a tensor of a file holds our parameters: side by side, transposed, grouped by head, pairs of dimensions mixed.

A packing joins our tensors into the file's and splits the file's into ours; both only move numbers, so what comes in
goes out bit for bit. Linear maps are ours as output × input; a bias has the first dimension only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from textmill.model.config import ModelConfig


@dataclass(frozen=True, slots=True)
class Packing:
    """Ours one after the other along the output features; `transposed`: the file has input × output."""

    transposed: bool = False

    def join(self, parts: Sequence[Tensor], config: ModelConfig) -> Tensor:
        """Returns the file's tensor."""
        joined = parts[0] if len(parts) == 1 else torch.cat(list(parts))
        return joined.t() if self.transposed else joined

    def split(self, tensor: Tensor, sizes: Sequence[int], config: ModelConfig) -> Sequence[Tensor]:
        """Returns ours, of `sizes` output features."""
        whole = tensor.t() if self.transposed else tensor
        return whole.split(list(sizes)) if len(sizes) > 1 else (whole,)


@dataclass(frozen=True, slots=True)
class Grouped(Packing):
    """Queries, keys and values as one, group by group: the queries that share a key, then that key, then its value.

    GPT-NeoX and BLOOM (a group a head), Falcon, InternLM 2.
    """

    def join(self, parts: Sequence[Tensor], config: ModelConfig) -> Tensor:
        """Returns the file's tensor."""
        groups = config.kv_heads
        grouped = [part.reshape(groups, part.shape[0] // groups, *part.shape[1:]) for part in parts]
        return torch.cat(grouped, dim=1).flatten(0, 1)

    def split(self, tensor: Tensor, sizes: Sequence[int], config: ModelConfig) -> Sequence[Tensor]:
        """Returns queries, keys and values."""
        groups = config.kv_heads
        grouped = tensor.reshape(groups, tensor.shape[0] // groups, *tensor.shape[1:])
        return [part.flatten(0, 1) for part in grouped.split([size // groups for size in sizes], dim=1)]


@dataclass(frozen=True, slots=True)
class Rotary(Packing):
    """A projection whose rotated pairs are neighbours (0, 1), (2, 3), … in the file and halves apart in ours (GLM)."""

    def join(self, parts: Sequence[Tensor], config: ModelConfig) -> Tensor:
        """Returns the file's tensor."""
        return _reorder(parts[0], config, torch.argsort(_order(config)))

    def split(self, tensor: Tensor, sizes: Sequence[int], config: ModelConfig) -> Sequence[Tensor]:
        """Returns ours."""
        return (_reorder(tensor, config, _order(config)),)


def _order(config: ModelConfig) -> Tensor:
    """Returns for each dimension of our heads its place in the file's."""
    rotated = torch.arange(config.rotated_width)
    return torch.cat((rotated[0::2], rotated[1::2], torch.arange(config.rotated_width, config.head_width)))


def _reorder(tensor: Tensor, config: ModelConfig, order: Tensor) -> Tensor:
    if tensor.is_meta:  # only the shape is asked for, and there torch would import sympy to pick (a second here)
        return tensor
    heads = tensor.reshape(-1, config.head_width, *tensor.shape[1:])
    return heads[:, order.to(tensor.device)].reshape(tensor.shape)


PLAIN, TRANSPOSED, GROUPED, ROTARY = Packing(), Packing(transposed=True), Grouped(), Rotary()
