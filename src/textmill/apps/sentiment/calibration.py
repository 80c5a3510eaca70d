"""Probabilities that come true: a blend of scores fitted on held-out rows, conformal sets, and how far off they are.

    blend      log-odds = a·model + b·words + shift          a, b ≥ 0, by −ln p on rows that trained neither
    set        every label with p ≥ 1 − q; q: the ⌈(n + 1)·coverage⌉-th smallest 1 − p(right label) of those rows
    ECE        Σ over ten bins of the likeliest label's p: share of rows · |mean p − share right|

With exchangeable rows the set holds the right label with at least the coverage, whatever the model is worth (split
conformal prediction, https://arxiv.org/abs/2107.07511).

Shapes: N rows, C labels.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from textmill.apps.sentiment.form import BOTH, MODEL, WORDS, Blend
from textmill.apps.sentiment.logistic import minimise

SHIFT_PENALTY = 2.0
"""As if a few rows had said that no label needs a shift."""
SCALE_PENALTY = 0.05
FOLDS = 10
BINS = 10


def softmax(scores: np.ndarray) -> np.ndarray:
    """Returns probabilities (N, C)."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True)) if len(scores) else scores
    return raised / raised.sum(axis=1, keepdims=True)


def negative_log_likelihood(scores: np.ndarray, right: np.ndarray) -> float:
    """Returns the mean −ln p of the right labels."""
    return float(-np.log(np.maximum(softmax(scores)[np.arange(len(right)), right], 1e-12)).mean())


def fit_blend(sources: Sequence[np.ndarray], right: np.ndarray) -> tuple[list[float], np.ndarray]:
    """Returns a factor for each source of scores (N, C), none below 0, and the shifts (C)."""
    scores = torch.stack([torch.from_numpy(source - source.mean(axis=1, keepdims=True)) for source in sources])
    spread = scores.std(dim=(1, 2), keepdim=True).clamp_min(1e-9)
    target, classes = torch.from_numpy(right), scores.shape[2]
    # as Platt has it: of n rows of a label one more might have been another, so that few rows never make sure
    doubt = classes / (classes - 1) / (len(right) / classes + 2)
    factors = torch.full((len(sources),), 0.5 / len(sources), dtype=torch.float64, requires_grad=True)
    shift_C = torch.zeros(scores.shape[2], dtype=torch.float64, requires_grad=True)

    def loss() -> torch.Tensor:
        logits = ((factors**2)[:, None, None] * scores / spread).sum(dim=0) + shift_C
        penalty = SHIFT_PENALTY / 2 * shift_C.square().sum() + SCALE_PENALTY / 2 * (factors**4).sum()
        return F.cross_entropy(logits, target, reduction="sum", label_smoothing=doubt) + penalty

    minimise(loss, [factors, shift_C])
    found = (factors.detach() ** 2 / spread[:, 0, 0]).tolist()
    shift = shift_C.detach().numpy()
    return found, shift - shift.mean()


def blended(sources: Sequence[np.ndarray], factors: Sequence[float], shift: np.ndarray) -> np.ndarray:
    """Returns the log-odds of a blend."""
    centred = [source - source.mean(axis=1, keepdims=True) for source in sources]
    return sum((factor * source for factor, source in zip(factors, centred, strict=True)), np.zeros(1)) + shift


def out_of_fold(sources: Sequence[np.ndarray], right: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """Returns log-odds of each row from a blend that was fitted without it."""
    found = np.zeros_like(sources[0], dtype=np.float64)
    folds = max(2, min(folds, len(right) // 2))
    for fold in range(folds):
        inside = np.arange(len(right)) % folds == fold
        factors, shift = fit_blend([source[~inside] for source in sources], right[~inside])
        found[inside] = blended([source[inside] for source in sources], factors, shift)
    return found


def choose(model: np.ndarray | None, words: np.ndarray, right: np.ndarray) -> tuple[str, Blend, dict[str, np.ndarray]]:
    """Returns what is used (model, words or both), its blend, and every way's out-of-fold log-odds.

    The likeliest on rows that its blend had not seen is taken.
    """
    ways: dict[str, list[np.ndarray]] = {WORDS: [words]}
    if model is not None:
        ways |= {MODEL: [model], BOTH: [model, words]}
    found = {way: out_of_fold(sources, right) for way, sources in ways.items()}
    best = min(found, key=lambda way: negative_log_likelihood(found[way], right))
    factors, shift = fit_blend(ways[best], right)
    model_factor = factors[0] if best != WORDS else 0.0
    words_factor = factors[-1] if best != MODEL else 0.0
    blend = Blend(model=model_factor, words=words_factor, shift=tuple(float(value) for value in shift))
    return best, blend, found


def threshold_of(chances: np.ndarray, right: np.ndarray, coverage: float) -> float:
    """Returns from which probability a label is in the set, so that the right one is with the coverage."""
    off = np.sort(1 - chances[np.arange(len(right)), right])
    rank = int(np.ceil((len(off) + 1) * coverage))
    return float(1 - off[rank - 1]) if rank <= len(off) else 0.0


def calibration_error(chances: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Returns the expected calibration error of the likeliest label."""
    return sum(row["share"] * abs(row["told"] - row["right"]) for row in reliability(chances, right, bins))


def reliability(chances: np.ndarray, right: np.ndarray, bins: int = BINS) -> list[dict[str, float]]:
    """Returns by bin of the likeliest label's probability: what was told, what came true, and the share of rows."""
    best = chances.max(axis=1)
    correct = chances.argmax(axis=1) == right
    place = np.minimum((best * bins).astype(int), bins - 1)
    rows = []
    for bin in range(bins):
        inside = place == bin
        if inside.any():
            told, true = float(best[inside].mean()), float(correct[inside].mean())
            rows.append({"told": told, "right": true, "share": float(inside.mean()), "count": float(inside.sum())})
    return rows
