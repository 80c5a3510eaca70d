"""95% intervals by resampling: how far a score would move had other documents of the same kind been drawn."""

import numpy as np

RESAMPLES = 1000


def ratio_interval(
    numerators: np.ndarray, denominators: np.ndarray, *, seed: int = 0, share: float = 0.95
) -> tuple[float, float]:
    """Returns the interval of sum(numerators) / sum(denominators) under resampling of the pairs.

    One pair says nothing about spread: both ends are then the ratio itself, so look at the count beside it.
    """
    generator = np.random.default_rng(seed)
    count = len(numerators)
    ratios = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        drawn = generator.integers(0, count, count)
        ratios[index] = numerators[drawn].sum() / max(denominators[drawn].sum(), 1)
    low, high = np.quantile(ratios, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)
