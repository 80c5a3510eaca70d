"""Learning a quality model from labelled texts, and saying honestly how good it is.

Logistic regression with an L2 penalty, by Nesterov's accelerated gradient: the features have length 1, so the loss's
curvature is at most 1/4 plus the penalty and no step size has to be sought. Ten folds: each text is scored by a model
that has not seen it; these scores give the area under the curve (with DeLong's interval, 1988), the accuracy (Wilson's)
and the calibration (Platt 1999). Equal texts stay in one fold. The model that is saved has learned from all texts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textmill.data.cleaning.quality import SIZE, Places, QualityModel, Weights, features
from textmill.data.document import text_digest
from textmill.errors import InputError
from textmill.progress import Progress, silent

FOLDS = 10
FEWEST = 20
"""Texts of each kind: with fewer, the interval is as wide as the scale."""
STRENGTH = 30.0
"""How much the texts count against the penalty: 1 / (STRENGTH · texts) is its weight (see docs/log.md)."""
STEPS = 300
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Sparse features of texts: all places and values one after another, and where each text's begin; labels 0 or 1."""

    places: Places
    values: Weights
    starts: Places
    labels: Numbers

    def margins(self, weights: Numbers, bias: float) -> Numbers:
        """Returns weights · features + bias for each text; shape (texts,)."""
        return np.add.reduceat(weights[self.places] * self.values, self.starts) + bias


def train(texts: list[str], labels: list[bool], progress: Progress = silent) -> QualityModel:
    """Returns a model that tells the texts labelled True from the others; InputError when there are too few."""
    good = sum(labels)
    if min(good, len(labels) - good) < FEWEST:
        raise InputError("cleaning.quality_few", good=good, bad=len(labels) - good, fewest=FEWEST)
    rows = rows_of(texts, labels)
    alike = similarities(rows)
    margins = out_of_fold(alike, rows.labels, folds_of(texts), lambda done: progress(done, FOLDS + 1))
    slope, intercept = platt(margins, rows.labels)
    weights, bias = fitted(rows, alike)
    progress(FOLDS + 1, FOLDS + 1)
    facts = {
        "good": good,
        "bad": len(labels) - good,
        "folds": FOLDS,
        **measured(slope * margins + intercept, rows.labels),
    }
    return QualityModel(weights=weights.astype(np.float32), bias=bias, slope=slope, intercept=intercept, facts=facts)


def rows_of(texts: list[str], labels: list[bool]) -> Rows:
    """Returns the features of labelled texts."""
    found = [features(text) for text in texts]
    lengths = [len(places) for places, _ in found]
    return Rows(
        places=np.concatenate([places for places, _ in found]),
        values=np.concatenate([values for _, values in found]),
        starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64),
        labels=np.array(labels, dtype=np.float64),
    )


def folds_of(texts: list[str]) -> NDArray[np.int64]:
    """Returns each text's fold by a hash of the text, so that equal texts are in one and every run has the same."""
    return np.array([int.from_bytes(text_digest(text)[:8], "little") % FOLDS for text in texts], dtype=np.int64)


def out_of_fold(alike: Numbers, labels: Numbers, folds: NDArray[np.int64], progress: Callable[[int], None]) -> Numbers:
    """Returns each text's margin by the model of the other folds; `alike` is `similarities` of all texts."""
    margins = np.zeros(len(labels))
    for fold in range(FOLDS):
        held_out = folds == fold
        learning = labels[~held_out]
        if held_out.any() and 0 < learning.sum() < len(learning):
            shares, bias = descend(alike[np.ix_(~held_out, ~held_out)], learning)
            margins[held_out] = alike[np.ix_(held_out, ~held_out)] @ shares + bias
        progress(fold + 1)
    return margins


def similarities(rows: Rows) -> Numbers:
    """Returns features · features of each two texts; shape (texts, texts)."""
    ends = np.append(rows.starts[1:], len(rows.places))
    found = np.zeros((len(rows.labels), len(rows.labels)))
    dense = np.zeros(SIZE)
    for number, (start, end) in enumerate(zip(rows.starts, ends, strict=True)):
        places = rows.places[start:end]
        dense[places] = rows.values[start:end]
        found[number] = rows.margins(dense, 0.0)
        dense[places] = 0
    return found


def fit(rows: Rows) -> tuple[Numbers, float]:
    """Returns weights (131072,) and bias of the least mean log loss, both labels weighing the same, with penalty."""
    return fitted(rows, similarities(rows))


def fitted(rows: Rows, alike: Numbers) -> tuple[Numbers, float]:
    """Returns what `fit` does, of texts whose similarities are known."""
    shares, bias = descend(alike, rows.labels)
    lengths = np.diff(np.append(rows.starts, len(rows.places)))
    weights = np.bincount(rows.places, weights=rows.values * np.repeat(shares, lengths), minlength=SIZE)
    return weights.astype(np.float64, copy=False), bias


def descend(alike: Numbers, labels: Numbers) -> tuple[Numbers, float]:
    """Returns each text's share in the weights (they are the sum of the texts' features by it) and the bias.

    Gradients are sums of the texts' features, so weights that begin at 0 stay such sums: a step costs texts² and not
    texts · features.
    """
    importance = np.where(labels > 0, 0.5 / labels.mean(), 0.5 / (1 - labels.mean())) / len(labels)
    penalty = 1.0 / (STRENGTH * len(labels))
    # The features have length 1 and the bias is one more, so the loss bends no more than a quarter of 2.
    step = 1.0 / (0.5 * importance.max() * len(labels) + penalty)
    momentum = (1 - math.sqrt(penalty * step)) / (1 + math.sqrt(penalty * step))
    shares = ahead = np.zeros(len(labels))
    bias = ahead_bias = 0.0
    for _ in range(STEPS):
        errors = (sigmoid(alike @ ahead + ahead_bias) - labels) * importance
        following = ahead - step * (errors + penalty * ahead)
        following_bias = ahead_bias - step * float(errors.sum())
        ahead = following + momentum * (following - shares)
        ahead_bias = following_bias + momentum * (following_bias - bias)
        shares, bias = following, following_bias
    return shares, bias


def platt(margins: Numbers, labels: Numbers) -> tuple[float, float]:
    """Returns slope and intercept that make margins probabilities, by Newton's method on Platt's smoothed labels."""
    good = labels.sum()
    targets = np.where(labels > 0, (good + 1) / (good + 2), 1 / (len(labels) - good + 2))
    inputs = np.column_stack([margins, np.ones(len(margins))])
    found = np.array([1.0, 0.0])
    for _ in range(50):
        chance = sigmoid(inputs @ found)
        bend = inputs.T @ (inputs * (chance * (1 - chance))[:, None]) + 1e-6 * np.eye(2)
        change = np.linalg.solve(bend, inputs.T @ (chance - targets) + 1e-6 * found)
        found = found - np.clip(change, -5, 5)
    return float(found[0]), float(found[1])


def measured(margins: Numbers, labels: Numbers) -> dict[str, float]:
    """Returns the area under the curve and the accuracy with their 95% intervals, and the Brier score."""
    area, low, high = area_under_curve(margins[labels > 0], margins[labels == 0])
    right = float(((margins > 0) == (labels > 0)).mean())
    below, above = wilson(right, len(labels))
    brier = float(((sigmoid(margins) - labels) ** 2).mean())
    return {
        "auc": area,
        "auc_low": low,
        "auc_high": high,
        "accuracy": right,
        "accuracy_low": below,
        "accuracy_high": above,
        "accuracy_of_guessing": float(max(labels.mean(), 1 - labels.mean())),
        "brier": brier,
    }


def area_under_curve(good: Numbers, bad: Numbers) -> tuple[float, float, float]:
    """Returns the chance that a good text scores above a bad one, ties half, and its 95% interval (DeLong 1988)."""
    ordered_good, ordered_bad = np.sort(good), np.sort(bad)
    of_good = (np.searchsorted(ordered_bad, good, "left") + np.searchsorted(ordered_bad, good, "right")) / 2 / len(bad)
    of_bad = 1 - (np.searchsorted(ordered_good, bad, "left") + np.searchsorted(ordered_good, bad, "right")) / 2 / len(
        good
    )
    area = float(of_good.mean())
    error = math.sqrt(float(of_good.var(ddof=1)) / len(good) + float(of_bad.var(ddof=1)) / len(bad))
    return area, max(0.0, area - 1.96 * error), min(1.0, area + 1.96 * error)


def wilson(share: float, count: int) -> tuple[float, float]:
    """Returns the 95% interval of a share (Wilson 1927)."""
    square = 1.96**2 / count
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) / count * 1.96**2 + (1.96**2 / (2 * count)) ** 2) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def sigmoid(values: Numbers) -> Numbers:
    """Returns 1 / (1 + e^-value)."""
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60, 60)))
