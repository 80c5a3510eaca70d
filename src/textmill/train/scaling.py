"""A scaling law of one's own data, from a series of small runs: how low the loss gets by size and by tokens.

    L(N, D) = E + A / N^α + B / D^β          N weights that multiply a token, D tokens; bits per byte

https://arxiv.org/abs/2203.15556. The exponents are searched on a grid; for each pair E, A and B follow by least squares
and may not be negative, so the fit needs no starting point and always gives the same. With the law, the size that a
budget of C FLOPs deserves is the N with the least L(N, C / (6·N)). A few small runs say little far beyond their sizes:
the interval of the exponents is told, and so is how far the law is stretched.
"""

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

ALPHAS = np.arange(0.05, 1.21, 0.05)
FLOPS_A_WEIGHT = 6.0
STRETCH = 1000.0
LEAST_EFFECT = 0.002
NEARLY = 1.5
"""Exponents whose squared error is below so many times the least count as possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measured loss."""

    weights: float
    tokens: float
    bits_per_byte: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """The fitted constants, the ranges of exponents that fit nearly as well, and the root mean square error."""

    e: float
    a: float
    alpha: float
    b: float
    beta: float
    alpha_range: tuple[float, float]
    beta_range: tuple[float, float]
    error: float
    by_size: float
    """Bits per byte between the smallest and the largest size tried …"""
    by_length: float
    """… and between the shortest and the longest training, by the law."""
    largest_weights: float
    largest_tokens: float

    def loss(self, weights: float, tokens: float) -> float:
        """Returns the predicted bits per byte."""
        return self.e + self.a / weights**self.alpha + self.b / tokens**self.beta

    @property
    def tells(self) -> bool:
        """True where both size and length lowered the loss by more than its error: else it says nothing of sizes."""
        return min(self.by_size, self.by_length) > max(2 * self.error, LEAST_EFFECT)

    def best_weights(self, flops: float, *, least: float = 1e4) -> float:
        """Returns the size at which `flops` are best spent, up to STRETCH times the largest size that was tried."""
        sizes = np.geomspace(least, STRETCH * self.largest_weights, 2000)
        losses = [self.loss(size, flops / (FLOPS_A_WEIGHT * size)) for size in sizes]
        return float(sizes[int(np.argmin(losses))])

    def as_dict(self) -> dict[str, Any]:
        """Returns what is kept as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Law":
        """Reads what `as_dict` gave."""
        ranges: dict[str, Any] = {name: tuple(values[name]) for name in ("alpha_range", "beta_range")}
        return cls(**{**values, **ranges})


def fit_law(points: list[Point]) -> Law:
    """Returns the law through the points; ValueError with fewer than five, or with one size or one length only."""
    weights, tokens = np.array([p.weights for p in points]), np.array([p.tokens for p in points])
    losses = np.array([p.bits_per_byte for p in points])
    if len(points) < 5 or len(set(weights)) < 2 or len(set(tokens)) < 2:
        raise ValueError("a law of five constants needs five points, of two sizes and two lengths at least")
    found: dict[tuple[float, float], tuple[float, np.ndarray]] = {}
    for alpha in ALPHAS:
        for beta in ALPHAS:
            columns = np.stack([np.ones_like(losses), weights**-alpha, tokens**-beta], axis=1)
            constants, error = _not_negative(columns, losses)
            found[float(alpha), float(beta)] = error, constants
    (alpha, beta), (error, constants) = min(found.items(), key=lambda item: item[1][0])
    near = [pair for pair, (other, _) in found.items() if other <= NEARLY * error + 1e-12]
    ranges = [(min(pair[axis] for pair in near), max(pair[axis] for pair in near)) for axis in (0, 1)]
    return Law(
        e=float(constants[0]),
        a=float(constants[1]),
        alpha=alpha,
        b=float(constants[2]),
        beta=beta,
        alpha_range=ranges[0],
        beta_range=ranges[1],
        error=float((error / len(points)) ** 0.5),
        by_size=float(constants[1] * (weights.min() ** -alpha - weights.max() ** -alpha)),
        by_length=float(constants[2] * (tokens.min() ** -beta - tokens.max() ** -beta)),
        largest_weights=float(weights.max()),
        largest_tokens=float(tokens.max()),
    )


def _not_negative(columns: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the constants ≥ 0 with the least squared error, and that error: over all sets of the three columns."""
    best, least = np.zeros(columns.shape[1]), float((values**2).sum())
    scale = np.linalg.norm(columns, axis=0)
    for count in range(1, columns.shape[1] + 1):
        for chosen in combinations(range(columns.shape[1]), count):
            part = columns[:, chosen] / scale[list(chosen)]
            constants = np.linalg.lstsq(part, values, rcond=None)[0]
            if (constants < 0).any():
                continue
            error = float(((part @ constants - values) ** 2).sum())
            if error < least:
                best, least = np.zeros(columns.shape[1]), error
                best[list(chosen)] = constants / scale[list(chosen)]
    return best, least
