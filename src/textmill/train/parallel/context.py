"""Context parallel: each process has a stretch of every row and sees the keys and values of all stretches before it.

    K, V of the whole row = all-gather of the processes' K, V;   back: each gets the sum of the gradients of its own

Everything but attention looks at single tokens, so attention alone needs the others. Gathering keys and values (as
Llama 3 was trained, https://arxiv.org/abs/2407.21783, section 3.3.2) instead of passing them round a ring of processes
keeps the model's own kernels and the borders of documents; torch's ring attention has no kernel for the CPU and no
masks. To the model it is a cache: what was before one's own stretch lies in it.

Shapes: B rows, T positions of one stretch, S all positions up to its end, G key/value heads, K head width.
"""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from textmill.model.cache import Cache
from textmill.train.batches import Batch


class _Gathered(torch.autograd.Function):
    """Behind one another along the positions: the stretches of all processes up to one's own."""

    @staticmethod
    def forward(ctx, own_BGTK: Tensor, group: dist.ProcessGroup) -> Tensor:  # type: ignore[override]
        ctx.group = group
        stretches = [torch.empty_like(own_BGTK) for _ in range(dist.get_world_size(group))]
        dist.all_gather(stretches, own_BGTK, group=group)
        return torch.cat(stretches[: dist.get_rank(group) + 1], dim=2)

    @staticmethod
    def backward(ctx, gradient_BGSK: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        count, seen = dist.get_world_size(ctx.group), dist.get_rank(ctx.group) + 1
        parts = [part.contiguous() for part in gradient_BGSK.chunk(seen, dim=2)]
        parts += [torch.zeros_like(parts[0]) for _ in range(count - seen)]  # what comes later was not looked at
        own_BGTK = torch.empty_like(parts[0])
        dist.reduce_scatter(own_BGTK, parts, group=ctx.group)
        return own_BGTK, None


class SharedContext(Cache):
    """Keys and values of the stretches before this process's and of its own."""

    def __init__(self, group: dist.ProcessGroup, stretch: int) -> None:
        self.group, self.stretch = group, stretch
        self.length = dist.get_rank(group) * stretch
        """How many positions lie before this process's stretch."""

    def update(
        self, layer: int, k_BGTK: Float[Tensor, "B G T K"], v_BGTK: Float[Tensor, "B G T K"]
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Returns the keys and values of all positions up to the end of this stretch."""
        both = torch.cat((k_BGTK, v_BGTK), dim=1).contiguous()
        seen = _Gathered.apply(both, self.group)
        groups = k_BGTK.shape[1]
        return seen[:, :groups], seen[:, groups:]

    def advance(self, positions: int) -> None:
        """Nothing to do: every forward pass is over one whole row."""

    def inputs(self, batch: Batch) -> Tensor:
        """Returns the ids of this process's stretch (B T)."""
        return batch.inputs_BT[:, self.length : self.length + self.stretch]

    def documents(self, batch: Batch) -> Tensor:
        """Returns the documents of all positions up to the end of this stretch (B S)."""
        return batch.documents_BT[:, : self.length + self.stretch]

    def targets(self, batch: Batch) -> Tensor:
        """Returns what this process's stretch has to predict (B T)."""
        return batch.targets_BT[:, self.length : self.length + self.stretch]
