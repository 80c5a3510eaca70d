"""From scores to the next token: the filters, in the order in which they run, and the draw.

    penalties and bans ─▶ temperature ─▶ top-k ─▶ top-p ─▶ min-p ─▶ typical ─▶ softmax ─▶ inverse CDF at u

Penalties and bans, which look at the text so far, are in `penalties`; `sampler` runs all of it for one text. The order
and the kept sets are those of Hugging Face's logits processors. A draw is a pure function of the sample's
seed and the token's place in it, so a seed gives the same text whatever else is being generated. Sample i of a request
has the request's seed + i, so each can be had again alone.

Shapes: B rows, V vocabulary; logits are float32, a token that is out of the question has -inf.
"""

import hashlib
import math
import secrets
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from textmill.config import GenerateSettings
from textmill.errors import ModelError, UsageError
from textmill.infer.watermark import check_key

GREEDY_BELOW = 1e-5
"""Temperatures below this take the best token: scores this close to each other are rounding, not meaning."""

SORTED_FIRST = 128
"""How many of the best tokens `keep_top_p` looks at before it looks at more."""

SEED_BITS = 31
NEGATIVE_INFINITY = float("-inf")
Number = float | int
"""Temperature 0 may be written as an int."""

RANGES: dict[str, tuple[float, float]] = {
    "typical_p": (0.0, 1.0),
    "frequency_penalty": (-100.0, 100.0),
    "presence_penalty": (-100.0, 100.0),
    "dry_multiplier": (0.0, 100.0),
    "dry_base": (1.0, 16.0),
    "dry_allowed_length": (1, 1_000_000),
    "min_tokens": (0, 1_000_000_000),
    "logprobs": (0, 1000),
}
"""What belongs to one request and has no [generate] setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingSettings:
    """How to write: the [generate] settings, and what belongs to one request."""

    temperature: Number = 0.8
    top_k: int = 0
    top_p: Number = 0.95
    min_p: Number = 0.0
    repetition_penalty: Number = 1.0
    max_tokens: int = 200
    seed: int = -1
    """-1: a new one for every request, told in its result."""
    n: int = 1
    """How many samples of the same prompt."""
    stop: tuple[str, ...] = ()
    """A sample ends before the first of these strings."""
    slide: bool = True
    """Past the model's context: go on with the last half of it, or end."""
    typical_p: Number = 1.0
    """Keeps the tokens whose surprise is nearest to the mean one, up to this probability; 1 keeps all."""
    frequency_penalty: Number = 0.0
    """Taken off a token's score for each time the sample has it already."""
    presence_penalty: Number = 0.0
    """Taken off once for every token that the sample has."""
    dry_multiplier: Number = 0.0
    """How much a token loses that would repeat a stretch of the text (0: nothing); see `penalties.dry`."""
    dry_base: Number = 1.75
    dry_allowed_length: int = 2
    dry_breakers: tuple[str, ...] = ("\n", ":", '"', "*", "。")  # text data
    """Texts across which no stretch counts as repeated."""
    logit_bias: tuple[tuple[int, float], ...] = ()
    """(token id, what is added to its score)."""
    bad_words: tuple[str, ...] = ()
    """Texts that must not be written."""
    min_tokens: int = 0
    """The model's own end and stop strings count only from here on."""
    stop_ids: tuple[int, ...] = ()
    """More tokens that end a sample."""
    ignore_end: bool = False
    """The model's own end does not end a sample: it is never drawn."""
    logprobs: int = 0
    """How many of the most probable tokens each event tells."""
    watermark: str = ""
    """A key: the text carries a mark that it finds again (see `watermark`)."""

    def __post_init__(self) -> None:
        GenerateSettings(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            max_tokens=self.max_tokens,
            seed=self.seed,
        )
        if self.n < 1:
            raise UsageError("infer.samples", value=self.n)
        if not all(self.stop) or not all(self.bad_words) or not all(self.dry_breakers):
            raise UsageError("infer.empty_stop")
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:  # false for NaN too
                raise UsageError("infer.out_of_range", name=name, low=low, high=high, value=getattr(self, name))
        if self.watermark:
            check_key(self.watermark)
        for id, bias in self.logit_bias:
            if id < 0 or not math.isfinite(bias):
                raise UsageError("infer.logit_bias", id=id, value=bias)

    @classmethod
    def of(cls, settings: GenerateSettings, *, n: int = 1, stop: tuple[str, ...] = ()) -> "SamplingSettings":
        """Returns the [generate] settings with what one request adds."""
        return cls(
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
            min_p=settings.min_p,
            repetition_penalty=settings.repetition_penalty,
            max_tokens=settings.max_tokens,
            seed=settings.seed,
            n=n,
            stop=stop,
        )

    @property
    def greedy(self) -> bool:
        """True when the best token is always taken."""
        return self.temperature < GREEDY_BELOW

    def seeded(self) -> "SamplingSettings":
        """Returns the settings with a seed in the place of -1."""
        return self if self.seed >= 0 else replace(self, seed=secrets.randbits(SEED_BITS))


def penalize_repetition(
    logits_BV: Float[Tensor, "B V"], seen_BV: Bool[Tensor, "B V"], penalty: Number
) -> Float[Tensor, "B V"]:
    """Divides positive scores of tokens seen before by `penalty`, and multiplies negative ones (arXiv 1909.05858)."""
    penalized_BV = torch.where(logits_BV < 0, logits_BV * penalty, logits_BV / penalty)
    return torch.where(seen_BV, penalized_BV, logits_BV)


def apply_temperature(logits_BV: Float[Tensor, "B V"], temperature: Number) -> Float[Tensor, "B V"]:
    """Divides by the temperature, the row's maximum taken off first, so that no temperature overflows."""
    return (logits_BV - logits_BV.amax(dim=-1, keepdim=True)) / temperature


def keep_top_k(logits_BV: Float[Tensor, "B V"], k: int) -> Float[Tensor, "B V"]:
    """Keeps the k best tokens, and those that tie with the last of them; 0 keeps all."""
    if not 0 < k < logits_BV.shape[-1]:
        return logits_BV
    least_B1 = torch.topk(logits_BV, k, dim=-1).values[:, -1:]
    return logits_BV.masked_fill(logits_BV < least_B1, NEGATIVE_INFINITY)


def keep_top_p(logits_BV: Float[Tensor, "B V"], p: Number) -> Float[Tensor, "B V"]:
    """Keeps the fewest best tokens whose probabilities sum to p, one at least (https://arxiv.org/abs/1904.09751).

    Tokens that tie with the last of them are kept as well. Only as many are sorted as are needed: sorting a vocabulary
    of 49,152 takes 3.5 ms, longer than a small model takes for the token.
    """
    if p >= 1:
        return logits_BV
    probability_BV = logits_BV.softmax(dim=-1)
    rows = [_nucleus_edge(probability_V, p) for probability_V in probability_BV]
    return logits_BV.masked_fill(probability_BV < torch.stack(rows)[:, None], NEGATIVE_INFINITY)


def _nucleus_edge(probability_V: Float[Tensor, " V"], p: Number) -> Float[Tensor, ""]:
    """Returns the least probability that is kept."""
    size = len(probability_V)
    for count in (min(SORTED_FIRST, size), min(16 * SORTED_FIRST, size), size):
        best_K = torch.topk(probability_V, count).values
        reached_K = best_K.double().cumsum(dim=0) >= p
        if bool(reached_K[-1]):
            return best_K[int(reached_K.int().argmax())]
    return best_K[-1]  # rounding: all of them together are just below p


def keep_min_p(logits_BV: Float[Tensor, "B V"], p: Number) -> Float[Tensor, "B V"]:
    """Keeps tokens at least p times as probable as the best one (https://arxiv.org/abs/2407.01082)."""
    if p <= 0:
        return logits_BV
    return logits_BV.masked_fill(logits_BV < logits_BV.amax(dim=-1, keepdim=True) + math.log(p), NEGATIVE_INFINITY)


def keep_typical(logits_BV: Float[Tensor, "B V"], p: Number) -> Float[Tensor, "B V"]:
    """Keeps the tokens whose −ln p is nearest to its mean, until they sum to `p` (https://arxiv.org/abs/2202.00666)."""
    if p >= 1:
        return logits_BV
    log_BV = logits_BV.log_softmax(dim=-1)
    probability_BV = log_BV.exp()
    entropy_B1 = -(log_BV * probability_BV).nansum(dim=-1, keepdim=True)
    order_BV = torch.sort((-log_BV - entropy_B1).abs(), dim=-1, stable=True).indices
    sorted_BV = probability_BV.gather(1, order_BV)
    out_BV = sorted_BV.cumsum(dim=-1) - sorted_BV >= p
    out_BV[:, 0] = False
    return logits_BV.masked_fill(torch.zeros_like(out_BV).scatter(1, order_BV, out_BV), NEGATIVE_INFINITY)


def filter_logits(
    logits_BV: Float[Tensor, "B V"], settings: SamplingSettings, seen_BV: Bool[Tensor, "B V"] | None = None
) -> Float[Tensor, "B V"]:
    """Returns the scores from which to draw; their softmax is the distribution of the next token.

    `seen_BV`: the tokens of the prompt and of the sample so far, for the repetition penalty.
    """
    check_finite(logits_BV)
    if settings.repetition_penalty != 1 and seen_BV is not None:
        logits_BV = penalize_repetition(logits_BV, seen_BV, settings.repetition_penalty)
    if settings.greedy:
        best_B1 = logits_BV.argmax(dim=-1, keepdim=True)
        return torch.full_like(logits_BV, NEGATIVE_INFINITY).scatter(1, best_B1, 0.0)
    logits_BV = apply_temperature(logits_BV, settings.temperature)
    logits_BV = keep_top_k(logits_BV, settings.top_k)
    logits_BV = keep_top_p(logits_BV, settings.top_p)
    logits_BV = keep_min_p(logits_BV, settings.min_p)
    return keep_typical(logits_BV, settings.typical_p)


def check_finite(logits_BV: Float[Tensor, "B V"]) -> None:
    """Raises ModelError when a row has a NaN, +inf, or nothing but -inf: drawing from it would give rubbish unseen."""
    if not torch.isfinite(logits_BV.amax(dim=-1)).all():
        raise ModelError("infer.not_finite")


def uniform(seed: int, place: int) -> float:
    """Returns the number in [0, 1) that draws the token at `place` of a sample with this seed: 53 bits of a SHA-256.

    No generator has a state to keep, so samples can be batched, interrupted or repeated from any token, and the numbers
    do not change with the version of torch.
    """
    digest = hashlib.sha256(f"textmill {seed} {place}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53


def draw(logits_BV: Float[Tensor, "B V"], uniform_B: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
    """Returns, a row, the first token (in the vocabulary's order) at which the cumulated probability exceeds u.

    In float64, so that no token's share is lost in rounding; a token of probability 0 is never drawn.
    """
    cumulated_BV = logits_BV.double().softmax(dim=-1).cumsum(dim=-1)
    target_B1 = uniform_B.to(cumulated_BV)[:, None] * cumulated_BV[:, -1:]
    # u < 1, but u · total may round up to the total: then the last token that has a share, where the total is reached
    target_B1 = torch.minimum(target_B1, torch.nextafter(cumulated_BV[:, -1:], torch.zeros_like(target_B1)))
    return torch.searchsorted(cumulated_BV, target_B1, right=True)[:, 0]


def sample_tokens(
    logits_BV: Float[Tensor, "B V"],
    settings: SamplingSettings,
    uniform_B: Float[Tensor, " B"],
    seen_BV: Bool[Tensor, "B V"] | None = None,
) -> tuple[Int[Tensor, " B"], Float[Tensor, " B"]]:
    """Returns each row's next token, and its log-probability under the model itself, before any filter."""
    logits_BV = logits_BV.float()
    filtered_BV = filter_logits(logits_BV, settings, seen_BV)
    token_B = filtered_BV.argmax(dim=-1) if settings.greedy else draw(filtered_BV, uniform_B)
    log_probability_B = logits_BV.log_softmax(dim=-1).gather(1, token_B[:, None])[:, 0]
    return token_B, log_probability_B
