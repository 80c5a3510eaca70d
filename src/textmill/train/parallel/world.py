"""The processes that torchrun started, and how they are laid out.

    pipeline × data × shard × context × tensor = all processes, the last axis with neighbours on one machine

The first process (rank 0) alone prints, writes and evaluates. What it decides or knows goes to the others as JSON in a
tensor; torch's broadcast of objects would pickle them.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from textmill import hardware
from textmill.config import ParallelSettings
from textmill.errors import TrainingError

AXES = ("pipeline", "data", "shard", "context", "tensor")
PATIENCE = timedelta(minutes=30)
"""How long a process waits for another before it gives up: longer than an evaluation or a save of the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How many processes there are and which one this is."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def first(self) -> bool:
        """True for the process that prints, writes and evaluates."""
        return self.rank == 0

    def share(self, value: Any = None) -> Any:
        """Returns the first process's `value`, of what JSON knows, in every process."""
        if self.size == 1:
            return value
        data = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8) if self.first else None
        length = torch.tensor([0 if data is None else len(data)])
        dist.broadcast(length, 0)
        data = torch.empty(int(length), dtype=torch.uint8) if data is None else data
        dist.broadcast(data, 0)
        return json.loads(data.numpy().tobytes())

    def largest(self, *values: int) -> list[int]:
        """Returns the largest of each number over all processes."""
        if self.size == 1:
            return list(values)
        numbers = torch.tensor(values)
        dist.all_reduce(numbers, dist.ReduceOp.MAX)
        return numbers.tolist()

    def wait(self) -> None:
        """Returns when every process is here."""
        self.largest(0)


ALONE = World()
"""One process that torchrun did not start."""


@contextmanager
def open_world(device: str = "", *, patience: float = 0.0) -> Iterator[World]:
    """Joins the processes that torchrun started; alone without it. `device`: as the user named it.

    `patience`: how many seconds a process waits for another; 0: `PATIENCE`. Past that, TrainingError says which waited.
    gloo carries what lies in main memory, NCCL what lies on GPUs, where each process takes the one of its local rank.
    """
    size = int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1
    if size == 1:
        yield ALONE
        return
    place = {name: int(os.environ.get(name, "0")) for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")}
    world = World(
        rank=place["RANK"], size=size, local_rank=place["LOCAL_RANK"], local_size=max(1, place["LOCAL_WORLD_SIZE"])
    )
    kind = hardware.check_device(device)
    if kind == "cuda":
        if torch.cuda.device_count() < world.local_size:
            raise TrainingError("parallel.too_few_gpus", gpus=torch.cuda.device_count(), processes=world.local_size)
        torch.cuda.set_device(world.local_rank)
    torch.set_num_threads(share_of_threads(world, hardware.default_threads()))
    timeout = timedelta(seconds=patience) if patience else PATIENCE
    try:
        join(world, "cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo", timeout)
        yield world
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise TrainingError("parallel.lost", rank=world.rank, detail=str(error).splitlines()[0]) from error
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def join(world: World, backend: str, timeout: timedelta) -> None:
    """Makes the process group, under keys of this start of the processes.

    torchrun keeps one store over all restarts; under the same keys a process that is quicker than the first one finds
    the address where that one listened before it was killed, and is refused.
    """
    store, _, _ = next(iter(dist.rendezvous("env://", world.rank, world.size, timeout=timeout)))
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.PrefixStore(f"start_{start}", store)
    dist.init_process_group(backend, store=store, rank=world.rank, world_size=world.size, timeout=timeout)


def share_of_threads(world: World, wanted: int) -> int:
    """Returns how many threads a process may use: more than the cores in all only wait for one another."""
    return wanted if world.size == 1 else min(wanted, max(1, hardware.default_threads() // world.local_size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The sizes of the axes and this process's place on each."""

    sizes: dict[str, int]
    place: dict[str, int]
    mesh: DeviceMesh | None
    """Its axes: pipeline, data, shard (context's processes hold shards as well), tensor. None for one process."""
    context_mesh: DeviceMesh | None

    @property
    def readers(self) -> int:
        """How many parts the rows of a batch are cut into."""
        return self.sizes["data"] * self.sizes["shard"]

    @property
    def reader(self) -> int:
        """Which of them this process reads."""
        return self.place["data"] * self.sizes["shard"] + self.place["shard"]

    @property
    def collects(self) -> bool:
        """True for the first process of each stage."""
        return not any(place for axis, place in self.place.items() if axis != "pipeline")

    @property
    def whole_weights(self) -> bool:
        """True when this process has every weight whole."""
        return self.sizes["shard"] == self.sizes["tensor"] == self.sizes["pipeline"] == 1


def sizes_of(world: World, settings: ParallelSettings) -> dict[str, int]:
    """Returns the size of each axis; raises TrainingError where they do not make up the number of processes."""
    sizes = {axis: getattr(settings, axis) for axis in AXES}
    others = sizes["pipeline"] * sizes["shard"] * sizes["context"] * sizes["tensor"]
    sizes["data"] = sizes["data"] or max(1, world.size // others)
    product = sizes["data"] * others
    if product != world.size:
        shown = " × ".join(f"{axis} {size}" for axis, size in sizes.items())
        raise TrainingError("parallel.sizes", sizes=shown, product=product, processes=world.size)
    return sizes


def lay_out(world: World, settings: ParallelSettings, device: str) -> Layout:
    """Returns the layout that the settings ask for."""
    sizes = sizes_of(world, settings)
    rest, place = world.rank, {}
    for axis in reversed(AXES):
        rest, place[axis] = divmod(rest, sizes[axis])
    if world.size == 1:
        return Layout(sizes=sizes, place=place, mesh=None, context_mesh=None)
    kind = torch.device(device).type
    shards = sizes["shard"] * sizes["context"]
    shape = (sizes["pipeline"], sizes["data"], shards, sizes["tensor"])
    mesh = init_device_mesh(kind, shape, mesh_dim_names=("pipeline", "data", "shard", "tensor"))
    inner = init_device_mesh(kind, tuple(sizes[axis] for axis in AXES), mesh_dim_names=AXES)
    return Layout(sizes=sizes, place=place, mesh=mesh, context_mesh=inner["context"] if sizes["context"] > 1 else None)
