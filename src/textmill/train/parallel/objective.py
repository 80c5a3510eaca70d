"""What is differentiated: the model and its loss as one module.

DDP, FSDP and the pipeline work around a module's forward pass, so everything that uses a weight must happen inside it,
the output projection in the loss too. `pass_through` is the part of one process: some layers, a stretch of the context.

Shapes: B rows, T context, N tokens (B·T, or those that are learned), D width.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import loss_parallel

from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.objective import NextToken, Objective
from textmill.train.parallel.context import SharedContext
from textmill.train.step import autocast, learned_positions, loss_of_hidden, loss_of_logits


class Differentiated(nn.Module):
    """The sum of an objective's losses over a batch, or over this process's stretch of it."""

    def __init__(
        self, model: GPT, *, dtype: torch.dtype, objective: Objective, context: SharedContext | None = None
    ) -> None:
        super().__init__()
        self.model, self.dtype, self.objective, self.context = model, dtype, objective, context

    def forward(self, batch: Batch) -> Tensor:
        """Returns the sum; of the next token's losses the gradient has the z-loss in it."""
        if not isinstance(self.objective, NextToken):
            return self.objective.loss(self.model, batch, self.dtype)
        targets_BT = batch.targets_BT
        with autocast(targets_BT, self.dtype):
            if self.context is None:
                hidden_BTD = self.model.hidden(batch.inputs_BT, documents_BT=batch.documents_BT)
            else:
                documents_BS, targets_BT = self.context.documents(batch), self.context.targets(batch)
                hidden_BTD = self.model.hidden(
                    self.context.inputs(batch), documents_BT=documents_BS, cache=self.context
                )
            hidden_ND, targets_N = learned_positions(hidden_BTD, targets_BT, batch.masked)
            return loss_of(
                self.model, hidden_ND, targets_N, self.dtype, self.objective.z_loss, self.objective.smoothing
            )


def loss_of(
    model: GPT, hidden_ND: Tensor, targets_N: Tensor, dtype: torch.dtype, z_loss: float, smoothing: float = 0.0
) -> Tensor:
    """Returns the loss of what the last layer's norm returned, also where the output is cut by words."""
    if not isinstance(model.output.weight, DTensor):
        return loss_of_hidden(model, hidden_ND, targets_N, dtype, z_loss=z_loss, smoothing=smoothing)
    logits_NV = model.logits(hidden_ND)
    with torch.autocast(hidden_ND.device.type, enabled=False):
        loss = loss_of_logits(logits_NV, targets_N, z_loss)
    return loss.full_tensor().clone() if isinstance(loss, DTensor) else loss  # FSDP warns of views


def words_cut(cut: bool) -> AbstractContextManager[None]:
    """Returns the block in which losses over cut words are taken forward and back."""
    return loss_parallel() if cut else nullcontext()
