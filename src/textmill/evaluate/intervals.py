"""How sure a score is: Wilson's interval for shares, resampling for everything else, and two models on the same items.

Wilson:   (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n),  z = 1.96
McNemar:  of the items that only one of two models has right, how many are the first's; exact, two-sided
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textmill.evaluate.bootstrap import RESAMPLES

Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A figure with its sample and its 95% interval."""

    value: float
    low: float
    high: float
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def wilson(right: int, n: int) -> Score:
    """Returns the share `right` of `n`; of no items at all nothing is known."""
    if not n:
        return Score(value=math.nan, low=0.0, high=1.0, n=0)
    share, z2 = right / n, Z * Z
    middle, half = share + z2 / (2 * n), Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low, high = (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)
    return Score(value=share, low=min(max(0.0, low), share), high=max(min(1.0, high), share), n=n)


def resampled_mean(values: Sequence[float], *, seed: int = 0) -> Score:
    """Returns the mean with the interval of resampled means."""
    x = np.asarray(values, dtype=np.float64)
    if not len(x):
        return Score(value=math.nan, low=math.nan, high=math.nan, n=0)
    low, high = np.quantile(means_of_resamples(x, seed), [0.025, 0.975])
    return Score(value=float(x.mean()), low=float(low), high=float(high), n=len(x))


def means_of_resamples(x: np.ndarray, seed: int) -> np.ndarray:
    """Returns the means of so many samples drawn with repetition, a few at a time."""
    generator = np.random.default_rng(seed)
    step = max(1, 2**22 // len(x))
    parts = []
    for start in range(0, RESAMPLES, step):
        drawn = generator.integers(0, len(x), (min(step, RESAMPLES - start), len(x)))
        parts.append(x[drawn].mean(axis=1))
    return np.concatenate(parts)


def grouped_mean(values: Sequence[float], groups: Sequence[str], *, seed: int = 0) -> Score:
    """Returns the mean of the groups' means, resampled within each group."""
    x = np.asarray(values, dtype=np.float64)
    names = np.asarray(groups)
    parts = [x[names == name] for name in dict.fromkeys(groups)]
    if not parts:
        return resampled_mean(())
    means = np.mean([means_of_resamples(part, seed + place) for place, part in enumerate(parts)], axis=0)
    low, high = np.quantile(means, [0.025, 0.975])
    value = float(np.mean([part.mean() for part in parts]))
    return Score(value=value, low=float(low), high=float(high), n=len(x))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The difference of two models on the same items: the first's score less the second's."""

    difference: float
    low: float
    high: float
    p: float
    n: int
    only_first: int
    only_second: int
    test: str

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def paired(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Paired:
    """Compares two models item by item: by McNemar's test where all values are 0 or 1, else by resampling the pairs."""
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if not len(x) or len(x) != len(y):
        raise ValueError(f"{len(x)} and {len(y)} items cannot be compared in pairs")
    gap = x - y
    means = means_of_resamples(gap, seed)
    low, high = (float(value) for value in np.quantile(means, [0.025, 0.975]))
    only_first, only_second = int((gap > 0).sum()), int((gap < 0).sum())
    binary = bool(np.isin(np.concatenate((x, y)), (0.0, 1.0)).all())
    if binary:
        p = mcnemar(only_first, only_second)
    else:
        below = (int((means <= 0).sum()) + 1) / (RESAMPLES + 1)
        above = (int((means >= 0).sum()) + 1) / (RESAMPLES + 1)
        p = min(1.0, 2 * min(below, above))
    return Paired(
        difference=float(gap.mean()),
        low=low,
        high=high,
        p=p,
        n=len(x),
        only_first=only_first,
        only_second=only_second,
        test="mcnemar" if binary else "resampling",
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Returns how probable so uneven a split is (or a more uneven one) where both models are equally good."""
    n, fewer = only_first + only_second, min(only_first, only_second)
    if not n:
        return 1.0
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2) for k in range(fewer + 1)
    ]
    return min(1.0, 2 * sum(map(math.exp, logs)))
