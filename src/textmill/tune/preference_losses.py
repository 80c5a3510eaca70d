"""What a pair, or a judged answer, costs: the losses of DPO and its kin, ORPO and KTO, as published.

π(y|x) is the model, ρ(y|x) the reference; log-probabilities are sums over the answer's tokens, |y| their number.

    h     β·[(ln π(w) − ln ρ(w)) − (ln π(l) − ln ρ(l))]      w the chosen answer, l the rejected one
    h′    the same of means over tokens: each side divided by its |y|

    sigmoid   −(1−ε)·ln σ(h) − ε·ln σ(−h)                   DPO, https://arxiv.org/abs/2305.18290; ε: conservative DPO,
                                                            labels that are wrong with probability ε
    robust    [−(1−ε)·ln σ(h) + ε·ln σ(−h)] / (1 − 2ε)      https://arxiv.org/abs/2403.00409, unbiased under such noise
    hinge     max(0, 1 − h)                                 SLiC, https://arxiv.org/abs/2305.10425, as RSO normalises it
    ipo       (h′/β − 1/(2β))²                              https://arxiv.org/abs/2310.12036, over means of tokens
    simpo     −ln σ(β·(ln π(w)/|w| − ln π(l)/|l|) − γ)      https://arxiv.org/abs/2405.14734, without a reference
    orpo      −ln π(w)/|w| − λ·ln σ(odds(w) − odds(l))      https://arxiv.org/abs/2403.07691, without a reference;
              odds(y) = ln P − ln(1 − P),  ln P = ln π(y)/|y|

With `by_length` sigmoid, robust and hinge read h′ for h (length-normalised DPO, https://arxiv.org/abs/2411.15124): it
takes away the reward for being long.

    kto       λ_D·(1 − σ(β·(r − z)))   for a good answer    https://arxiv.org/abs/2402.01306, r = ln π(y) − ln ρ(y)
              λ_U·(1 − σ(β·(z − r)))   for a bad one        z = max(0, mean of r over answers to other questions)

All functions work on vectors of P pairs, or A answers, in float32 or wider, and return one loss each.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

SIGMOID, ROBUST, HINGE, IPO, SIMPO, ORPO = "sigmoid", "robust", "hinge", "ipo", "simpo", "orpo"
PAIR_LOSSES = (SIGMOID, ROBUST, HINGE, IPO, SIMPO)
"""Those of `textmill tune dpo`."""
WITHOUT_REFERENCE = (SIMPO, ORPO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Sums of log-probabilities and numbers of tokens of both answers; references are 0 where a loss has none."""

    chosen_P: Float[Tensor, " P"]
    rejected_P: Float[Tensor, " P"]
    chosen_reference_P: Float[Tensor, " P"]
    rejected_reference_P: Float[Tensor, " P"]
    chosen_tokens_P: Int[Tensor, " P"]
    rejected_tokens_P: Int[Tensor, " P"]

    @property
    def chosen_ratio_P(self) -> Tensor:
        """ln π(w) − ln ρ(w)."""
        return self.chosen_P - self.chosen_reference_P

    @property
    def rejected_ratio_P(self) -> Tensor:
        """ln π(l) − ln ρ(l)."""
        return self.rejected_P - self.rejected_reference_P

    @property
    def chosen_mean_P(self) -> Tensor:
        """ln π(w) / |w|."""
        return self.chosen_P / self.chosen_tokens_P

    @property
    def rejected_mean_P(self) -> Tensor:
        """ln π(l) / |l|."""
        return self.rejected_P / self.rejected_tokens_P


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLoss:
    """Which loss, and its constants."""

    kind: str = SIGMOID
    beta: float = 0.1
    """How near the reference is kept: larger, nearer."""
    smoothing: float = 0.0
    """ε: how often labels are wrong (sigmoid, robust)."""
    by_length: bool = False
    gamma: float = 0.5
    """The margin that SimPO asks for."""
    odds_weight: float = 0.1
    """λ of ORPO."""

    def __call__(self, pairs: Pairs) -> Float[Tensor, " P"]:
        """Returns each pair's loss."""
        if self.kind == SIMPO:
            return -F.logsigmoid(self.beta * (pairs.chosen_mean_P - pairs.rejected_mean_P) - self.gamma)
        if self.kind == ORPO:
            gain_P = log_odds(pairs.chosen_mean_P) - log_odds(pairs.rejected_mean_P)
            return -pairs.chosen_mean_P - self.odds_weight * F.logsigmoid(gain_P)
        h_P = self.beta * self.ratios(pairs)
        if self.kind == HINGE:
            return F.relu(1 - h_P)
        if self.kind == IPO:
            return (h_P / self.beta - 1 / (2 * self.beta)).square()
        right_P, wrong_P = -F.logsigmoid(h_P), -F.logsigmoid(-h_P)
        if self.kind == ROBUST:
            return ((1 - self.smoothing) * right_P - self.smoothing * wrong_P) / (1 - 2 * self.smoothing)
        return (1 - self.smoothing) * right_P + self.smoothing * wrong_P

    def ratios(self, pairs: Pairs) -> Float[Tensor, " P"]:
        """Returns the difference of the two log-ratios; of means for IPO and where lengths are to be normalised."""
        if self.kind == IPO or self.by_length:
            return pairs.chosen_ratio_P / pairs.chosen_tokens_P - pairs.rejected_ratio_P / pairs.rejected_tokens_P
        return pairs.chosen_ratio_P - pairs.rejected_ratio_P

    def margins(self, pairs: Pairs) -> Float[Tensor, " P"]:
        """Returns by how much the chosen answer is preferred, by the loss's own measure; above 0 it is."""
        if self.kind in WITHOUT_REFERENCE:
            return pairs.chosen_mean_P - pairs.rejected_mean_P
        return self.beta * self.ratios(pairs)


def log_odds(mean_P: Float[Tensor, " P"]) -> Float[Tensor, " P"]:
    """Returns ln(P/(1−P)) of ln P, also where P is nearly 1."""
    mean_P = mean_P.clamp_max(-torch.finfo(mean_P.dtype).eps)
    return mean_P - torch.log(-torch.expm1(mean_P))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLoss:
    """KTO and its constants."""

    beta: float = 0.1
    good_weight: float = 1.0
    """λ_D; the paper asks for λ_D·(good answers) : λ_U·(bad answers) between 1 : 1 and 4 : 3."""
    bad_weight: float = 1.0

    def __call__(self, ratios_A: Float[Tensor, " A"], good_A: Tensor, reference_point: float) -> Float[Tensor, " A"]:
        """Returns each answer's loss; `reference_point`: z."""
        gain_A = self.beta * (ratios_A - reference_point)
        good = good_A.bool()
        losses_A = 1 - torch.sigmoid(torch.where(good, gain_A, -gain_A))
        return torch.where(good, self.good_weight * losses_A, self.bad_weight * losses_A)
