"""The weights averaged over the steps, exponentially: what is evaluated, sampled and saved as the model.

    a ← a + (1 − d_t)·(w − a),   d_t = min(d, (1 + t) / (10 + t))         t: steps behind

The shorter memory of the first steps forgets the random first weights (the warm-up of TensorFlow's
ExponentialMovingAverage; averaging itself is Polyak and Juditsky's, 1992). Training goes on with the weights w.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from textmill.train.parallel.shards import local, part_like


class AveragedWeights:
    """A float32 copy of every trained parameter of `model` that follows it; `decay` in 0 … 1."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.values = {name: p.detach().clone() for name, p in self.parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes the weights of the `step`th step (counted from 0) in."""
        memory = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(local(self.values.values()), local(self.parameters.values()), 1 - memory)

    @contextmanager
    def in_place(self) -> Iterator[dict[str, Tensor]]:
        """Has the averages in the model for the block, which gets the trained weights by name; puts them back."""
        trained = {name: p.detach().clone() for name, p in self.parameters.items()}
        self._fill(self.values)
        try:
            yield trained
        finally:
            self._fill(trained)

    @torch.no_grad()
    def restore(self, trained: dict[str, Tensor]) -> None:
        """Takes the averages from the model, as a checkpoint has just filled it, and puts `trained` into it.

        Raises KeyError where a weight is missing.
        """
        for name, parameter in self.parameters.items():
            self.values[name].copy_(parameter)
        self._fill(trained)

    @torch.no_grad()
    def _fill(self, values: dict[str, Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(part_like(values[name], parameter))
