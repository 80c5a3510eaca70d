"""Tensors of which each process has a part (torch's DTensor): whole ones from them, parts from whole ones, norms.

What is not a DTensor is whole already and passes through: a run of one process uses some of this as well, so torch's
tensors of many processes are not imported here (half a second). What needs the others is called by all together.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeGuard

import torch
import torch.distributed as dist
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

    from textmill.train.parallel.world import Layout, World


def is_part(tensor: Tensor) -> "TypeGuard[DTensor]":
    """True for a DTensor."""
    return hasattr(tensor, "device_mesh")


def whole(tensor: Tensor) -> Tensor:
    """Returns all of `tensor`, in every process."""
    return tensor.full_tensor() if is_part(tensor) else tensor


def part_like(value: Tensor, like: Tensor) -> Tensor:
    """Returns this process's part of the whole `value`, cut as `like` is; needs no other process."""
    if not is_part(like) or is_part(value) or value.shape != like.shape:
        return value
    from torch.distributed.tensor import DTensor, Replicate

    mesh, value = like.device_mesh, value.to(like.device, like.dtype)
    everywhere = DTensor.from_local(value, mesh, [Replicate()] * mesh.ndim, run_check=False)
    return everywhere.redistribute(placements=like.placements)


def local(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Returns what of each tensor lies in this process, sharing its memory: enough for work element by element."""
    return [tensor.to_local() if is_part(tensor) else tensor for tensor in tensors]


def alike(tensor: Tensor) -> tuple:
    """Returns a key that is equal for tensors which one fused operation may take together."""
    return (id(tensor.device_mesh), tensor.placements) if is_part(tensor) else ()


@torch.no_grad()
def add_up_partial(parameters: Iterable[Tensor]) -> None:
    """Finishes gradients of which each process has a summand (norms of heads under tensor parallel)."""
    for parameter in parameters:
        gradient = parameter.grad
        if gradient is None or not is_part(gradient) or not is_part(parameter):
            continue
        if any(place.is_partial() for place in gradient.placements):
            parameter.grad = gradient.redistribute(placements=parameter.placements)


@torch.no_grad()
def clip(parameters: Iterable[Tensor], limit: float, layout: "Layout") -> float:
    """Scales the gradients so that their norm over all processes is `limit` at most (0: none); returns that norm.

    A part is counted once: its square is summed over the axes along which the tensor is cut, and over the pipeline.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    squares: dict[tuple[str, ...], list[Tensor]] = {}
    groups: dict[str, dist.ProcessGroup] = {}
    for gradient in gradients:
        cut = []
        if is_part(gradient):
            names = gradient.device_mesh.mesh_dim_names or ()
            cut = [name for name, place in zip(names, gradient.placements, strict=True) if not place.is_replicate()]
            groups |= {name: gradient.device_mesh.get_group(name) for name in cut}
        squares.setdefault(tuple(cut), []).append(local([gradient])[0])
    device = gradients[0].device
    total = torch.zeros((), dtype=torch.float64, device=device)
    for cut in sorted(squares):  # the same in all processes of a stage, as they have the same parameters
        square = torch.stack(list(torch._foreach_norm(squares[cut]))).double().square().sum()
        for name in cut:
            dist.all_reduce(square, group=groups[name])
        total += square
    if layout.mesh is not None and layout.sizes["pipeline"] > 1:
        dist.all_reduce(total, group=layout.mesh.get_group("pipeline"))
    norm = float(total.sqrt())
    if limit:
        torch._foreach_mul_(local(gradients), min(1.0, limit / (norm + 1e-6)))
    return norm


def gather(tensors: Mapping[str, Tensor], world: "World", layout: "Layout") -> dict[str, Tensor]:
    """Returns every tensor whole, on the CPU, in the first process, from all stages of a pipeline; {} in the others."""
    own: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        found = whole(tensor.detach())
        if layout.collects:
            own[name] = found.to("cpu", copy=True)
    if layout.mesh is None or layout.sizes["pipeline"] == 1:
        return own
    for rank in layout.mesh.mesh[1:, 0, 0, 0].tolist():  # one process of each later stage, one after another
        if world.rank == rank:
            send(own, 0)
        elif world.first:
            own |= receive(rank)
    return own if world.first else {}


def send(tensors: Mapping[str, Tensor], rank: int) -> None:
    """Sends named tensors on the CPU to the process `rank`, which must `receive` them."""
    kinds = {name: [list(tensor.shape), str(tensor.dtype).removeprefix("torch.")] for name, tensor in tensors.items()}
    head = torch.frombuffer(bytearray(json.dumps(kinds).encode()), dtype=torch.uint8)
    dist.send(torch.tensor([len(head)]), rank)
    dist.send(head, rank)
    for tensor in tensors.values():
        dist.send(tensor.reshape(-1).contiguous(), rank)


def receive(rank: int) -> dict[str, Tensor]:
    """Returns the tensors that the process `rank` sends."""
    length = torch.empty(1, dtype=torch.int64)
    dist.recv(length, rank)
    head = torch.empty(int(length), dtype=torch.uint8)
    dist.recv(head, rank)
    tensors = {}
    for name, (shape, kind) in json.loads(head.numpy().tobytes()).items():
        flat = torch.empty(math.prod(shape), dtype=getattr(torch, kind))
        dist.recv(flat, rank)
        tensors[name] = flat.reshape(shape)
    return tensors
