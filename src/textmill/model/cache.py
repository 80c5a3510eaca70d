"""Keys and values of positions already seen, so that each new token costs one position of work.

Shapes: B rows, G key/value heads, S positions, K head width.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from textmill.model.config import ModelConfig


class Cache:
    """A contiguous cache of `capacity` positions for `batch` rows that advance together."""

    def __init__(
        self, config: ModelConfig, *, batch: int, capacity: int, dtype: torch.dtype, device: torch.device | str = "cpu"
    ) -> None:
        shape = (config.layers, 2, batch, config.kv_heads, capacity, config.head_width)
        self.store = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0
        """How many positions are filled in every layer."""

    @property
    def capacity(self) -> int:
        """How many positions fit."""
        return self.store.shape[4]

    def update(
        self, layer: int, k_BGTK: Float[Tensor, "B G T K"], v_BGTK: Float[Tensor, "B G T K"]
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Stores new keys and values of `layer` behind the filled part; returns all of them so far."""
        end = self.length + k_BGTK.shape[2]
        if end > self.capacity:
            raise ValueError(f"cache of {self.capacity} positions asked to hold {end}")
        keys, values = self.store[layer, 0], self.store[layer, 1]
        keys[:, :, self.length : end] = k_BGTK
        values[:, :, self.length : end] = v_BGTK
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, positions: int) -> None:
        """Called once a forward pass, after every layer has stored its part."""
        self.length += positions

    def expand(self, batch: int) -> "Cache":
        """Returns a cache whose `batch` rows all begin as this one's only row (parallel samples of one prompt)."""
        copy = object.__new__(Cache)
        copy.store = self.store.expand(-1, -1, batch, -1, -1, -1).clone()
        copy.length = self.length
        return copy
