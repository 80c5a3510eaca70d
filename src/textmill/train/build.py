"""Makes the model of a run and what moves its weights, new or as a checkpoint has them, in one process or divided."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from textmill.config import Settings
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub import load_weights
from textmill.train.average import AveragedWeights
from textmill.train.checkpoint import load_optimizers
from textmill.train.kernels import Kernels
from textmill.train.optimizers import Optimizers
from textmill.train.parallel.world import World, lay_out

if TYPE_CHECKING:
    from textmill.train.parallel.divided import Divided


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What is trained."""

    model: GPT
    optimizers: Optimizers
    average: AveragedWeights | None
    divided: "Divided | None"


def build(
    config: ModelConfig, settings: Settings, kernels: Kernels, checkpoint: Path | None, world: World, micro_batch: int
) -> Built:
    """Returns what is trained, as `checkpoint` has it or new, divided among the processes of `world`."""
    model = GPT(config)
    if checkpoint is None:
        generator = torch.Generator().manual_seed(settings.train.seed)
        model.initialise(generator, looks_back=settings.model.look_back)
    model.to(torch.promote_types(kernels.dtype, torch.float32))
    if checkpoint is not None:
        load_weights(model, checkpoint)
    model.recompute = settings.train.activation_checkpointing
    divided = None
    if world.size > 1:
        divided = _divide(model, settings, kernels, world, micro_batch)
    else:
        kernels.prepare(model)
    optimizers = Optimizers(model, settings.train, muon_dtype=kernels.dtype)
    average = AveragedWeights(model, settings.train.average) if settings.train.average else None
    if checkpoint is not None:
        load_optimizers(checkpoint, optimizers, average)
    return Built(model=model, optimizers=optimizers, average=average, divided=divided)


def _divide(model: GPT, settings: Settings, kernels: Kernels, world: World, micro_batch: int) -> "Divided":
    from textmill.train.parallel.parallelize import check_division, parallelize

    layout = lay_out(world, settings.parallel, kernels.device)
    check_division(model.config, settings, layout)
    return parallelize(
        model,
        world,
        layout,
        kernels=kernels,
        z_loss=settings.train.z_loss,
        micro_batch=micro_batch,
    )
