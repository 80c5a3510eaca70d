"""How a writing model writes, by counting: repetition, variety, length and form, and how far it is from human text.

repetition   the share of a text's 4-grams (words; characters of Chinese) that the text has had before
distinct-n   different n-grams over all n-grams of all texts together
obedience    the share of texts within the length, and with the form, that was asked for
distance     MAUVE (Pillutla et al. 2021): texts as vectors, vectors in clusters, the clusters' shares p of the model's
             and q of human texts; the area under (exp(−5·KL(q‖r)), exp(−5·KL(p‖r))), r = λp + (1−λ)q; 1: no difference
             seen. It depends on whose vectors they are and on the number of texts: compare only within one table.
"""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from textmill.evaluate.intervals import Score, resampled_mean, wilson

SINGLE = r"\u2e80-\u9fff\uf900-\ufaff"
UNIT = re.compile(rf"[{SINGLE}]|[^\W{SINGLE}]+")
REPEATED = 4
SCALE = 5.0
SMOOTHING = 1e-6
TEXTS_A_CLUSTER = 10


def units(text: str) -> list[str]:
    """Returns words in small letters, and single characters of scripts without spaces."""
    return UNIT.findall(text.lower())


def runs(of: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Returns all runs of `size` units."""
    return [tuple(of[start : start + size]) for start in range(len(of) - size + 1)]


def repetition(text: str, size: int = REPEATED) -> float:
    """Returns the share of a text's n-grams that it has had before."""
    found = runs(units(text), size)
    return 1 - len(set(found)) / len(found) if found else 0.0


def distinct(texts: Sequence[str], size: int) -> float:
    """Returns different n-grams over all n-grams."""
    found = [run for text in texts for run in runs(units(text), size)]
    return len(set(found)) / len(found) if found else 0.0


def within(text: str, low: int, high: int, kind: str) -> bool:
    """True where a text has as many "words" or "characters" as was asked for."""
    return low <= (len(units(text)) if kind == "words" else len(text.strip())) <= high


def matches(text: str, pattern: str) -> bool:
    """True where the whole text has the form that was asked for."""
    return re.fullmatch(pattern, text.strip(), re.S) is not None


def quality(texts: Sequence[str]) -> dict[str, Score]:
    """Returns the figures of some texts; what is counted over all of them together has no interval of its own."""
    nothing = float("nan")
    scores = {
        "repetition": resampled_mean([repetition(text) for text in texts]),
        "words": resampled_mean([float(len(units(text))) for text in texts]),
        "characters": resampled_mean([float(len(text)) for text in texts]),
    }
    for size in (1, 2, 3):
        scores[f"distinct_{size}"] = Score(value=distinct(texts, size), low=nothing, high=nothing, n=len(texts))
    return scores


def obedience(asked: Sequence[bool]) -> Score:
    """Returns the share that does what was asked."""
    return wilson(sum(asked), len(asked))


def distance(
    ours: Float[np.ndarray, "N D"], human: Float[np.ndarray, "M D"], *, clusters: int = 0, seed: int = 0
) -> float:
    """Returns the MAUVE of two sets of vectors, 0 … 1."""
    both = np.concatenate((ours, human)).astype(np.float64)
    both /= np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-12)
    labels = clustered(reduced(both), clusters or max(2, len(both) // TEXTS_A_CLUSTER), seed)
    most = int(labels.max()) + 1
    p, q = (np.bincount(part, minlength=most) + SMOOTHING for part in (labels[: len(ours)], labels[len(ours) :]))
    p, q = p / p.sum(), q / q.sum()
    points = [(0.0, 1.0)]
    for share in np.linspace(1e-6, 1 - 1e-6, 99):
        mixed = share * p + (1 - share) * q
        from_q, from_p = (float(np.exp(-SCALE * np.sum(x * np.log(x / mixed)))) for x in (q, p))
        points.append((from_q, from_p))
    points.append((1.0, 0.0))
    x, y = np.asarray(sorted(points, key=lambda point: (point[0], -point[1]))).T
    return float(np.sum((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2))


def reduced(x: np.ndarray, kept: float = 0.9) -> np.ndarray:
    """Returns the vectors along the directions that hold 90% of their variance."""
    centred = x - x.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    share = np.cumsum(sizes**2) / max(float((sizes**2).sum()), 1e-12)
    count = int(np.searchsorted(share, kept)) + 1
    return left[:, :count] * sizes[:count]


def clustered(x: np.ndarray, count: int, seed: int, rounds: int = 50) -> np.ndarray:
    """Returns each vector's cluster by k-means, its beginnings drawn far from one another (k-means++)."""
    generator = np.random.default_rng(seed)
    count = min(count, len(x))
    centres = [x[generator.integers(len(x))]]
    for _ in range(count - 1):
        gaps = np.min([((x - centre) ** 2).sum(axis=1) for centre in centres], axis=0)
        total = gaps.sum()
        chosen = generator.choice(len(x), p=gaps / total) if total > 0 else generator.integers(len(x))
        centres.append(x[chosen])
    middle = np.asarray(centres)
    labels = np.zeros(len(x), dtype=np.int64)
    for _ in range(rounds):
        gaps = (x**2).sum(axis=1)[:, None] - 2 * x @ middle.T + (middle**2).sum(axis=1)
        fresh = gaps.argmin(axis=1)
        if (fresh == labels).all() and _:
            break
        labels = fresh
        for number in range(count):
            if (labels == number).any():
                middle[number] = x[labels == number].mean(axis=0)
    return labels
