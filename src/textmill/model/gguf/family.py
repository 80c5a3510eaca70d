"""What a model family is in GGUF, and how to add one: one file in `families/`, and its name in `families/__init__.py`.

    FAMILY = GGUFFamily(
        architecture="qwen3",             # general.architecture, which also begins the family's keys
        write=write,                      # ModelConfig → {"block_count": 12, …}, keys without "qwen3."
        read=read,                        # GGUFValues → ModelConfig, the inverse
        weights=(                         # ONE table, in the order in which tensors are written
            Weight("token_embd.weight", "token_embedding.weight"),
            Weight("blk.{layer}.attn_q.weight", "blocks.{layer}.attention.query.weight"),
            …
        ),
    )

`read` asks for each key through `values.integer`, `.number`, `.get` or `.require`, as a hub family does with
config.json; a key in the file that nobody asked for is refused by name, unless `without_effect` names it: it may ask
for something that we do not do. `values.shapes` has the file's tensors, for what no key says (the vocabulary's size,
whether the output is tied). What a family can say is found by writing a configuration and reading it back: no list to
keep.

A row of the table says how the file's tensor holds ours (`textmill.model.hub.packing`): plainly, several of ours lie
one after the other along their output features (GPT-2's attn_qkv); ROTARY is the order that Llama's files have in
queries and keys, because llama.cpp rotates neighbours there where we rotate halves; STACKED, here, is a new first axis,
with "{expert}" in `ours` the experts; ONE_ADDED is Gemma's norm, whose weight counts from 1 with us and from 0 in the
file. A row whose parameters a model does not have (a bias, a tied output) does not count.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textmill.model.config import ModelConfig
from textmill.model.hub.family import HubConfig
from textmill.model.hub.packing import PLAIN, Packing


@dataclass(frozen=True, slots=True)
class Stacked(Packing):
    """Ours along a new first axis."""

    def join(self, parts: Sequence[Tensor], config: ModelConfig) -> Tensor:
        """Returns the file's tensor."""
        return torch.stack(list(parts))

    def split(self, tensor: Tensor, sizes: Sequence[int], config: ModelConfig) -> Sequence[Tensor]:
        """Returns ours."""
        return tensor.unbind(0)


@dataclass(frozen=True, slots=True)
class OneAdded(Packing):
    """Ours plus one: y = x / rms(x) · (1 + w) is stored as the factor 1 + w."""

    def join(self, parts: Sequence[Tensor], config: ModelConfig) -> Tensor:
        """Returns the file's tensor."""
        return parts[0] + 1.0

    def split(self, tensor: Tensor, sizes: Sequence[int], config: ModelConfig) -> Sequence[Tensor]:
        """Returns ours."""
        return (tensor - 1.0,)


STACKED, ONE_ADDED = Stacked(), OneAdded()
BIAS_TENSORS = {
    "attention_bias": ("blk.0.attn_q.bias", "blk.0.attn_qkv.bias"),
    "attention_output_bias": ("blk.0.attn_output.bias",),
    "feed_forward_bias": ("blk.0.ffn_up.bias",),
}
"""The options of ModelConfig that no key says: they hold where one of these tensors is there."""
SECOND_NORM = "blk.0.attn_norm_2.weight"
"""There where attention and feed-forward, side by side, have a norm each (Falcon 40B)."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One row of a family's weight table: llama.cpp's name, ours, and how the one holds the other."""

    gguf: str
    ours: str | tuple[str, ...]
    packing: Packing = PLAIN
    when: Callable[[ModelConfig], bool] | None = None
    """Further condition: a file may call the same thing differently in different configurations."""

    def filled(self, layer: int, experts: int) -> "Weight":
        """Returns the row for one layer, with a name of ours for each expert where experts are stacked."""
        ours = (self.ours,) if isinstance(self.ours, str) else self.ours
        numbers = range(experts) if "{expert}" in ours[0] else range(1)
        names = tuple(name.format(layer=layer, expert=expert) for expert in numbers for name in ours)
        return Weight(self.gguf.format(layer=layer), names, self.packing, self.when)


class GGUFValues(HubConfig):
    """A family's own keys in a file's metadata, checked as they are read, and which of them were."""

    def __init__(
        self,
        values: Mapping[str, Any],
        shapes: Mapping[str, tuple[int, ...]],
        place: str = "GGUF",
        factors: Mapping[str, tuple[float, ...]] | None = None,
    ) -> None:
        plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in values.items()}
        super().__init__(plain, place)
        self.shapes, self.factors = shapes, factors or {}
        self.asked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        self.asked.add(name)
        return super().__contains__(name)

    def get(self, name: str, kind: type, default: Any) -> Any:
        """Returns a value of type `kind`, or `default` where there is none."""
        self.asked.add(name)
        return super().get(name, kind, default)

    def require(self, name: str, *allowed: Any) -> None:
        """Refuses by name a value that asks for what we do not do."""
        self.asked.add(name)
        super().require(name, *allowed)

    def unread(self, without_effect: Collection[str]) -> list[str]:
        """Returns the keys that nobody asked for."""
        return sorted(set(self.values) - self.asked - set(without_effect))


@dataclass(frozen=True, slots=True, kw_only=True)
class GGUFFamily:
    """One model family; the module's head says how to write one."""

    architecture: str
    write: Callable[[ModelConfig], dict[str, Any]]
    read: Callable[[GGUFValues], ModelConfig]
    weights: tuple[Weight, ...]
    without_effect: tuple[str, ...] = ()
    """Keys that change no logit."""
    factors: tuple[str, ...] = ()
    """Tensors of rotary factors that llama.cpp reads for this family (`rope`); they are computed, not learned."""


def shapes_that_tell(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the tensors whose presence in a file says what no key does."""
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (config.vocabulary_size, config.width)}
    if not config.tied:
        shapes["output.weight"] = shapes["token_embd.weight"]
    for option, names in BIAS_TENSORS.items():
        if getattr(config, option):
            shapes |= dict.fromkeys(names, (config.width,))
    if config.parallel and not config.shared_norm:
        shapes[SECOND_NORM] = (config.width,)
    return shapes
