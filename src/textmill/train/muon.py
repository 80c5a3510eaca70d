"""Muon: momentum, orthogonalised, for the matrices of the blocks (https://kellerjordan.github.io/posts/muon).

    M ← μ·M + G;   U = orthogonal(G + μ·M) (Nesterov);   W ← W − lr·(λ·W + √max(1, rows/columns)·U)

`orthogonal` drives all singular values to about 1 by Newton–Schulz iterations, which are matrix products only. Matrices
of one shape go through together as a batch: on two cores that is 1.5× as fast as one by one. torch.optim.Muon is not
used because it multiplies in bfloat16 always, which processors without bf16 units do many times slower than float32.

Shapes: N matrices, R rows, C columns.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from textmill.train.parallel.shards import alike, part_like, whole

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""The quintic a·X + b·(XXᵀ)X + c·(XXᵀ)²X, tuned by Muon's author for the steepest rise at 0."""


def orthogonalise(
    matrix_NRC: Float[Tensor, "N R C"], *, iterations: int = 5, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "N R C"]:
    """Returns matrices with the singular vectors of `matrix_NRC` and singular values near 1 (0.7 … 1.2)."""
    a, b, c = COEFFICIENTS
    x = matrix_NRC.to(dtype)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrix_NRC.dtype)


class Muon(torch.optim.Optimizer):
    """Muon over matrices; `dtype` is that of the Newton–Schulz products (bf16 where the hardware has units for it)."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.product_dtype = dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Updates every matrix that has a gradient."""
        for group in self.param_groups:
            shapes: dict[tuple, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault((parameter.shape, alike(parameter)), []).append(parameter)
            for parameters in shapes.values():
                self._update(parameters, group)

    def _update(self, parameters: list[nn.Parameter], group: dict) -> None:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        weights: list[Tensor] = list(parameters)
        buffers: list[Tensor] = []
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            buffers.append(state["momentum"])
        torch._foreach_mul_(buffers, group["momentum"])
        torch._foreach_add_(buffers, gradients)
        look_ahead = torch._foreach_add(gradients, buffers, alpha=group["momentum"])
        matrix_NRC = torch.stack([whole(matrix) for matrix in look_ahead])  # singular values are those of the whole
        found = orthogonalise(matrix_NRC, dtype=self.product_dtype).unbind()
        updates = [part_like(update, weight) for update, weight in zip(found, weights, strict=True)]
        rows, columns = parameters[0].shape
        if group["weight_decay"]:
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(weights, updates, alpha=-group["lr"] * max(1, rows / columns) ** 0.5)
