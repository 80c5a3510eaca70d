"""What a model family is to us: how its config.json reads and writes, and what its weights are called.

A row of the weight table says that the tensor `hub` in a file holds our parameters `ours`:

    Weight("model.layers.{layer}.self_attn.q_proj.weight", "blocks.{layer}.attention.query.weight")
    Weight("transformer.h.{layer}.attn.c_attn.weight", ("…query.weight", "…key.weight", …), TRANSPOSED)

The third says how the file's tensor holds ours (`packing`); plainly, several of ours lie one after the other. A row
whose parameters a config does not have (biases, a tied output) does not count for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from textmill.errors import ModelError
from textmill.model.config import ModelConfig
from textmill.model.hub.packing import PLAIN, Packing


@dataclass(frozen=True, slots=True)
class Weight:
    """One row of a family's weight table."""

    hub: str
    ours: str | tuple[str, ...]
    packing: Packing = PLAIN
    when: Callable[[ModelConfig], bool] | None = None
    """Further condition: a file may call the same thing differently in different configurations."""

    def filled(self, layer: int, expert: int = 0) -> "Weight":
        """Returns the row for one layer and expert."""
        ours = (self.ours,) if isinstance(self.ours, str) else self.ours
        names = tuple(name.format(layer=layer, expert=expert) for name in ours)
        return Weight(self.hub.format(layer=layer, expert=expert), names, self.packing, self.when)


class HubConfig:
    """The content of a config.json; each value is checked as it is read, and null counts as absent."""

    def __init__(self, values: Mapping[str, Any], place: str = "config.json") -> None:
        self.values, self.place = values, place

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def get(self, name: str, kind: type, default: Any) -> Any:
        """Returns a value of type `kind`, or `default` where there is none."""
        value = self.values.get(name)
        if value is None:
            return default
        wanted = (int, float) if kind is float else kind
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
            raise ModelError("hub.value", file=self.place, name=name, expected=kind.__name__, value=_shown(value))
        return float(value) if kind is float else value

    def integer(self, name: str, default: int | None = None, *, minimum: int = 1, maximum: int = 2**31) -> int:
        """Returns a whole number within bounds; without a default it must be there."""
        value = self.get(name, int, default)
        if value is None or not minimum <= value <= maximum:
            raise ModelError(
                "hub.value", file=self.place, name=name, expected=f"{minimum} … {maximum}", value=_shown(value)
            )
        return value

    def number(self, name: str, default: float) -> float:
        """Returns a finite number."""
        value = self.get(name, float, default)
        if not abs(value) < float("inf"):
            raise ModelError("hub.value", file=self.place, name=name, expected="a finite number", value=_shown(value))
        return value

    def numbers(self, name: str) -> tuple[float, ...]:
        """Returns a list of positive numbers, empty where there is none."""
        values = self.get(name, list, [])
        if not all(type(value) in (int, float) and 0 < value < float("inf") for value in values):
            raise ModelError("hub.value", file=self.place, name=name, expected="numbers > 0", value=_shown(values))
        return tuple(float(value) for value in values)

    def section(self, name: str) -> "HubConfig":
        """Returns a nested object, empty where there is none."""
        return HubConfig(self.get(name, dict, {}), f"{self.place}: {name}")

    def require(self, name: str, *allowed: Any) -> None:
        """Refuses by name a value that asks for what we do not do."""
        value = self.values.get(name)
        if value is not None and value not in allowed:
            raise ModelError(
                "hub.unsupported",
                file=self.place,
                name=name,
                value=_shown(value),
                allowed=", ".join(str(choice) for choice in allowed) or "null",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One model family."""

    model_type: str
    architecture: str
    write: Callable[[ModelConfig], dict[str, Any]]
    read: Callable[[HubConfig], ModelConfig]
    weights: tuple[Weight, ...]
    """Empty: the file has our own names."""
    prefix: str = ""
    """What names begin with, unless a file was written from the model without its head."""
    output: str = "lm_head.weight"
    """A tied model's file may hold this copy of its embedding."""
    without_effect: tuple[str, ...] = ()
    """Keys of config.json that change no logit (dropout, initialisation, token ids, summaries)."""
    buffers: tuple[str, ...] = field(default=())
    """Patterns of tensors in old files that are computed, not learned."""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
