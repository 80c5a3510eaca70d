"""Makes the model of a run and what moves its weights, new or as a checkpoint has them, in one process or divided."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from textmill.config import Settings
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.train.average import AveragedWeights
from textmill.train.checkpoint import Form, WholeModel, load_optimizers
from textmill.train.kernels import Kernels
from textmill.train.objective import NextToken, Objective
from textmill.train.optimizers import Optimizers
from textmill.train.parallel.world import World, lay_out

if TYPE_CHECKING:
    from textmill.train.parallel.divided import Divided


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What is trained."""

    model: GPT
    objective: Objective
    form: Form
    optimizers: Optimizers
    average: AveragedWeights | None
    divided: "Divided | None"

    def parts(self) -> dict[str, Any]:
        """Returns the fields by name, as a `Run` takes them."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def build(
    config: ModelConfig, settings: Settings, kernels: Kernels, checkpoint: Path | None, world: World, micro_batch: int
) -> Built:
    """Returns what is trained, as `checkpoint` has it or new, divided among the processes of `world`."""
    model = GPT(config)
    if checkpoint is None:
        generator = torch.Generator().manual_seed(settings.train.seed)
        model.initialise(generator, looks_back=settings.model.look_back)
    model.to(torch.promote_types(kernels.dtype, torch.float32))
    objective = NextToken(z_loss=settings.train.z_loss)
    return ready(model, objective, WholeModel(config=config), settings, kernels, checkpoint, world, micro_batch)


def ready(
    model: GPT,
    objective: Objective,
    form: Form,
    settings: Settings,
    kernels: Kernels,
    checkpoint: Path | None,
    world: World,
    micro_batch: int,
) -> Built:
    """Returns what is trained of `model`, which is whole and on the CPU; with a checkpoint, as that has it."""
    if checkpoint is not None:
        form.read(model, checkpoint)
    model.recompute = settings.train.activation_checkpointing
    divided = None
    if world.size > 1:
        divided = _divide(model, objective, settings, kernels, world, micro_batch)
    else:
        kernels.prepare(model)
    optimizers = Optimizers(model, settings.train, muon_dtype=kernels.dtype)
    average = AveragedWeights(model, settings.train.average) if settings.train.average else None
    if checkpoint is not None:
        load_optimizers(checkpoint, optimizers, average)
    return Built(model=model, objective=objective, form=form, optimizers=optimizers, average=average, divided=divided)


def _divide(
    model: GPT, objective: Objective, settings: Settings, kernels: Kernels, world: World, micro_batch: int
) -> "Divided":
    from textmill.train.parallel.parallelize import check_division, parallelize

    layout = lay_out(world, settings.parallel, kernels.device)
    check_division(model.config, settings, layout, objective)
    return parallelize(
        model,
        world,
        layout,
        kernels=kernels,
        objective=objective,
        micro_batch=micro_batch,
    )
