"""A model that is divided among processes, as the training loop works with it.

Every method is called by all processes together.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from textmill.model.gpt import GPT
from textmill.model.hub.folder import empty_model
from textmill.model.hub.weights import adopt, own_parameters
from textmill.train.batches import Batch
from textmill.train.parallel import shards
from textmill.train.parallel.objective import words_cut
from textmill.train.parallel.pipeline import Pipeline
from textmill.train.parallel.rows import Part, parts_of_rows
from textmill.train.parallel.tensor import cuts_words
from textmill.train.parallel.world import Layout, World


class Divided:
    """What this process has of the model, and what it does together with the others."""

    def __init__(
        self,
        world: World,
        layout: Layout,
        *,
        model: GPT,
        names: list[str],
        objective: nn.Module,
        pipeline: Pipeline | None,
        micro_batch: int,
    ) -> None:
        self.world, self.layout, self.model, self.names = world, layout, model, names
        self.objective, self.pipeline, self.micro_batch = objective, pipeline, micro_batch

    def parts(self, rows: int) -> list[Part]:
        """Returns the micro-batches of a step that this process reads; a pipeline cuts its rows itself."""
        size = rows if self.pipeline else self.micro_batch
        return parts_of_rows(rows, size, self.layout.reader, self.layout.readers)

    def accumulate(self, batches: Iterable[Batch], *, batch_tokens: int) -> float:
        """Adds up the gradients of (sum of losses) / `batch_tokens`; returns that sum over all processes."""
        total = 0.0
        with words_cut(cuts_words(self.model.config, self.layout.sizes["tensor"])):
            if self.pipeline is not None:
                (batch,) = batches
                total = self.pipeline.accumulate(batch, micro_batch=self.micro_batch, batch_tokens=batch_tokens)
            else:
                for batch, last in _with_last(batches):
                    with self._meeting(last):
                        loss = self.objective(batch)
                        (loss / batch_tokens if batch.counts else loss * 0.0).backward()
                    total += float(loss.detach()) * batch.counts
        shards.add_up_partial(self.model.parameters())
        return self._sum(total if self.layout.place["tensor"] == 0 else 0.0)

    def _meeting(self, last: bool) -> AbstractContextManager[None]:
        """DDP adds gradients up once a step; FSDP must each time, or it would have to keep whole gradients."""
        replicas = self.objective if isinstance(self.objective, DistributedDataParallel) else None
        return nullcontext() if last or replicas is None else replicas.no_sync()

    def clip(self, limit: float) -> float:
        """Scales the gradients to the norm `limit` at most (0: does not); returns the norm that they had."""
        return shards.clip(self.model.parameters(), limit, self.layout)

    def first_not_finite(self) -> str:
        """Returns the name of the first weight, in the order of the forward pass, whose gradient is not finite."""
        place = {name: index for index, name in enumerate(self.names)}
        own = len(self.names)
        for name, parameter in own_parameters(self.model).items():
            if parameter.grad is not None and not bool(torch.isfinite(shards.local([parameter.grad])[0]).all()):
                own = min(own, place[name])
        first = -self.world.largest(-own)[0]
        return self.names[first] if first < len(self.names) else "gradient norm"

    def collect(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns every tensor whole, on the CPU, in the first process, from all stages; {} in the others."""
        return shards.gather(tensors, self.world, self.layout)

    @contextmanager
    def whole_model(self) -> Iterator[GPT | None]:
        """Has the whole model in the first process, on its device, to look at; None in the others."""
        if self.layout.whole_weights:
            yield self.model if self.world.first else None
            return
        device = next(self.model.parameters()).device
        tensors = self.collect(own_parameters(self.model))
        if not self.world.first:
            yield None
            return
        model = empty_model(self.model.config)
        adopt(model, tensors)
        yield model.to(device)

    @property
    def seed(self) -> int:
        """A number that processes share which have to draw the same dropout masks, and no others; 0 in the first."""
        return self.layout.reader * self.layout.sizes["context"] + self.layout.place["context"]

    def agree(self, stop: int, total_steps: int) -> tuple[int, int]:
        """Returns a signal that came to any process (0: none) and the first process's number of steps."""
        return tuple(self.world.largest(stop, total_steps if self.world.first else 0))  # type: ignore[return-value]

    def _sum(self, value: float) -> float:
        return self.add_up([value if math.isfinite(value) else math.nan])[0]

    @staticmethod
    def add_up(values: list[float]) -> list[float]:
        """Returns the sums of numbers over all processes."""
        numbers = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(numbers)
        return numbers.tolist()


def _with_last(batches: Iterable[Batch]) -> Iterator[tuple[Batch, bool]]:
    """Yields each batch and whether it is the last one."""
    waiting: Batch | None = None
    for batch in batches:
        if waiting is not None:
            yield waiting, False
        waiting = batch
    if waiting is not None:
        yield waiting, True
