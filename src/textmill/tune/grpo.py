"""GRPO: answers to one question are compared with one another; what was better than its group becomes likelier.

    A_i = (r_i − mean r) / (std r + 10⁻⁴)                       group-normalised advantage of answer i
    ratio_t = π(token t) / π_old(token t)                        π_old: the weights that wrote the answer
    J_t = min(ratio_t·A, clip(ratio_t, 1 − low, 1 + high)·A) − β·(ρ/π − ln ρ/π − 1)      ρ: the reference

    variant   A            a step's loss
    grpo      as above     mean over answers of the mean of −J_t over an answer's tokens   https://arxiv.org/abs/2402.03300
    dapo      as above     sum of −J_t / tokens of all answers                             https://arxiv.org/abs/2503.14476
    dr        r − mean r   sum of −J_t / (answers × max_tokens): neither the spread of a   https://arxiv.org/abs/2503.20783
                           group nor the length of an answer bends the gradient

`clip_high` above `clip_low` is DAPO's clip-higher: it lets unlikely tokens gain more. Clipping acts only where rollouts
serve more than one update. The reference term (Schulman's third estimator, http://joschu.net/blog/kl-approx.html) is
off at β = 0.

Shapes: N learned tokens, A answers.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.objective import Tally
from textmill.tune.grouped import TEXTS, TOKENS
from textmill.tune.sums import by_text, learned_tokens

GRPO, DAPO, DR = "grpo", "dapo", "dr"
VARIANTS = (GRPO, DAPO, DR)
SMALLEST_SPREAD = 1e-4
ADVANTAGE, WRITTEN, OLD, REFERENCE = "advantage_A", "written_N", "old_N", "reference_N"
"""In a batch's `extra`: the advantage of each answer; of each learned token ln π as the engine that wrote it had it,
under the weights before the first update, and under the reference."""


def advantages(rewards: list[float | None], variant: str) -> list[float]:
    """Returns the advantages of the answers to one question; 0 for one that could not be judged."""
    judged = np.array([reward for reward in rewards if reward is not None], dtype=np.float64)
    if len(judged) < 2 or judged.max() == judged.min():  # equal rewards tell nothing, not even rounding
        return [0.0] * len(rewards)
    scale = 1.0 if variant == DR else float(judged.std(ddof=1)) + SMALLEST_SPREAD
    return [0.0 if reward is None else (reward - float(judged.mean())) / scale for reward in rewards]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLoss:
    """The loss of tokens, and its constants."""

    variant: str = GRPO
    clip_low: float = 0.2
    clip_high: float = 0.2
    kl: float = 0.0
    """β."""
    max_tokens: int = 256

    def tokens(self, log_N: Tensor, old_N: Tensor, reference_N: Tensor | None, advantage_N: Tensor) -> Tensor:
        """Returns −J of each token."""
        ratio_N = torch.exp(log_N - old_N)
        clipped_N = ratio_N.clamp(1 - self.clip_low, 1 + self.clip_high)
        loss_N = -torch.minimum(ratio_N * advantage_N, clipped_N * advantage_N)
        if reference_N is None:
            return loss_N
        gap_N = reference_N - log_N
        return loss_N + self.kl * (torch.expm1(gap_N) - gap_N)

    def answers(self, sums_A: Tensor, tokens_A: Tensor) -> Tensor:
        """Returns the loss of each answer, of which a step sums and divides by `units`."""
        if self.variant == DAPO:
            return sums_A
        return sums_A / (self.max_tokens if self.variant == DR else tokens_A.clamp_min(1))

    def units(self, answers: int, tokens: int) -> int:
        """Returns what a step's sum is divided by."""
        return tokens if self.variant == DAPO else answers


class Reinforce:
    """GRPO as an objective of the trainer."""

    def __init__(self, loss: PolicyLoss, *, temperature: float = 1.0) -> None:
        self.policy_loss, self.temperature, self.name, self.tally = loss, temperature, "grpo", Tally()

    def loss(self, model: GPT, batch: Batch, dtype: torch.dtype) -> Tensor:
        """Returns the sum over the batch's answers."""
        log_N, learned_BT = learned_tokens(model, batch, dtype, temperature=self.temperature)
        extra, tokens_A = batch.extra, batch.extra[TOKENS]
        old_N = extra[OLD].to(log_N.dtype) if OLD in extra else log_N.detach()
        reference_N = extra[REFERENCE].to(log_N.dtype) if REFERENCE in extra else None
        advantage_N = extra[ADVANTAGE].to(log_N.dtype)[extra[TEXTS][learned_BT]]
        loss_N = self.policy_loss.tokens(log_N, old_N, reference_N, advantage_N)
        if batch.counts:
            self._note(log_N.detach(), old_N, reference_N, extra[WRITTEN])
        return self.policy_loss.answers(by_text(loss_N, batch, learned_BT), tokens_A).sum()

    @torch.no_grad()
    def _note(self, log_N: Tensor, old_N: Tensor, reference_N: Tensor | None, written_N: Tensor) -> None:
        loss, count = self.policy_loss, len(log_N)
        ratio_N = torch.exp(log_N - old_N)
        outside_N = (ratio_N < 1 - loss.clip_low) | (ratio_N > 1 + loss.clip_high)
        self.tally.add("clipped", outside_N.sum(), count)
        self.tally.add("engine_gap", (old_N - written_N.to(old_N.dtype)).abs().sum(), count)
        if loss.kl:
            gap_N = (reference_N if reference_N is not None else log_N) - log_N
            self.tally.add("kl", (torch.expm1(gap_N) - gap_N).sum(), count)


def share_without_signal(groups: Float[np.ndarray, "G S"]) -> float:
    """Returns the share of groups all of whose answers have the same advantage."""
    return float((np.abs(groups).max(axis=1) == 0).mean()) if len(groups) else 0.0
