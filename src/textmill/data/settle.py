"""Which documents stay and which are held out, once all have been seen.

Of equal texts one stays: a held-out one if there is one, so that nothing that a model is tested on is in what it learns
from, else the first. Where no file or row was held out, a share of the documents is, by a hash that does not depend on
anything but where the document came from.
"""

from dataclasses import dataclass

import numpy as np

from textmill.config import CorpusSettings

SMALLEST_TO_SPLIT = 20
"""From this many documents on at least one is held out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """For each draft in order: does it stay, is it held out, and which draft (by number) is the one it equals."""

    keep: np.ndarray
    held_out: np.ndarray
    survivor: np.ndarray
    held_out_by: str


def settle(ids: bytes, digests: bytes, held_out: bytes, settings: CorpusSettings) -> Settled:
    """Returns what becomes of the drafts whose ids and digests (16 bytes each) and marks (a byte each) these are."""
    marks = np.frombuffer(held_out, dtype=np.uint8).astype(bool)
    survivor = equal_texts(digests, marks)
    first = survivor == np.arange(len(marks))
    keep = first.copy() if settings.deduplicate else np.ones(len(marks), dtype=bool)
    by = "marks" if marks.any() else "none"
    if by == "none" and settings.validation_share > 0:
        marks = chosen(ids, keep, settings.validation_share)
        by = "share" if marks.any() else "none"
    if not settings.deduplicate:
        survivor = equal_texts(digests, marks)
        keep = marks | ~marks[survivor]
    return Settled(keep=keep, held_out=marks, survivor=survivor, held_out_by=by)


def equal_texts(digests: bytes, marks: np.ndarray) -> np.ndarray:
    """Returns for each draft the number of the one that stays of its equals: the first held-out one, else the first."""
    pairs = np.frombuffer(digests, dtype=np.uint64).reshape(-1, 2)
    order = np.lexsort((np.arange(len(marks)), ~marks, pairs[:, 1], pairs[:, 0]))
    sorted_pairs = pairs[order]
    starts = np.ones(len(marks), dtype=bool)
    starts[1:] = (sorted_pairs[1:] != sorted_pairs[:-1]).any(axis=1)
    survivor = np.empty(len(marks), dtype=np.int64)
    survivor[order] = order[starts][np.cumsum(starts) - 1]
    return survivor


def chosen(ids: bytes, keep: np.ndarray, share: float) -> np.ndarray:
    """Returns which drafts are held out by their ids, which are hashes already; never all of them."""
    numbers = np.frombuffer(ids, dtype=">u8").reshape(-1, 2)[:, 0]
    marks = keep & (numbers < np.uint64(int(share * 2**64)))
    if not marks.any() and keep.sum() >= SMALLEST_TO_SPLIT:
        candidates = np.flatnonzero(keep)
        marks[candidates[np.argmin(numbers[candidates])]] = True
    return marks if (keep & ~marks).any() else np.zeros_like(marks)
