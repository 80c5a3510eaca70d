"""An open GGUF file: its metadata, and its tensors, read and dequantised when they are asked for.

Shapes are ours, outermost first; GGUF itself writes them the other way round.
"""

import dataclasses
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textmill.model.gguf.dequantize import dequantize
from textmill.model.gguf.layout import TensorType

PLAIN = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""The types whose values torch reads as they lie there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorPlace:
    """Where a tensor lies in the file: its `size` bytes begin at `offset`."""

    name: str
    type: TensorType
    shape: tuple[int, ...]
    offset: int
    size: int

    def moved(self, start: int) -> "TensorPlace":
        """Returns the same with an offset that counts from `start` bytes earlier."""
        return dataclasses.replace(self, offset=self.offset + start)


class GGUFFile(Mapping[str, Tensor]):
    """The tensors of a GGUF file by name, as floating-point tensors; made by `read_gguf`."""

    def __init__(
        self,
        *,
        path: Path,
        metadata: dict[str, Any],
        places: dict[str, TensorPlace],
        alignment: int,
        buffer: mmap.mmap | bytes,
    ) -> None:
        self.path, self.metadata, self.places, self.alignment = path, metadata, places, alignment
        self._buffer = buffer

    def raw(self, name: str) -> np.ndarray:
        """Returns a tensor's bytes as they lie in the file (uint8, one dimension), without copying them."""
        place = self.places[name]
        return np.frombuffer(self._buffer, np.uint8, place.size, place.offset)

    def __getitem__(self, name: str) -> Tensor:
        """Returns a tensor: F32, F16 and BF16 as they are, mapped from the file; quantised ones as new float32."""
        place = self.places[name]
        if place.type.name in PLAIN:
            count = place.size // place.type.size
            dtype = PLAIN[place.type.name]
            if place.offset % place.type.size:  # an alignment of 1: torch wants its own
                return torch.from_numpy(self.raw(name).copy()).view(dtype).view(place.shape)
            return torch.frombuffer(self._buffer, dtype=dtype, count=count, offset=place.offset).view(place.shape)
        values = dequantize(self.raw(name), place.type)
        return torch.from_numpy(values).view(place.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)
