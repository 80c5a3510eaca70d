"""MinHash: how much two sets of n-grams have in common, from a few hundred bytes each (Broder 1997).

For a random order of all n-grams, the chance that two sets have the same smallest member is their Jaccard similarity
|A ∩ B| / |A ∪ B|. A signature has the smallest of K orders x ↦ a_k·x mod 2^32 (a_k odd) over the set's hashes, so the
share of places in which two signatures agree estimates the similarity with a standard error of √(J(1 − J) / K): 0.035
at J = 0.8 and K = 128.

The even orders work on the upper, the odd ones on the lower half of the 64-bit hashes, and 16 bits of a hash of the
smallest are kept: two places agree by accident once in 65,536, and two different sets of one n-gram never in all.
Signatures of two parts of a text make that of the whole by the smaller of each place, so memory stays bounded.

(`rensa` was tried: its sketches are as fast, but versioned, and signatures are kept for later builds; docs/log.md has
the figures.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from textmill.config import DuplicatesSettings, Settings
from textmill.data.document import Draft, Drop
from textmill.data.duplicates.shingles import BLOCK, Units, blocks, mix, ngrams, units_of

LARGEST = np.uint32(0xFFFFFFFF)
CELLS = 1 << 19
"""Products in memory at a time are half as many: 1 MB, which the second-level cache of most processors holds. They
are always written to the same place: fresh memory costs as much as the products themselves."""
WORTHWHILE_RECALL = 0.995


def signed(outcomes: Sequence[Draft | Drop], settings: Settings) -> Sequence[Draft | Drop]:
    """Returns the outcomes, each draft with a signature where near-duplicates are looked for."""
    if not (settings.corpus.deduplicate and settings.duplicates.near):
        return outcomes
    chosen = [(place, outcome) for place, outcome in enumerate(outcomes) if isinstance(outcome, Draft)]
    places = [place for place, draft in chosen if not draft.signature]
    drafts = [draft for _, draft in chosen if not draft.signature]
    found, counts = signatures([draft.document.text for draft in drafts], settings.duplicates)
    outcomes = list(outcomes)
    for place, draft, signature, count in zip(places, drafts, found.astype("<u2"), counts, strict=True):
        outcomes[place] = replace(draft, signature=signature.tobytes() if count else b"")
    return outcomes


def signatures(texts: Sequence[str], settings: DuplicatesSettings) -> tuple[np.ndarray, np.ndarray]:
    """Returns signatures (texts, permutations) uint16 and how many n-grams each text has (int64), if only 0 or not."""
    smallest = np.full((len(texts), settings.permutations), LARGEST, dtype=np.uint32)
    counts = np.zeros(len(texts), dtype=np.int64)
    for place, batch in batches(texts):
        if len(batch) == 1 and len(batch[0]) > BLOCK:
            smallest[place], counts[place] = long_text(batch[0], settings)
            continue
        until = place + len(batch)
        smallest[place:until], counts[place:until] = smallest_hashes(units_of(batch), settings)
    return folded(smallest), counts


def batches(texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yields (number of the first, texts) with at most `BLOCK` code points together, separators counted."""
    batch: list[str] = []
    size = 0
    for number, text in enumerate(texts):
        if batch and size + len(text) + 1 > BLOCK:
            yield number - len(batch), batch
            batch, size = [], 0
        batch.append(text)
        size += len(text) + 1
    if batch:
        yield len(texts) - len(batch), batch


def long_text(text: str, settings: DuplicatesSettings) -> tuple[np.ndarray, int]:
    """Returns the smallest hashes of a text that is longer than a block, and how many n-grams it has or more."""
    smallest = np.full(settings.permutations, LARGEST, dtype=np.uint32)
    count, single = 0, None
    longest = max(settings.word_ngram, settings.character_ngram)
    for _, piece in blocks(text, longest - 1):
        units = units_of([piece])
        single = units.single if single is None else single  # the first piece decides for the whole text
        part, found = smallest_hashes(units, settings, single)
        smallest, count = np.minimum(smallest, part[0]), count + int(found[0])
    return smallest, count


def smallest_hashes(
    units: Units, settings: DuplicatesSettings, single: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (smallest of each order (texts, permutations) uint32, number of n-grams (texts,)) of some texts."""
    smallest = np.full((len(units.bounds) - 1, settings.permutations), LARGEST, dtype=np.uint32)
    counts = np.zeros(len(smallest), dtype=np.int64)
    single = units.single if single is None else single
    for size, wanted in ((settings.word_ngram, ~single), (settings.character_ngram, single)):
        if not wanted.any():
            continue
        hashes, documents = ngrams(units, size)
        chosen = wanted[documents]
        hashes, documents = (hashes, documents) if chosen.all() else (hashes[chosen], documents[chosen])
        add_smallest(smallest, hashes, documents)
        counts += np.bincount(documents, minlength=len(smallest))
    return smallest, counts


def add_smallest(smallest: np.ndarray, hashes: np.ndarray, documents: np.ndarray) -> None:
    """Lowers `smallest` (texts, permutations) to the products of hashes whose documents ascend; a text may be split."""
    factors = permutation_factors(smallest.shape[1])[:, None]
    upper, lower = (hashes >> np.uint64(32)).astype(np.uint32), hashes.astype(np.uint32)
    step = max(1, CELLS // smallest.shape[1])
    room = np.empty(((smallest.shape[1] + 1) // 2, step), dtype=np.uint32)
    for first in range(0, len(hashes), step):
        place = slice(first, first + step)
        part = documents[place]
        starts = np.flatnonzero(np.concatenate(([True], part[1:] != part[:-1])))
        found = part[starts]
        for offset, half in enumerate((upper, lower)):
            rows = factors[offset::2]
            products = np.multiply(half[place], rows, out=room[: len(rows), : len(part)])
            lowest = np.minimum.reduceat(products, starts, axis=1).T
            smallest[found, offset::2] = np.minimum(smallest[found, offset::2], lowest)


def folded(smallest: np.ndarray) -> np.ndarray:
    """Returns 16 bits (uint16) that depend on all 32 of each value: the upper half of a product."""
    return ((smallest * np.uint32(0x9E3779B1)) >> np.uint32(16)).astype(np.uint16)


def similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the estimated Jaccard similarity (float64) of signatures (…, permutations), place by place."""
    return (first == second).mean(axis=-1)


def bands_for(threshold: float, permutations: int) -> tuple[int, int]:
    """Returns (bands, rows): the most rows with which a pair at the threshold shares a band with a chance of 99.5%.

    Pairs of similarity J share one of b bands of r rows with the chance 1 − (1 − J^r)^b (Leskovec, Rajaraman, Ullman,
    Mining of Massive Datasets, 3.4); more rows mean fewer pairs that are compared in vain.
    """
    for rows in range(permutations, 1, -1):
        bands = permutations // rows
        if 1 - (1 - threshold**rows) ** bands >= WORTHWHILE_RECALL:
            return bands, rows
    return permutations, 1


def band_keys(part: np.ndarray, band: int, rows: int) -> np.ndarray:
    """Returns a 64-bit number for each signature's rows of one band; equal rows have equal numbers."""
    columns = part[:, band * rows : (band + 1) * rows].astype(np.uint64)
    keys = np.full(len(part), band + 1, dtype=np.uint64)
    for column in columns.T:
        keys = mix(keys ^ column)
    return keys


@cache
def permutation_factors(count: int) -> np.ndarray:
    """Returns the odd numbers a_k (uint32) of the orders."""
    numbers = mix(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03))
    return (numbers >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
