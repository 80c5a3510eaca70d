"""What enters an explanation: a value that is asked for, and the operands of its formula with their values."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from textmill.inspect.steps import Step

if TYPE_CHECKING:
    from textmill.inspect.recording import Recording

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """What enters a formula: values of a step (one can go on to them), of a weight, or a number of the configuration.

    `index`: where the values are; None along the axis that they run over. `offset`: the first value's place there.
    """

    symbol: str
    name: str
    kind: str
    """step, weight or constant"""
    shape: tuple[int, ...]
    index: tuple[int | None, ...]
    values: tuple[float, ...]
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A value that is to be explained."""

    recording: "Recording"
    step: Step
    index: Index

    def step_operand(self, symbol: str, place: int, index: tuple[int | None, ...]) -> Operand:
        """Returns values of the step's input number `place`; None in `index`: all along that axis."""
        name = self.step.inputs[place]
        first, rest = index[0], tuple(slice(None) if at is None else at for at in index[1:])
        whole = self.recording.tensor(name) if first is None else self.recording.part(name, first)
        found = whole[(slice(None), *rest)] if first is None else whole[rest]
        return Operand(
            symbol=symbol,
            name=name,
            kind="step",
            shape=self.recording.shape(name),
            index=index,
            values=floats(found),
        )

    def weight(self, symbol: str, name: str, index: tuple[int | None, ...]) -> Operand:
        """Returns values of a parameter."""
        weight = self.recording.weight(name)
        at = tuple(slice(None) if place is None else place for place in index)
        return Operand(
            symbol=symbol, name=name, kind="weight", shape=tuple(weight.shape), index=index, values=floats(weight[at])
        )

    def constant(self, symbol: str, value: float) -> Operand:
        """Returns a number of the configuration."""
        return Operand(symbol=symbol, name="", kind="constant", shape=(), index=(), values=(value,))


Told = tuple[tuple[Operand, ...], float, str]


def floats(x: Tensor) -> tuple[float, ...]:
    """Returns a tensor's values."""
    return tuple(x.detach().float().reshape(-1).tolist())


def dot(left: Operand, right: Operand) -> float:
    """Returns Σ left · right in double precision."""
    return math.fsum(a * b for a, b in zip(left.values, right.values, strict=True))
