"""What is differentiated: the model and its loss as one module.

DDP, FSDP and the pipeline work around a module's forward pass, so everything that uses a weight must happen inside it,
the output projection in the loss too. `pass_through` is the part of one process: some layers, a stretch of the context.

Shapes: B rows, T context, D width.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import loss_parallel

from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.parallel.context import SharedContext
from textmill.train.step import autocast, loss_of_hidden, loss_of_logits


class Objective(nn.Module):
    """The sum of token losses of a batch, or of this process's stretch of it."""

    def __init__(self, model: GPT, *, dtype: torch.dtype, z_loss: float, context: SharedContext | None) -> None:
        super().__init__()
        self.model, self.dtype, self.z_loss, self.context = model, dtype, z_loss, context

    def forward(self, inputs_BT: Tensor, targets_BT: Tensor, documents_BT: Tensor) -> Tensor:
        """Returns the loss in nats; the gradient has the z-loss in it."""
        with autocast(inputs_BT, self.dtype):
            if self.context is None:
                hidden_BTD = self.model.hidden(inputs_BT, documents_BT=documents_BT)
            else:
                batch = Batch(inputs_BT=inputs_BT, targets_BT=targets_BT, documents_BT=documents_BT)
                documents_BS, targets_BT = self.context.documents(batch), self.context.targets(batch)
                hidden_BTD = self.model.hidden(
                    self.context.inputs(batch), documents_BT=documents_BS, cache=self.context
                )
            return loss_of(self.model, hidden_BTD, targets_BT, self.dtype, self.z_loss)


def loss_of(model: GPT, hidden_BTD: Tensor, targets_BT: Tensor, dtype: torch.dtype, z_loss: float) -> Tensor:
    """Returns the loss of what the last layer's norm returned, also where the output is cut by words."""
    if not isinstance(model.output.weight, DTensor):
        return loss_of_hidden(model, hidden_BTD, targets_BT, dtype, z_loss=z_loss)
    logits_NV = model.logits(hidden_BTD.flatten(0, 1))
    with torch.autocast(hidden_BTD.device.type, enabled=False):
        loss = loss_of_logits(logits_NV, targets_BT.flatten(), z_loss)
    return loss.full_tensor().clone() if isinstance(loss, DTensor) else loss  # FSDP warns of views


def words_cut(cut: bool) -> AbstractContextManager[None]:
    """Returns the block in which losses over cut words are taken forward and back."""
    return loss_parallel() if cut else nullcontext()
