"""A mark in a text that a key finds again: some tokens are favoured, and which ones only the key knows.

    draw     green(key, token before, token): a share of the vocabulary, another one behind every token;
             green tokens have `STRENGTH` more in what the softmax sees, whatever the temperature
    detect   of n pairs (token before, token), each counted once, k are green; without the key's mark k is binomial
             with n and `SHARE`, so p = P(K ≥ k)

"A Watermark for Large Language Models", Kirchenbauer et al. 2023 (https://arxiv.org/abs/2301.10226), its left-hash
scheme. Tournament sampling (SynthID-Text, https://doi.org/10.1038/s41586-024-08025-4) leaves the distribution as it is
in the mean, but makes one and the same draw of all draws behind one token: a writer that chooses among several would
have nothing to choose from.

Shapes: V vocabulary.
"""

import hashlib
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from textmill.errors import UsageError

SHARE = 0.25
"""Of the vocabulary, how much is green."""
STRENGTH = 2.0
SHORTEST_KEY = 16
"""Characters: a key that can be guessed proves nothing."""
REMEMBERED = 512
"""Tokens whose green lists are kept: a sentence's candidates go through the same ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What was found in a text. `p_value`: how often a text without the mark has as many green tokens or more."""

    tokens: int
    """Pairs that were counted."""
    green: int
    expected: float
    p_value: float


def new_key() -> str:
    """Returns a key that nobody guesses."""
    return secrets.token_hex(16)


def check_key(key: str) -> None:
    """Raises UsageError for a key that is too short to keep a secret."""
    if len(key) < SHORTEST_KEY:
        raise UsageError("infer.watermark_key", least=SHORTEST_KEY, got=len(key))


def fingerprint(key: str) -> str:
    """Returns what may be told of a key: enough to see that two are one."""
    return hashlib.sha256(f"textmill watermark fingerprint {key}".encode()).hexdigest()[:16] if key else ""


@lru_cache(maxsize=REMEMBERED)
def green(key: str, before: int, size: int) -> Bool[Tensor, " V"]:
    """Returns which tokens are green behind the token `before`."""
    return are_green(torch.full((size,), seed(key, before), dtype=torch.int64), torch.arange(size))


def are_green(seeds: Int[Tensor, " N"], ids: Int[Tensor, " N"]) -> Bool[Tensor, " N"]:
    """Returns whether each token is green under the seed beside it: SplitMix64, whose upper bits are compared."""
    mixed = seeds + ids * -7046029254386353131  # 0x9E3779B97F4A7C15, as int64 has it; sums wrap
    mixed = (mixed ^ _shifted(mixed, 30)) * -4658895280553007687
    mixed = (mixed ^ _shifted(mixed, 27)) * -7723592293110705685
    return _shifted(mixed ^ _shifted(mixed, 31), 32) < int(SHARE * 2**32)


def _shifted(values: Int[Tensor, " N"], bits: int) -> Int[Tensor, " N"]:
    """Returns the values shifted right as if they had no sign."""
    return (values >> bits) & ((1 << (64 - bits)) - 1)


def seed(key: str, before: int) -> int:
    """Returns the seed of the green list behind a token."""
    digest = hashlib.sha256(f"textmill watermark {key} {before}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def detect(key: str, ids: Sequence[int]) -> Detection:
    """Returns how much of the key's mark is in a text's tokens."""
    check_key(key)
    pairs = sorted(set(pairwise(ids)))
    hits = 0
    if pairs:
        seeds = {before: seed(key, before) for before, _ in pairs}
        found = are_green(
            torch.tensor([seeds[before] for before, _ in pairs]), torch.tensor([after for _, after in pairs])
        )
        hits = int(found.sum())
    return Detection(
        tokens=len(pairs), green=hits, expected=SHARE * len(pairs), p_value=at_least(hits, len(pairs), SHARE)
    )


def at_least(successes: int, trials: int, share: float) -> float:
    """Returns the probability of so many successes or more: the tail of the binomial distribution, exactly."""
    if successes <= 0:
        return 1.0
    logs = [
        math.lgamma(trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(trials - k + 1)
        + k * math.log(share)
        + (trials - k) * math.log1p(-share)
        for k in range(successes, trials + 1)
    ]
    most = max(logs)
    return min(1.0, math.exp(most) * math.fsum(math.exp(each - most) for each in logs))
