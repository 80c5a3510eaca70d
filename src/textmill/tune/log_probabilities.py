"""ln p of given tokens, with a gradient, chunk by chunk: the logits of a batch never exist at once.

    l_n = (W·h_n)[target_n] − logsumexp(W·h_n)        ∂l_n/∂logits = onehot(target_n) − softmax(W·h_n)

What a preference or a reward makes of l_n is known only when all of them are (a pair's loss looks at both sums), so
the factor u_n of each token arrives on the way back. Where W is frozen (adapters), the way there already makes
g_n = ∂l_n/∂h_n, and the way back is u_n·g_n; where W learns, the chunks' logits are computed once more, for
∂W = Σ u_n·(∂l_n/∂logits)·h_nᵀ. Either way memory is one chunk, and l_n is float32 or wider.

Shapes: N tokens, n of a chunk, D width, V vocabulary.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from textmill.kernels.operations import softmax_error_, weight_gradient
from textmill.model.gpt import GPT
from textmill.train.loss import CHUNK_TOKENS, NATIVE_CHUNK_LOGITS


class _LogProbabilities(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, dtype: torch.dtype, native: bool
    ) -> Tensor:
        need_hidden, learns = ctx.needs_input_grad[:2]
        hidden, weight = hidden_ND.to(dtype), weight_VD.to(dtype)
        found: list[Tensor] = []
        grad_hidden = torch.empty_like(hidden) if need_hidden and not learns else None
        for part in _chunks(hidden, weight, native):
            log_n, error_nV = _log_and_error(hidden[part], weight, targets_N[part], native)
            found.append(log_n)
            if grad_hidden is not None:
                torch.mm(error_nV, weight, out=grad_hidden[part])
        ctx.dtypes, ctx.native, ctx.dtype = (hidden_ND.dtype, weight_VD.dtype), native, dtype
        ctx.learns = learns
        ctx.save_for_backward(*((hidden_ND, weight_VD, targets_N) if learns else (grad_hidden,)))
        wide = torch.promote_types(dtype, torch.float32)
        return torch.cat(found) if found else torch.zeros(0, dtype=wide, device=hidden.device)

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> tuple[Tensor | None, ...]:
        factors_N = above[0]
        if not ctx.learns:
            (grad_hidden,) = ctx.saved_tensors
            if grad_hidden is None:
                return None, None, None, None, None
            # error is softmax − onehot: the other sign
            return (grad_hidden * -factors_N[:, None].to(grad_hidden.dtype)).to(ctx.dtypes[0]), None, None, None, None
        hidden_ND, weight_VD, targets_N = ctx.saved_tensors
        hidden, weight = hidden_ND.to(ctx.dtype), weight_VD.to(ctx.dtype)
        grad_hidden, grad_weight = torch.empty_like(hidden), None
        for part in _chunks(hidden, weight, ctx.native):
            _, error_nV = _log_and_error(hidden[part], weight, targets_N[part], ctx.native)
            error_nV *= -factors_N[part, None].to(error_nV.dtype)
            torch.mm(error_nV, weight, out=grad_hidden[part])
            grad_weight = _add_weight_gradient(error_nV, hidden[part], grad_weight, ctx.native)
        if grad_weight is None:
            grad_weight = torch.zeros_like(weight_VD)
        return grad_hidden.to(ctx.dtypes[0]), grad_weight.to(ctx.dtypes[1]), None, None, None


def _chunks(hidden: Tensor, weight: Tensor, native: bool) -> list[slice]:
    size = max(1, NATIVE_CHUNK_LOGITS // weight.shape[0]) if native else CHUNK_TOKENS
    return [slice(start, start + size) for start in range(0, hidden.shape[0], size)]


def _log_and_error(hidden_nD: Tensor, weight_VD: Tensor, targets_n: Tensor, native: bool) -> tuple[Tensor, Tensor]:
    """Returns a chunk's l_n, and softmax − onehot in the matrices' dtype."""
    logits_nV = hidden_nD @ weight_VD.T
    if native:
        return -softmax_error_(logits_nV, targets_n, 0.0), logits_nV
    wide = torch.promote_types(logits_nV.dtype, torch.float32)
    log_nV = F.log_softmax(logits_nV, dim=-1, dtype=wide)
    log_n = log_nV.gather(1, targets_n[:, None])[:, 0]
    error_nV = log_nV.exp_()
    error_nV.scatter_add_(1, targets_n[:, None], torch.full_like(targets_n[:, None], -1, dtype=wide))
    return log_n, error_nV.to(logits_nV.dtype)


def _add_weight_gradient(error_nV: Tensor, hidden_nD: Tensor, total_VD: Tensor | None, native: bool) -> Tensor:
    if native:
        return weight_gradient(error_nV, hidden_nD, total_VD)
    wide = torch.promote_types(error_nV.dtype, torch.float32)
    product = (error_nV.T @ hidden_nD).to(wide)
    return product if total_VD is None else total_VD.add_(product)


def token_log_probabilities(
    model: GPT,
    hidden_ND: Float[Tensor, "N D"],
    targets_N: Int[Tensor, " N"],
    dtype: torch.dtype,
    *,
    temperature: float = 1.0,
) -> Float[Tensor, " N"]:
    """Returns ln p(target) of each token from what `model.hidden` returned; matrices are multiplied in `dtype`.

    `temperature` divides the logits, as it does when a model writes.
    """
    config = model.config
    with torch.autocast(hidden_ND.device.type, enabled=False):
        if config.logit_softcap or config.logit_divisor != 1.0 or model.output.bias is not None:
            return _by_the_model(model, hidden_ND.to(model.output.weight.dtype), targets_N, temperature)
        hidden_ND = hidden_ND / temperature if temperature != 1.0 else hidden_ND  # W·(h/τ) = (W·h)/τ
        native = model.native and dtype == torch.bfloat16
        given = (hidden_ND, model.output.weight, targets_N, dtype, native)
        return _LogProbabilities.apply(*given)  # type: ignore[return-value]


def _by_the_model(model: GPT, hidden_ND: Tensor, targets_N: Tensor, temperature: float) -> Tensor:
    """The same where logits are more than a product; chunks are computed again on the way back."""

    def chunk(hidden_nD: Tensor, targets_n: Tensor) -> Tensor:
        logits_nV = model.logits(hidden_nD) / temperature
        wide = torch.promote_types(logits_nV.dtype, torch.float32)
        return F.log_softmax(logits_nV, dim=-1, dtype=wide).gather(1, targets_n[:, None])[:, 0]

    found = [
        checkpoint(chunk, hidden_ND[start : start + CHUNK_TOKENS], targets_N[start : start + CHUNK_TOKENS],
                   use_reentrant=False)
        for start in range(0, hidden_ND.shape[0], CHUNK_TOKENS)
    ]  # fmt: skip
    return torch.cat(found) if found else hidden_ND.sum(dim=-1)
