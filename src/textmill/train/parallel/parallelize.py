"""How a model is divided among processes: the one place where the parts are put together, from the inside out.

    1. pipeline    leave out the layers of other stages
    2. tensor      cut the matrices
    3. the device, compiled blocks, recomputing: as alone
    4. shard       FSDP2: each process keeps a part of what is left and gathers it layer by layer
       or data     DDP: each process keeps it all (where it is the only division of the weights)

Losses and gradients are sums over processes, divided once by the tokens of the whole batch, so that a step is the same
step however it is divided, but for the order of additions. docs/how-to/train-on-many.md says what was compared.
"""

from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel

from textmill.config import Settings
from textmill.errors import TrainingError
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub.weights import own_parameters
from textmill.train.kernels import Kernels
from textmill.train.objective import NextToken, Objective
from textmill.train.parallel.context import SharedContext
from textmill.train.parallel.divided import Divided
from textmill.train.parallel.objective import Differentiated
from textmill.train.parallel.pipeline import Pipeline, Stage, check_pipeline
from textmill.train.parallel.tensor import check_tensor_parallel, split_matrices
from textmill.train.parallel.world import Layout, World


def check_division(config: ModelConfig, settings: Settings, layout: Layout, objective: Objective) -> None:
    """Raises TrainingError, by name, for what cannot be divided as the settings say."""
    sizes, rows = layout.sizes, settings.train.batch_tokens // config.context
    if config.context % sizes["context"]:
        raise TrainingError(
            "parallel.uneven", axis="context", size=sizes["context"], name="context", value=config.context
        )
    if not isinstance(objective, NextToken) and max(sizes[axis] for axis in ("context", "tensor", "pipeline")) > 1:
        raise TrainingError("parallel.objective", name=objective.name)
    if getattr(objective, "smoothing", 0.0) and max(sizes["tensor"], sizes["pipeline"]) > 1:
        raise TrainingError("parallel.not_divided", name="tune.label_smoothing", expected="0")
    if sizes["tensor"] > 1:
        check_tensor_parallel(config, sizes["tensor"])
    if sizes["pipeline"] > 1:
        check_pipeline(config, sizes["pipeline"])
        warmup = settings.train.batch_warmup_tokens
        if rows % layout.readers or warmup:
            raise TrainingError("parallel.pipeline_rows", rows=rows, readers=layout.readers, warmup=warmup)
    if settings.train.optimizer == "adafactor" and not layout.whole_weights:
        raise TrainingError("parallel.not_divided", name="train.optimizer adafactor", expected="muon, adamw")
    if settings.train.statistics_every and not layout.whole_weights:
        raise TrainingError("parallel.not_divided", name="train.statistics_every", expected="0")


def parallelize(
    model: GPT,
    world: World,
    layout: Layout,
    *,
    kernels: Kernels,
    objective: Objective,
    micro_batch: int,
) -> Divided:
    """Divides `model`, the whole of it and still on the CPU, as `layout` says; changes it in place."""
    sizes, place, mesh = layout.sizes, layout.place, layout.mesh
    assert mesh is not None
    names = list(own_parameters(model))
    context = None
    if layout.context_mesh is not None:
        context = SharedContext(layout.context_mesh.get_group(), model.config.context // sizes["context"])
    loss: dict[str, Any] = {"dtype": kernels.dtype, "objective": objective, "context": context}
    whole: nn.Module
    if sizes["pipeline"] > 1:
        whole = Stage(model, place["pipeline"], sizes["pipeline"], **loss)
    else:
        whole = Differentiated(model, **loss)
    if sizes["tensor"] > 1:
        split_matrices(model, mesh["tensor"])
    kernels.prepare(model)
    model.native = kernels.native and layout.whole_weights  # they look at weights past the blocks that gather them
    alone = sizes["data"] * sizes["shard"] * sizes["context"] == 1
    if layout.whole_weights:
        whole = _replicate(whole)
    elif not alone:
        _shard(whole, mesh["data", "shard"])
    pipeline = None
    if isinstance(whole, Stage):
        group = mesh.get_group("pipeline")
        pipeline = Pipeline(whole, place["pipeline"], sizes["pipeline"], group, torch.device(kernels.device))
    return Divided(
        world,
        layout,
        model=model,
        names=names,
        objective=whole,
        pipeline=pipeline,
        micro_batch=micro_batch,
    )


def _replicate(whole: nn.Module) -> DistributedDataParallel:
    """DDP whose gradients are the sum over processes, not the mean."""

    def add(state: None, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
        work = dist.all_reduce(bucket.buffer(), async_op=True)
        assert work is not None
        return work.get_future().then(lambda done: done.value()[0])

    wrapped = DistributedDataParallel(whole)
    wrapped.register_comm_hook(None, add)  # type: ignore[arg-type]
    return wrapped


def _shard(whole: nn.Module, mesh: DeviceMesh) -> None:
    """FSDP2 over mesh's second axis, copies over its first; gradients are sums."""
    model = cast("GPT", whole.model)
    blocks = [block for block in model.blocks if any(True for _ in block.parameters())]
    for module in (*blocks, whole):
        fully_shard(module, mesh=mesh)
        sharded = cast("FSDPModule", module)
        sharded.set_gradient_divide_factor(1.0)
        sharded.set_force_sum_reduction_for_comms(True)  # gloo knows no sum with a factor
