"""What a run makes smaller: an objective sums the losses of a micro-batch, the step divides once for the whole batch.

    gradient of  Σ losses / units          units: what the objective counts (predicted tokens, pairs, …)

so that a step is the same step whatever the micro-batch, the accumulation and the number of processes. How many units
a batch has, all processes together, its stream says (`Stream.count`), before anything is computed.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.step import batch_loss


class Tally:
    """Means of what an objective sees on the way (accuracy, margin, …) over one step, of all its processes."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}

    def add(self, name: str, total: Tensor | float, count: float | int) -> None:
        """Takes in that the quantity `name` came to `total` over `count` units."""
        sums = self._sums.setdefault(name, [0.0, 0.0])
        sums[0] += float(total)
        sums[1] += float(count)

    def means(self, add_up: Callable[[list[float]], list[float]] = lambda values: values) -> dict[str, float]:
        """Returns {name: mean} and forgets; `add_up` sums a list of numbers over processes, which have equal names."""
        names, self_sums = sorted(self._sums), self._sums
        flat = add_up([number for name in names for number in self_sums[name]]) if names else []
        self._sums = {}
        pairs = zip(names, flat[::2], flat[1::2], strict=True)
        return {name: total / count for name, total, count in pairs if count}


@runtime_checkable
class Objective(Protocol):
    """What is differentiated. A batch that does not count (`Batch.counts`) must not be tallied."""

    name: str
    """What its quantity is called: "next_token", "dpo", …"""
    tally: Tally

    def loss(self, model: GPT, batch: Batch, dtype: torch.dtype) -> Tensor:
        """Returns the sum over the micro-batch's units (scalar, float32 or wider); matrices are multiplied in `dtype`.

        It must depend on the model's weights even where the micro-batch has nothing to learn.
        """
        ...


class NextToken:
    """−ln p of every target that is not `IGNORED`; the gradient has a z-loss and smoothed labels in it (see `step`)."""

    def __init__(self, *, z_loss: float = 0.0, smoothing: float = 0.0) -> None:
        self.name, self.z_loss, self.smoothing, self.tally = "next_token", z_loss, smoothing, Tally()

    def loss(self, model: GPT, batch: Batch, dtype: torch.dtype) -> Tensor:
        """Returns the sum of token losses in nats."""
        return batch_loss(model, batch, dtype, z_loss=self.z_loss, smoothing=self.smoothing)
