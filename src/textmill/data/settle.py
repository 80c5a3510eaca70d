"""Which documents stay and which are held out, once all have been seen.

Of equal texts one stays: a held-out one if there is one, so that nothing that a model is tested on is in what it learns
from, else the first. Of nearly equal ones (`duplicates.near`) one stays too: held-out before others, then the longest
or the first. Where no file or row was held out, a share of the documents that stay is, by a hash that does not depend
on anything but where the document came from.
"""

from dataclasses import dataclass

import numpy as np

from textmill.config import DuplicatesSettings, Settings
from textmill.data.duplicates.clusters import near_duplicates
from textmill.data.spool import Spool

SMALLEST_TO_SPLIT = 20
"""From this many documents on at least one is held out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """For each draft in order: does it stay, is it held out, and which draft (by number) stays for it.

    `similarity` to that one: 1 where the texts are equal (`equal`), else estimated. `copies`: for how many drafts it
    stays, itself counted; 0 where it does not.
    """

    keep: np.ndarray
    held_out: np.ndarray
    survivor: np.ndarray
    similarity: np.ndarray
    equal: np.ndarray
    copies: np.ndarray
    held_out_by: str


def settle(spool: Spool, settings: Settings) -> Settled:
    """Returns what becomes of the drafts in a spool whose drafts are all written."""
    marks = np.frombuffer(bytes(spool.held_out), dtype=np.uint8).astype(bool)
    numbers = np.arange(len(marks))
    equals = equal_texts(bytes(spool.digests), marks)
    survivor, similarity = equals, np.ones(len(marks), dtype=np.float32)
    if settings.corpus.deduplicate and settings.duplicates.near:
        survivor, similarity = nearly_equal_texts(spool, equals, marks, settings.duplicates)
    keep = survivor == numbers if settings.corpus.deduplicate else np.ones(len(marks), dtype=bool)
    by = "marks" if marks.any() else "none"
    if by == "none" and settings.corpus.validation_share > 0:
        marks = chosen(bytes(spool.ids), keep, settings.corpus.validation_share)
        by = "share" if marks.any() else "none"
    if not settings.corpus.deduplicate:
        survivor = equals = equal_texts(bytes(spool.digests), marks)
        keep = marks | ~marks[survivor]
    return Settled(
        keep=keep,
        held_out=marks,
        survivor=survivor,
        similarity=similarity,
        equal=equals == survivor,
        copies=np.where(keep, np.bincount(survivor[~keep], minlength=len(keep)) + 1, 0),
        held_out_by=by,
    )


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


def nearly_equal_texts(
    spool: Spool, equals: np.ndarray, marks: np.ndarray, settings: DuplicatesSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (survivor, similarity to it) for each draft, those that equal another one counted with that one."""
    with spool.signatures(settings.permutations) as (signatures, known):
        candidates = np.flatnonzero(known & (equals == np.arange(len(equals))))
        first = -spool.sizes() if settings.keep == "longest" else np.zeros(len(equals), dtype=np.int64)
        rank = np.empty(len(equals), dtype=np.int64)
        rank[np.lexsort((np.arange(len(equals)), first, ~marks))] = np.arange(len(equals))
        clusters = near_duplicates(signatures, candidates, rank, settings)
    return clusters.survivor[equals], clusters.similarity[equals]


def chosen(ids: bytes, keep: np.ndarray, share: float) -> np.ndarray:
    """Returns which drafts are held out by their ids, which are hashes already; never all of them."""
    numbers = np.frombuffer(ids, dtype=">u8").reshape(-1, 2)[:, 0]
    marks = keep & (numbers < np.uint64(int(share * 2**64)))
    if not marks.any() and keep.sum() >= SMALLEST_TO_SPLIT:
        candidates = np.flatnonzero(keep)
        marks[candidates[np.argmin(numbers[candidates])]] = True
    return marks if (keep & ~marks).any() else np.zeros_like(marks)
