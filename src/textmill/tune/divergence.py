"""How far a student's distribution is from a teacher's, summed over tokens, with gradients, chunk by chunk.

    KL(t ‖ s) = Σ_v t_v·(ln t_v − ln s_v)          t, s: softmax of logits / τ
    loss      = (1 − w)·τ²·KL(t ‖ s) − w·ln p(target)        τ² keeps gradients of one size, w: the share of the text
    ∂loss/∂student's logits = (1 − w)·τ·(s − t) + w·(p − onehot(target))

(Hinton et al., https://arxiv.org/abs/1503.02531.) Of a teacher on disk the k most probable tokens are known, and of the
others that together they have r = 1 − Σ t_v. They are compared as one event, r·(ln r − ln(their sum under s)): a
lower bound of the divergence, exact where the teacher is sure. Its gradient spreads r over those others as the
student itself does.

As in `train.loss` the way there makes the gradients, and the logits of a batch never exist at once.

Shapes: N tokens, n of a chunk, D width, V vocabulary, k kept.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from textmill.train.loss import CHUNK_TOKENS

SMALLEST = 1e-30


class _Distillation(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        targets_N: Tensor,
        teacher: Callable[[slice], Tensor | tuple[Tensor, Tensor]],
        temperature: float,
        text_weight: float,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        need_hidden, need_weight = ctx.needs_input_grad[:2]
        hidden, weight = hidden_ND.to(dtype), weight_VD.to(dtype)
        wide = torch.promote_types(dtype, torch.float32)
        total, divergence = (torch.zeros((), dtype=wide, device=hidden.device) for _ in range(2))
        grad_hidden = torch.empty_like(hidden) if need_hidden else None
        grad_weight = torch.zeros(weight.shape, dtype=wide, device=weight.device) if need_weight else None
        for start in range(0, hidden.shape[0], CHUNK_TOKENS):
            part = slice(start, start + CHUNK_TOKENS)
            logits_nV = (hidden[part] @ weight.T).to(wide)
            kl, error_nV = chunk_divergence(logits_nV, teacher(part), temperature)
            divergence += kl
            total += (1 - text_weight) * temperature**2 * kl
            error_nV *= (1 - text_weight) * temperature
            if text_weight:
                log_nV = F.log_softmax(logits_nV, dim=-1)
                target_n1 = targets_N[part, None]
                total -= text_weight * log_nV.gather(1, target_n1).sum()
                error_nV += text_weight * log_nV.exp_()
                error_nV.scatter_add_(1, target_n1, torch.full_like(target_n1, -text_weight, dtype=wide))
            error_nV = error_nV.to(dtype)
            if grad_hidden is not None:
                torch.mm(error_nV, weight, out=grad_hidden[part])
            if grad_weight is not None:
                grad_weight += error_nV.T @ hidden[part]
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.dtypes = hidden_ND.dtype, weight_VD.dtype
        ctx.mark_non_differentiable(divergence)
        return total, divergence

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> tuple[Tensor | None, ...]:
        grad_hidden, grad_weight = ctx.saved_tensors
        by_hidden = None if grad_hidden is None else (grad_hidden * above[0].to(grad_hidden.dtype)).to(ctx.dtypes[0])
        by_weight = None if grad_weight is None else grad_weight.mul_(above[0]).to(ctx.dtypes[1])
        return by_hidden, by_weight, None, None, None, None, None


def chunk_divergence(
    logits_nV: Tensor, teacher: Tensor | tuple[Tensor, Tensor], temperature: float
) -> tuple[Tensor, Tensor]:
    """Returns Σ KL(t ‖ s) of a chunk and s − t; `teacher`: its logits, or (ids, ln t) of those that are kept."""
    log_nV = F.log_softmax(logits_nV / temperature, dim=-1)
    if isinstance(teacher, Tensor):
        log_t_nV = F.log_softmax(teacher.to(log_nV) / temperature, dim=-1)
        t_nV = log_t_nV.exp()
        return (t_nV * (log_t_nV - log_nV)).sum(), log_nV.exp_() - t_nV
    ids_nk, log_t_nk = teacher[0].long(), teacher[1].to(log_nV)
    t_nk = log_t_nk.exp()
    rest_n = (1 - t_nk.sum(dim=-1)).clamp_min(0)
    s_nV = log_nV.exp()
    s_nk = s_nV.gather(1, ids_nk)
    others_n = (1 - s_nk.sum(dim=-1)).clamp_min(SMALLEST)
    kept = (t_nk * (log_t_nk - log_nV.gather(1, ids_nk))).sum()
    rest = (rest_n * (rest_n.clamp_min(SMALLEST).log() - others_n.log())).sum()
    # of the others t is r·s/(Σ of s over them): the gradient of what is compared as one
    error_nV = s_nV * (1 - rest_n / others_n)[:, None]
    error_nV.scatter_(1, ids_nk, s_nk - t_nk)
    return kept + rest, error_nV


def distillation_loss(
    hidden_ND: Tensor,
    weight_VD: Tensor,
    targets_N: Tensor,
    teacher: Callable[[slice], Tensor | tuple[Tensor, Tensor]],
    *,
    temperature: float,
    text_weight: float,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """Returns the summed loss and, without a gradient, the summed divergence.

    `teacher(part)` returns for a slice of the tokens the teacher's logits (n, V), or (ids, ln t) of those kept (n, k).
    """
    given = (hidden_ND, weight_VD, targets_N, teacher, float(temperature), float(text_weight), dtype)
    return _Distillation.apply(*given)  # type: ignore[return-value]
