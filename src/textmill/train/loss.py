"""Output projection and cross-entropy in one, chunk by chunk, so that the logits of a batch never exist at once.

loss_n = logsumexp(W·h_n) − (W·h_n)[target_n];   ∂loss_n/∂logits = softmax(W·h_n) − onehot(target_n)

With a weight z the objective also has z·logsumexp² a token, which keeps logits from drifting away (z-loss, PaLM,
https://arxiv.org/abs/2204.02311); it adds 2·z·logsumexp·softmax to the gradient of the logits.

Both are known as soon as a chunk's logits are, so the forward pass already makes the gradients of h and W and the
logits are thrown away: nothing is computed twice, and memory is one chunk (the idea of Liger-Kernel,
https://arxiv.org/abs/2410.10989, here in plain torch). Losses are float32 (float64 where the matrices are).

Shapes: N tokens, D width, V vocabulary.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from textmill.kernels.operations import softmax_error_, weight_gradient

CHUNK_TOKENS = 512
"""Measured on two cores: 512 tokens × 8,192 words of logits stay in the cache; 4,096 at once take 1.2× as long."""


NATIVE_CHUNK_LOGITS = 1 << 24
"""Logits a chunk (32 MB in bf16) with the compiled kernels: larger chunks add less often to the weight's gradient."""


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, dtype: torch.dtype, z: float) -> Tensor:  # type: ignore[override]
        need = ctx.needs_input_grad
        hidden, weight = hidden_ND.to(dtype), weight_VD.to(dtype)
        wide = torch.promote_types(dtype, torch.float32)
        total = torch.zeros((), dtype=wide, device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if need[0] else None
        grad_weight = torch.zeros(weight.shape, dtype=wide, device=weight.device) if need[1] else None
        for start in range(0, hidden.shape[0], CHUNK_TOKENS):
            part = slice(start, start + CHUNK_TOKENS)
            target_n1 = targets_N[part, None]
            logits_nV = hidden[part] @ weight.T
            log_probability_nV = F.log_softmax(logits_nV, dim=-1, dtype=wide)
            log_sum_n1 = logits_nV[:, :1].to(wide) - log_probability_nV[:, :1] if z else None
            total -= log_probability_nV.gather(1, target_n1).sum()
            if grad_hidden is None and grad_weight is None:
                continue
            error_nV = log_probability_nV.exp_()
            if log_sum_n1 is not None:
                error_nV *= 1 + 2 * z * log_sum_n1
            error_nV.scatter_add_(1, target_n1, torch.full_like(target_n1, -1, dtype=wide))
            error_nV = error_nV.to(dtype)
            if grad_hidden is not None:
                torch.mm(error_nV, weight, out=grad_hidden[part])
            if grad_weight is not None and dtype == wide:
                grad_weight.addmm_(error_nV.T, hidden[part])
            elif grad_weight is not None:
                grad_weight += error_nV.T @ hidden[part]
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.dtypes = hidden_ND.dtype, weight_VD.dtype
        return total

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:  # type: ignore[override]
        grad_hidden, grad_weight = ctx.saved_tensors
        hidden_dtype, weight_dtype = ctx.dtypes
        return (
            None if grad_hidden is None else (grad_hidden * upstream.to(grad_hidden.dtype)).to(hidden_dtype),
            None if grad_weight is None else grad_weight.mul_(upstream).to(weight_dtype),
            None,
            None,
            None,
        )


class _NativeLinearCrossEntropy(_LinearCrossEntropy):
    """The same in bf16 over the compiled kernels: softmax and error in one pass, the weight's gradient in float32."""

    @staticmethod
    def forward(ctx, hidden_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, z: float) -> Tensor:  # type: ignore[override]
        hidden, weight = hidden_ND.to(torch.bfloat16), weight_VD.to(torch.bfloat16)
        grad_hidden, grad_weight = torch.empty_like(hidden), None
        losses = []
        size = max(1, NATIVE_CHUNK_LOGITS // weight.shape[0])
        for start in range(0, hidden.shape[0], size):
            part = slice(start, start + size)
            error_nV = hidden[part] @ weight.T
            losses.append(softmax_error_(error_nV, targets_N[part], z))
            torch.mm(error_nV, weight, out=grad_hidden[part])
            if ctx.needs_input_grad[1]:  # a frozen one has none
                grad_weight = weight_gradient(error_nV, hidden[part], grad_weight)
        if grad_weight is None and ctx.needs_input_grad[1]:  # no token at all
            grad_weight = torch.zeros(weight.shape)
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.dtypes = hidden_ND.dtype, weight_VD.dtype
        return torch.cat(losses).sum() if losses else torch.zeros(())

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return _LinearCrossEntropy.backward(ctx, upstream)[:4]


def linear_cross_entropy(
    hidden_ND: Float[Tensor, "N D"],
    weight_VD: Float[Tensor, "V D"],
    targets_N: Int[Tensor, " N"],
    dtype: torch.dtype = torch.float32,
    *,
    z: float = 0.0,
    native: bool = False,
) -> Float[Tensor, ""]:
    """Returns the sum over tokens of −ln p(target), float32 or wider; matrices are multiplied in `dtype`.

    The gradient is that of the objective with the z-loss, the value is without it: what is shown stays comparable.
    `native`: with the compiled kernels, in bf16 on a CPU.
    """
    if native and torch.is_grad_enabled():
        return _NativeLinearCrossEntropy.apply(hidden_ND, weight_VD, targets_N, z)  # type: ignore[return-value]
    return _LinearCrossEntropy.apply(hidden_ND, weight_VD, targets_N, dtype, z)  # type: ignore[return-value]
