"""Pipeline parallel: the layers are cut into stages, and micro-batches pass through them one behind the other.

torch.distributed.pipelining sends what one stage hands to the next and back and keeps the order (1F1B: each stage goes
back through a micro-batch as soon as it can, so that few wait in memory). Every process reads the tokens itself, so
only the residual stream travels. Weights keep the names that they have in the whole model.

Shapes: B rows of a micro-batch, T context, D width.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.pipelining import PipelineStage
from torch.distributed.pipelining.schedules import Schedule1F1B

from textmill.errors import TrainingError
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.parallel.context import SharedContext
from textmill.train.parallel.objective import loss_of
from textmill.train.step import autocast, learned_positions


def check_pipeline(config: ModelConfig, stages: int) -> None:
    """Raises TrainingError for a model that cannot be cut into so many stages."""
    if config.layers < stages:
        raise TrainingError("parallel.few_layers", stages=stages, layers=config.layers)
    if config.tied:
        raise TrainingError("parallel.pipeline_tied", preset=config.preset)


def layers_of(stage: int, stages: int, layers: int) -> range:
    """Returns the layers of a stage, as even as they go."""
    return range(layers * stage // stages, layers * (stage + 1) // stages)


class Stage(nn.Module):
    """The part of one stage: the embedding before the first layers, norm and loss behind the last."""

    def __init__(self, model: GPT, stage: int, stages: int, **loss: Any) -> None:
        super().__init__()
        self.model, self.layers = model, layers_of(stage, stages, model.config.layers)
        self.first, self.last = stage == 0, stage == stages - 1
        self.dtype: torch.dtype = loss["dtype"]
        self.z_loss: float = loss["objective"].z_loss
        self.masked = False
        self.context: SharedContext | None = loss["context"]
        leave_out_others(model, self.layers, first=self.first, last=self.last)

    def forward(self, x: Tensor, *, targets_BT: Tensor, documents_BT: Tensor) -> Tensor:
        """Takes ids (B T) in the first stage, the residual stream (B T D) in others; returns it, or the loss (1)."""
        model, context = self.model, self.context
        own_BT = documents_BT if context is None else documents_BT[:, context.length :]
        positions_BT = model.positions(own_BT, context.length if context else 0, documents_BT, None)
        with autocast(x, self.dtype):
            x_BTD = model.embed(x, positions_BT) if self.first else x
            x_BTD = model.through_layers(
                x_BTD, positions_BT, layers=self.layers, documents_BT=documents_BT, cache=context
            )
            if not self.last:
                return x_BTD
            hidden_ND, targets_N = learned_positions(model.norm(x_BTD), targets_BT, self.masked)
            return torch.stack([loss_of(model, hidden_ND, targets_N, self.dtype, self.z_loss)])


def leave_out_others(model: GPT, layers: range, *, first: bool, last: bool) -> None:
    """Takes what belongs to other stages out of the model; the names of the rest stay."""
    for layer in range(model.config.layers):
        if layer not in layers:
            model.blocks[layer] = nn.Identity()
    if not first:
        model.token_embedding, model.position_embedding, model.embedding_norm = nn.Identity(), None, None  # type: ignore[assignment]
    if not last:
        model.norm, model.output = nn.Identity(), nn.Identity()  # type: ignore[assignment]


class Pipeline:
    """Runs the micro-batches of a step through the stages."""

    def __init__(self, part: Stage, stage: int, stages: int, group: dist.ProcessGroup, device: torch.device) -> None:
        self.part, self.stage, self.stages, self.group, self.device = part, stage, stages, group, device
        self.weight = next(part.parameters()).dtype
        self._share = 1.0
        self._made: tuple[tuple[int, int, int], Schedule1F1B] | None = None

    def accumulate(self, batch: Batch, *, micro_batch: int, batch_tokens: int) -> float:
        """Adds up the gradients of `batch` over `batch_tokens`; returns its loss in nats, 0 before the last stage."""
        context, documents_BT = self.part.context, batch.documents_BT
        inputs_BT, targets_BT = batch.inputs_BT, batch.targets_BT
        if context is not None:
            inputs_BT, documents_BT = context.inputs(batch), context.documents(batch)
            targets_BT = context.targets(batch)
        rows, stretch = inputs_BT.shape
        fitting = max(1, min(micro_batch, rows // self.stages))
        size = next(size for size in range(fitting, 0, -1) if rows % size == 0)
        schedule = self._schedule(rows // size, size, stretch)
        self._share, self.part.masked = 1 / batch_tokens, batch.masked
        losses: list[Tensor] = []
        given = (inputs_BT,) if self.part.first else ()
        more: dict[str, Any] = {"targets_BT": targets_BT, "documents_BT": documents_BT, "return_outputs": False}
        schedule.step(*given, target=targets_BT if self.part.last else None, losses=losses, **more)
        return sum(float(loss.detach()) for loss in losses) * batch_tokens

    def _schedule(self, count: int, rows: int, stretch: int) -> Schedule1F1B:
        """Returns the schedule for `count` micro-batches of `rows` rows and `stretch` positions; the newest is kept."""
        key = (count, rows, stretch)
        if self._made is None or self._made[0] != key:
            width, wide = self.part.model.config.width, torch.promote_types(self.weight, torch.float32)
            ids = torch.empty(rows, stretch, dtype=torch.int64, device="meta")
            stream = torch.empty(rows, stretch, width, dtype=self.weight, device="meta", requires_grad=True)
            stage = PipelineStage(
                self.part,
                self.stage,
                self.stages,
                self.device,
                input_args=ids if self.part.first else stream,
                output_args=torch.empty(1, dtype=wide, device="meta") if self.part.last else stream,
                group=self.group,
            )
            schedule = Schedule1F1B(stage, count, loss_fn=lambda loss, _: loss.sum() * self._share, scale_grads=False)
            self._made = key, schedule
        return self._made[1]
