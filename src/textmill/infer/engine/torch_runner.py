"""The runner for every model and device: the GPT module itself, one text after another.

torch's kernels round differently for another number of rows, so texts are not put together, and the engine cuts each
at the same places always: a text gets the same bits whatever else runs. That is its price: several texts at once are
no faster than one after another.

Shapes: G key/value heads, T new positions, S all positions so far, K head width, R wanted rows, V vocabulary, D width.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from textmill.infer.engine.room import room
from textmill.infer.engine.runner import Part
from textmill.model.cache import Cache
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub.adapters import Adapter, LowRank
from textmill.model.modes import evaluating

PAGE = 64
"""Positions a page, and so rows of a prompt's pass: enough to keep matrix products busy, few enough to share often."""


class TorchRunner:
    """Runs `model` as it is, in its dtype and on its device."""

    invariant = False
    drawer = None

    def __init__(
        self, model: GPT, *, page_count: int, page_size: int = PAGE, adapters: Mapping[str, Adapter] | None = None
    ) -> None:
        self.model, self.page_size, self.page_count = model, page_size, page_count
        weight, config = model.token_embedding.weight, model.config
        shape = (config.layers, 2, config.kv_heads, page_count * page_size, config.head_width)
        self.store = room(shape, weight.dtype, weight.device)
        self._adapters = dict(adapters or {})
        self._maps: Mapping[str, LowRank] = {}
        self._hooks = [
            model.get_submodule(name.removesuffix(".weight")).register_forward_hook(self._adding(name))
            for name in sorted({name for adapter in self._adapters.values() for name in adapter.maps})
        ]

    @property
    def adapters(self) -> Sequence[str]:
        """The names that a part's `adapter` may have."""
        return tuple(self._adapters)

    def close(self) -> None:
        """Leaves the model as it was."""
        for hook in self._hooks:
            hook.remove()

    def _adding(self, name: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], Tensor]:
        """Returns the hook that adds what the part's adapter has for one linear map."""

        def add(module: nn.Module, given: tuple[Tensor], output: Tensor) -> Tensor:
            low = self._maps.get(name)
            return output if low is None else output + low.added(given[0])

        return add

    @property
    def config(self) -> ModelConfig:
        """The model's shape."""
        return self.model.config

    @property
    def path(self) -> str:
        """Names weights, kernels and cache."""
        kind = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}.get(self.store.dtype, "")
        return f"{kind or self.store.dtype} (torch on {self.store.device.type})"

    def forward(self, parts: Sequence[Part]) -> Float32[Tensor, "R V"]:
        """Returns the scores after each wanted row."""
        return self._rows(parts, self.model.logits)

    def hidden(self, parts: Sequence[Part]) -> Float32[Tensor, "R D"]:
        """Returns the wanted rows of the residual stream after the final norm."""
        return self._rows(parts, lambda x_RD: x_RD)

    def copy_page(self, source: int, target: int) -> None:
        """Copies a page's keys and values."""
        pages = self.store.unflatten(3, (self.page_count, self.page_size))
        pages[:, :, :, target] = pages[:, :, :, source]

    @torch.inference_mode()
    def _rows(self, parts: Sequence[Part], last: Callable[[Tensor], Tensor]) -> Tensor:
        """Returns the wanted rows, through `last`."""
        rows: list[Tensor] = []
        with evaluating(self.model):
            for part in parts:
                self._maps = self._adapters[part.adapter].maps if part.adapter else {}
                x_TD = self.model.hidden(self._ids(part), cache=PagedCache(self.store, self.page_size, part))[0]
                if part.wanted:
                    # a row at a time, so that a row's scores do not depend on how many are asked for
                    rows += [last(x_TD[row : row + 1]).float() for row in part.wanted]
        out = torch.cat(rows) if rows else torch.empty(0, self.config.vocabulary_size)
        return out.cpu()  # draws are made on the CPU, with the same bits for every device

    def _ids(self, part: Part) -> Tensor:
        return torch.tensor([list(part.ids)], device=self.store.device)


class PagedCache(Cache):
    """One text's keys and values, seen through its page table as the model's cache."""

    def __init__(self, store: Tensor, page_size: int, part: Part) -> None:
        self.store, self.length = store, part.past
        self._end = part.past + len(part.ids)
        count = -(-self._end // page_size)
        pages = list(part.pages[:count])
        self._first = pages[0] * page_size
        self._places: Tensor | None = None
        if any(page != pages[0] + index for index, page in enumerate(pages)):
            place = torch.tensor(pages)[:, None] * page_size + torch.arange(page_size)
            self._places = place.flatten()[: self._end].to(store.device)

    @property
    def capacity(self) -> int:
        """How many positions fit: those of this pass."""
        return self._end

    def update(
        self, layer: int, k_BGTK: Float[Tensor, "1 G T K"], v_BGTK: Float[Tensor, "1 G T K"]
    ) -> tuple[Float[Tensor, "1 G S K"], Float[Tensor, "1 G S K"]]:
        """Stores new keys and values of `layer` in their pages; returns all of them so far, gathered."""
        found: list[Tensor] = []
        for fresh, store_GXK in ((k_BGTK, self.store[layer, 0]), (v_BGTK, self.store[layer, 1])):
            if self._places is None:  # the pages lie side by side: a view
                all_GSK = store_GXK[:, self._first : self._first + self._end]
                all_GSK[:, self.length :] = fresh[0]
            else:
                store_GXK[:, self._places[self.length :]] = fresh[0]
                all_GSK = store_GXK[:, self._places]
            found.append(all_GSK[None])
        return found[0], found[1]
