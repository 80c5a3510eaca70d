"""What few rows can teach: a map from a frozen model's state to labels, that begins at what the model already thinks.

    log-odds = a·(scores of the model − prior) + Δ·z + b        z = (h − mean) / size: |z| ≈ 1
    −ln p + strength/2 · (|Δ|² + (a − 1)²)                      to its minimum

With nothing to learn from, that is the model as it is; each row moves it a little. The strength is chosen by
cross-validation among `STRENGTHS`. Every row can teach and calibrate: its log-odds come from a head without its fold.

Shapes: N rows, D width, C labels.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from textmill.apps.sentiment.calibration import negative_log_likelihood
from textmill.apps.sentiment.logistic import minimise

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)
FOLDS = 8


@dataclass(frozen=True, slots=True)
class Head:
    """A fitted one: `delta` (C, D) of states as they are, `shift` (C), `scale` of the model's own scores."""

    delta: np.ndarray
    shift: np.ndarray
    scale: float

    def scores(self, states: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Returns log-odds (N, C) from states (N, D) and the model's own scores (N, C), prior taken off."""
        return self.scale * own + states.astype(np.float64) @ self.delta.T + self.shift

    def tensors(self) -> dict[str, torch.Tensor]:
        """Returns what is kept of it."""
        scale = torch.tensor([self.scale], dtype=torch.float64)
        return {
            "head.delta": torch.from_numpy(self.delta).contiguous(),
            "head.shift": torch.from_numpy(self.shift),
            "head.scale": scale,
        }

    @staticmethod
    def of(kept: dict[str, torch.Tensor]) -> "Head":
        """Returns the head that was kept."""
        delta, shift, scale = (kept[f"head.{name}"].numpy() for name in ("delta", "shift", "scale"))
        return Head(delta, shift, float(scale[0]))


def fit_head(states: np.ndarray, own: np.ndarray, right: np.ndarray, strength: float) -> Head:
    """Returns the head that these rows teach."""
    mean = states.mean(axis=0)
    size = max(1e-9, float(np.sqrt(((states - mean) ** 2).sum(axis=1).mean())))
    z, given = torch.from_numpy((states - mean) / size).double(), torch.from_numpy(own)
    target = torch.from_numpy(right)
    delta = torch.zeros(own.shape[1], states.shape[1], dtype=torch.float64, requires_grad=True)
    shift = torch.zeros(own.shape[1], dtype=torch.float64, requires_grad=True)
    scale = torch.ones(1, dtype=torch.float64, requires_grad=True)

    def loss() -> torch.Tensor:
        logits = scale * given + z @ delta.T + shift
        penalty = strength / 2 * (delta.square().sum() + (scale - 1).square().sum() + 0.1 * shift.square().sum())
        return F.cross_entropy(logits, target, reduction="sum") + penalty

    minimise(loss, [delta, shift, scale])
    map_CD = delta.detach().numpy() / size
    return Head(map_CD, shift.detach().numpy() - map_CD @ mean, float(scale.detach()[0]))


def folds_of(right: np.ndarray, most: int = FOLDS) -> np.ndarray:
    """Returns the fold of each row; every fold has about the same share of each label."""
    found = np.zeros(len(right), dtype=np.int64)
    start = 0
    for label in np.unique(right):
        inside = np.flatnonzero(right == label)
        found[inside] = (start + np.arange(len(inside))) % most
        start += len(inside)
    return found


def head_out_of_fold(states: np.ndarray, own: np.ndarray, right: np.ndarray, strength: float) -> np.ndarray:
    """Returns each row's log-odds from a head that had not seen its fold."""
    folds, found = folds_of(right), np.zeros(own.shape)
    for fold in np.unique(folds):
        inside = folds == fold
        head = fit_head(states[~inside], own[~inside], right[~inside], strength)
        found[inside] = head.scores(states[inside], own[inside])
    return found


def best_head(states: np.ndarray, own: np.ndarray, right: np.ndarray) -> tuple[Head, np.ndarray]:
    """Returns the head of the best strength on rows that it had not seen, and its out-of-fold log-odds."""
    found = {strength: head_out_of_fold(states, own, right, strength) for strength in STRENGTHS}
    best = min(found, key=lambda strength: negative_log_likelihood(found[strength], right))
    return fit_head(states, own, right, best), found[best]
