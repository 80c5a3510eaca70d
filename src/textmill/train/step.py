"""One step: micro-batches forward and backward, clip, move the weights.

The gradient is that of (sum of token losses) / (number of predicted tokens in the whole batch), or of another
objective's losses over its units (see `objective`), whatever the micro-batch: micro-batches only add up.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from textmill.errors import TrainingError
from textmill.model.gpt import GPT
from textmill.train.batches import IGNORED, Batch
from textmill.train.loss import linear_cross_entropy
from textmill.train.optimizers import Optimizers

if TYPE_CHECKING:
    from textmill.train.objective import Objective
    from textmill.train.parallel.divided import Divided


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """`loss`: nats a token over the whole batch. `gradient_norm`: before clipping. `spike`: why the weights stayed."""

    loss: float
    gradient_norm: float
    spike: str = ""


def autocast(like: Tensor, dtype: torch.dtype) -> torch.autocast:
    """Returns a block in which matrices are multiplied in bf16 where that is `dtype`, on the device of `like`."""
    return torch.autocast(like.device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)


def batch_loss(model: GPT, batch: Batch, dtype: torch.dtype, *, z_loss: float = 0.0, smoothing: float = 0.0) -> Tensor:
    """Returns the sum of token losses of `batch` in nats (float32 scalar); matrices are multiplied in `dtype`.

    Its gradient has the z-loss of weight `z_loss` in it and smoothed labels, its value has not (see `loss`).
    """
    with autocast(batch.inputs_BT, dtype):
        hidden_BTD = model.hidden(batch.inputs_BT, documents_BT=batch.documents_BT)
        hidden_ND, targets_N = learned_positions(hidden_BTD, batch.targets_BT, batch.masked)
        return loss_of_hidden(model, hidden_ND, targets_N, dtype, z_loss=z_loss, smoothing=smoothing)


def learned_positions(hidden_BTD: Tensor, targets_BT: Tensor, masked: bool) -> tuple[Tensor, Tensor]:
    """Returns what stands at the positions that are learned, (N D) and (N): no logits are made for the others."""
    hidden_ND, targets_N = hidden_BTD.flatten(0, 1), targets_BT.flatten()
    if not masked:
        return hidden_ND, targets_N
    learned_n = (targets_N != IGNORED).nonzero().squeeze(1)
    return hidden_ND.index_select(0, learned_n), targets_N.index_select(0, learned_n)


def loss_of_hidden(
    model: GPT,
    hidden_ND: Tensor,
    targets_N: Tensor,
    dtype: torch.dtype,
    *,
    z_loss: float = 0.0,
    smoothing: float = 0.0,
) -> Tensor:
    """Returns the same for what `model.hidden` returned."""
    if model.config.logit_softcap or model.config.logit_divisor != 1.0:
        return loss_of_logits(model.logits(hidden_ND), targets_N, z_loss, smoothing)
    weight = model.output.weight
    with torch.autocast(hidden_ND.device.type, enabled=False):
        loss = linear_cross_entropy(hidden_ND, weight, targets_N, dtype, z=z_loss, native=model.native)
        if not smoothing:
            return loss
        extra = smoothing * smoothed_labels(hidden_ND, weight, targets_N)
        return loss + extra - extra.detach()


def smoothed_labels(hidden_ND: Tensor, weight_VD: Tensor, targets_N: Tensor) -> Tensor:
    """Returns what labels smoothed by ε add to the sum of token losses, divided by ε: Σ logit(target) − mean logit.

    (1 − ε)·CE + ε·mean over words of −ln p = CE + ε·(logit(target) − mean logit), because both parts have the same
    logsumexp; it is linear in the logits, so they need not be there (https://arxiv.org/abs/1512.00567).
    """
    wide = torch.promote_types(weight_VD.dtype, torch.float32)
    hidden_ND, weight_VD = hidden_ND.to(wide), weight_VD.to(wide)
    return (hidden_ND * weight_VD[targets_N]).sum() - hidden_ND.sum(dim=0) @ weight_VD.mean(dim=0)


def loss_of_logits(logits_NV: Tensor, targets_N: Tensor, z_loss: float, smoothing: float = 0.0) -> Tensor:
    """Returns the same for logits that are all there, of words that may be cut among processes."""
    logits_NV = logits_NV.to(torch.promote_types(logits_NV.dtype, torch.float32))
    loss = torch.nn.functional.cross_entropy(logits_NV, targets_N, reduction="sum")
    if not z_loss and not smoothing:
        return loss
    extra = z_loss * logits_NV.logsumexp(dim=-1).square().sum() if z_loss else torch.zeros_like(loss)
    if smoothing:
        extra = extra + smoothing * (logits_NV.gather(1, targets_N[:, None])[:, 0] - logits_NV.mean(dim=-1)).sum()
    return loss + extra - extra.detach()


def train_step(
    model: GPT,
    optimizers: Optimizers,
    batches: Iterable[Batch],
    *,
    batch_tokens: int,
    step: int,
    clip: float,
    dtype: torch.dtype,
    z_loss: float = 0.0,
    judge: Callable[[float, float], str] = lambda loss, gradient_norm: "",
    divided: "Divided | None" = None,
    objective: "Objective | None" = None,
) -> StepResult:
    """Runs one optimizer step over `batches`, which together hold `batch_tokens` predicted tokens.

    `objective`: another one than the next token; `batch_tokens` is then the number of its units.
    `divided`: the model among processes; `batches` are then this one's, `batch_tokens` are those of all.
    `judge(loss, gradient norm)` returns why the step must not be taken, or "".
    Raises TrainingError before the weights move when the loss or a gradient is not finite.
    """
    if divided is not None:
        total = divided.accumulate(batches, batch_tokens=batch_tokens)
    else:
        loss_of = objective.loss if objective is not None else partial(batch_loss, z_loss=z_loss)
        total = accumulate(model, batches, dtype, batch_tokens=batch_tokens, loss_of=loss_of)
    if not math.isfinite(total):
        optimizers.zero_grad()
        raise TrainingError("train.not_finite", what="loss", step=step, value=total)
    if divided is not None:
        norm = divided.clip(clip)
    else:
        parameters = [parameter for parameter in model.parameters() if parameter.grad is not None]
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, clip or math.inf, foreach=True))
    if not math.isfinite(norm):
        name = divided.first_not_finite() if divided is not None else first_not_finite(model)
        optimizers.zero_grad()
        raise TrainingError("train.not_finite", what=name, step=step, value=norm)
    spike = judge(total / batch_tokens, norm)
    if not spike:
        optimizers.step()
    optimizers.zero_grad()
    return StepResult(loss=total / batch_tokens, gradient_norm=norm, spike=spike)


def accumulate(
    model: GPT, batches: Iterable[Batch], dtype: torch.dtype, *, batch_tokens: int, loss_of: Callable[..., Tensor]
) -> float:
    """Adds up the gradients of (sum of losses) / `batch_tokens`; returns that sum.

    Stops at the first that is not finite, before its gradient is taken.
    """
    total = 0.0
    for batch in batches:
        loss = loss_of(model, batch, dtype)
        total += float(loss.detach())
        if not math.isfinite(total):
            break
        (loss / batch_tokens).backward()
    return total


def first_not_finite(model: GPT) -> str:
    """Returns the name of the parameter whose gradient was the first not to be finite.

    Gradients come from the output backwards, and one that is not finite spoils all before it: it is the last by name.
    """
    bad = "gradient norm"
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
            bad = name
    return bad
