"""Which documents stay and which are held out, once all have been seen.

Of equal texts one stays: a held-out one if there is one, so that nothing that a model is tested on is in what it learns
from, else the first. Of nearly equal ones (`duplicates.near`) one stays too: held-out before others, then the longest
or the first. Where no file or row was held out, a share of the documents that stay is, by a hash that does not depend
on anything but where the document came from.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from textmill.config import DuplicatesSettings, Settings
from textmill.data.duplicates.clusters import near_duplicates
from textmill.data.duplicates.earlier import Earlier, read_earlier
from textmill.data.spool import Spool

SMALLEST_TO_SPLIT = 20
"""From this many documents on at least one is held out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """For each draft in order: does it stay, is it held out, and which draft (by number) stays for it.

    A `survivor` below 0 is a document of an earlier corpus, −1 the last of `earlier`. `similarity` to the survivor: 1
    where the texts are equal (`equal`), else estimated. `copies`: for how many drafts it stays, itself counted; 0 where
    it does not.
    """

    keep: np.ndarray
    held_out: np.ndarray
    survivor: np.ndarray
    similarity: np.ndarray
    equal: np.ndarray
    copies: np.ndarray
    held_out_by: str
    earlier: Earlier


def settle(spool: Spool, settings: Settings) -> Settled:
    """Returns what becomes of the drafts in a spool whose drafts are all written."""
    marks = np.frombuffer(bytes(spool.held_out), dtype=np.uint8).astype(bool)
    earlier = Earlier(ids=bytearray(), digests=bytearray())
    survivor, similarity = np.arange(len(marks)), np.ones(len(marks), dtype=np.float32)
    equal = np.ones(len(marks), dtype=bool)
    if settings.corpus.deduplicate:
        survivor, similarity, equal = duplicates(spool, earlier, marks, settings)
    keep = survivor == np.arange(len(marks))
    by = "marks" if marks.any() else "none"
    if by == "none" and settings.corpus.validation_share > 0:
        marks = chosen(bytes(spool.ids), keep, settings.corpus.validation_share)
        by = "share" if marks.any() else "none"
    if not settings.corpus.deduplicate:
        survivor = equal_texts(bytes(spool.digests), ~marks)
        keep = marks | ~marks[survivor]
    gone = survivor[~keep]
    return Settled(
        keep=keep,
        held_out=marks,
        survivor=survivor,
        similarity=similarity,
        equal=equal,
        copies=np.where(keep, np.bincount(gone[gone >= 0], minlength=len(keep)) + 1, 0),
        held_out_by=by,
        earlier=earlier,
    )


def duplicates(
    spool: Spool, earlier: Earlier, marks: np.ndarray, settings: Settings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (survivor, similarity to it, is its text equal) for each draft; fills `earlier`.

    Documents of earlier corpora come before held-out drafts, and those before the others.
    """
    with mapped_signatures(spool, earlier, settings) as (signatures, known):
        before = len(earlier)
        order = np.concatenate((np.zeros(before, np.int8), np.where(marks, 1, 2).astype(np.int8)))
        equals = equal_texts(bytes(earlier.digests + spool.digests), order)
        survivor, similarity = equals, np.ones(len(equals), dtype=np.float32)
        if settings.duplicates.near:
            candidates = np.flatnonzero(known & (equals == np.arange(len(equals))))
            rank = ranks(order, spool.sizes(), settings.duplicates)
            clusters = near_duplicates(signatures, candidates, rank, settings.duplicates)
            survivor, similarity = clusters.survivor[equals], clusters.similarity[equals]
    return survivor[before:] - before, similarity[before:], (equals == survivor)[before:]


@contextmanager
def mapped_signatures(spool: Spool, earlier: Earlier, settings: Settings) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields (signatures (documents, permutations) uint16, known (documents,) bool): earlier documents, then drafts.

    A text without n-grams is not known. The signatures lie in a file, which is gone afterwards, and are mapped: of 256
    bytes a document only what is looked at is in memory.
    """
    path = spool.path.with_name("signatures.bin")
    permutations = settings.duplicates.permutations
    with open(path, "wb") as file:
        known = bytearray()
        write_all(file, known, earlier_signatures(earlier, settings), permutations)
        write_all(file, known, spool.signatures(), permutations)
    shape = (len(known), permutations)
    try:
        mapped = np.memmap(path, dtype="<u2", mode="r", shape=shape) if known else np.zeros(shape, dtype="<u2")
        yield mapped, np.frombuffer(bytes(known), dtype=bool)
    finally:
        path.unlink()


def write_all(file: BinaryIO, known: bytearray, signatures: Iterable[bytes], permutations: int) -> None:
    """Writes signatures one after another, zeros for those that are not there."""
    for signature in signatures:
        known.append(bool(signature))
        file.write(signature or bytes(2 * permutations))


def earlier_signatures(earlier: Earlier, settings: Settings) -> Iterator[bytes]:
    """Yields the signatures of the earlier corpora's documents and notes their ids and digests."""
    for id, digest, signature in read_earlier(settings):
        earlier.ids += id
        earlier.digests += digest
        yield signature if settings.duplicates.near else b""


def ranks(order: np.ndarray, sizes: np.ndarray, settings: DuplicatesSettings) -> np.ndarray:
    """Returns each document's rank among those that are alike: by `order`, then the longest, then the first."""
    first = np.zeros(len(order), dtype=np.int64)
    if settings.keep == "longest":
        first[len(order) - len(sizes) :] = -sizes
    rank = np.empty(len(order), dtype=np.int64)
    rank[np.lexsort((np.arange(len(order)), first, order))] = np.arange(len(order))
    return rank


def equal_texts(digests: bytes, order: np.ndarray) -> np.ndarray:
    """Returns for each document the number of the one that stays of its equals: the first of the lowest `order`."""
    pairs = np.frombuffer(digests, dtype=np.uint64).reshape(-1, 2)
    places = np.lexsort((np.arange(len(order)), order, pairs[:, 1], pairs[:, 0]))
    sorted_pairs = pairs[places]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (sorted_pairs[1:] != sorted_pairs[:-1]).any(axis=1)
    survivor = np.empty(len(order), dtype=np.int64)
    survivor[places] = places[starts][np.cumsum(starts) - 1]
    return survivor


def chosen(ids: bytes, keep: np.ndarray, share: float) -> np.ndarray:
    """Returns which drafts are held out by their ids, which are hashes already; never all of them."""
    numbers = np.frombuffer(ids, dtype=">u8").reshape(-1, 2)[:, 0]
    marks = keep & (numbers < np.uint64(int(share * 2**64)))
    if not marks.any() and keep.sum() >= SMALLEST_TO_SPLIT:
        candidates = np.flatnonzero(keep)
        marks[candidates[np.argmin(numbers[candidates])]] = True
    return marks if (keep & ~marks).any() else np.zeros_like(marks)
