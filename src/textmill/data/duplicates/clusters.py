"""Which documents are nearly equal: pairs that share a band of their signatures, joined to clusters, one left of each.

    signatures ──bands──▶ candidate pairs ──similarity ≥ threshold──▶ clusters (union-find) ──▶ a survivor each

Nothing here looks at all pairs. Of the documents that share a band each is compared with the first, then those that
are in no cluster with the second with that, and so on `ROUNDS` times. So a hundred thousand copies of one page cost a
hundred thousand comparisons, not five thousand million.

In a cluster the documents are asked in the order of their rank, and each joins the first survivor that it is like; one
that is like none becomes a survivor itself. So every document that is dropped is like the one that it is dropped for:
A ~ B ~ C does not drop C for A. Only a cluster with more than `SURVIVORS` kinds joins what is left to its first.

Memory: 40 bytes a document, and one block of signatures; the signatures themselves lie in a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from textmill.config import DuplicatesSettings
from textmill.data.duplicates.minhash import band_keys, bands_for, similarity

ROUNDS = 4
SURVIVORS = 64
PAIRS = 1 << 14
"""Pairs whose signatures are in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """For each document: the number of the one that stays for it (its own, if it stays), and how like it is to that."""

    survivor: np.ndarray
    similarity: np.ndarray


def near_duplicates(
    signatures: np.ndarray, candidates: np.ndarray, rank: np.ndarray, settings: DuplicatesSettings
) -> Clusters:
    """Returns the clusters among `candidates` (numbers of documents); the others stay as they are.

    `signatures` (documents, permutations) uint16, may be a mapped file; `rank` (documents,) integers, none twice: of a
    cluster the document of the lowest rank is asked first.
    """
    parent = np.arange(len(signatures), dtype=np.int64)
    bands, rows = bands_for(settings.threshold, settings.permutations)
    candidates = candidates[np.argsort(rank[candidates], kind="stable")]
    for band in range(bands):
        keys = keys_of(signatures, candidates, band, rows)
        order = np.argsort(keys, kind="stable")  # the lowest rank stays first among equals
        for first, others in firsts_and_others(keys[order], candidates[order]):
            apart = parent[first] != parent[others]
            alike = apart.copy()
            alike[apart] = compare(signatures, first[apart], others[apart]) >= settings.threshold
            unite(parent, first[alike], others[alike])
    return survivors(signatures, candidates, parent, settings.threshold)


def keys_of(signatures: np.ndarray, documents: np.ndarray, band: int, rows: int) -> np.ndarray:
    """Returns the band's number of each document (uint64), a block of signatures in memory at a time."""
    keys = np.empty(len(documents), dtype=np.uint64)
    for first in range(0, len(documents), PAIRS):
        place = slice(first, first + PAIRS)
        keys[place] = band_keys(signatures[documents[place]], band, rows)
    return keys


def firsts_and_others(keys: np.ndarray, documents: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields (firsts, others), pair by pair, for groups of equal keys (sorted): the first with each document after it.

    Then the same with the second of each group as its first, and so on for `ROUNDS` rounds: the caller leaves out those
    that a round before has joined.
    """
    if not len(keys):
        return
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    ends = np.append(starts[1:], len(keys))
    for step in range(ROUNDS):
        chosen = ends - starts > step + 1
        if not chosen.any():
            return
        counts = (ends - starts - step - 1)[chosen]
        first = np.repeat(documents[starts[chosen] + step], counts)
        inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        yield first, documents[np.repeat(starts[chosen] + step + 1, counts) + inside]


def compare(signatures: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the similarity (float32) of each pair of documents."""
    found = np.empty(len(first), dtype=np.float32)
    for start in range(0, len(first), PAIRS):
        place = slice(start, start + PAIRS)
        found[place] = similarity(signatures[first[place]], signatures[second[place]])
    return found


def unite(parent: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Joins the clusters of each pair; `parent` names each document's root before and after: its cluster's smallest.

    Of two roots the larger hangs itself under the smaller, so no circle can arise; then all ways are halved until they
    are one step long, so that a chain of n clusters takes log n rounds.
    """
    while len(first):
        left, right = parent[first], parent[second]
        apart = left != right
        if not apart.any():
            return
        first, second, left, right = first[apart], second[apart], left[apart], right[apart]
        np.minimum.at(parent, np.maximum(left, right), np.minimum(left, right))
        while not np.array_equal(above := parent[parent], parent):
            parent[:] = above


def survivors(signatures: np.ndarray, candidates: np.ndarray, parent: np.ndarray, threshold: float) -> Clusters:
    """Returns who stays of each cluster; `candidates` come in the order of their rank."""
    survivor = np.arange(len(parent), dtype=np.int64)
    alike = np.ones(len(parent), dtype=np.float32)
    cluster = parent[candidates]
    order = np.argsort(cluster, kind="stable")
    left, cluster = candidates[order], cluster[order]
    leaders = {}
    for step in range(SURVIVORS + 1):
        starts = np.concatenate(([True], cluster[1:] != cluster[:-1]))[: len(left)]
        alone = starts & np.append(starts[1:], True)[: len(left)]
        left, cluster, starts = left[~alone], cluster[~alone], starts[~alone]
        if not len(left):
            break
        first = left[starts][np.cumsum(starts) - 1]
        if step == 0:
            leaders = (cluster[starts], left[starts])
        if step == SURVIVORS:  # too many kinds: as plain connected components do, all go with the first survivor
            first = leaders[1][np.searchsorted(leaders[0], cluster)]
        found = compare(signatures, first, left)
        joins = (found >= threshold) | (step == SURVIVORS)
        survivor[left[joins]], alike[left[joins]] = first[joins], found[joins]
        left, cluster = left[~joins], cluster[~joins]
    return Clusters(survivor=survivor, similarity=alike)
