"""Evaluation sets in the training text: documents that share a run of words with a test item, dropped or cut.

A model that has read a test's items is measured on its memory. As in GPT-3 (Brown et al. 2020, appendix C) a run of 13
words that an item and a document share counts as a hit, whatever their punctuation and capitals; in scripts without
spaces a run of `character_ngram` characters. An item's runs are those of each of its texts, and of all its texts one
after another, as they stand in copies of the set (question, then answer). Runs that more than `MOST_ITEMS` items have
are the test's own phrases ("choose the best answer …") and count for nothing, nor do runs in which more than half are
numbers: tables count too. An item that is shorter than a run is not looked for.

`drop` drops the document; `cut` takes the run and `margin` characters on both sides out, and drops what is then in more
than `MOST_PIECES` pieces or too short. Held-out documents are left as they are: they are not trained on.

Documents' runs are hashed as for near-duplicates, all of a batch at once; a table of one bit in each 2^24 passes over
nearly all that are not in the sets.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from textmill.config import DecontaminateSettings, Settings
from textmill.data.document import EXCERPT_CHARACTERS, Draft, Drop, text_digest
from textmill.data.duplicates.evaluation_sets import Item, read_items
from textmill.data.duplicates.minhash import batches
from textmill.data.duplicates.shingles import BLOCK, blocks, ngrams, units_of
from textmill.errors import InputError

Outcome = Draft | Drop
MOST_ITEMS = 10
MOST_PIECES = 10
NOTED = 3
"""Hits of a document that are noted in its meta."""
SIEVE_BITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The runs of evaluation items: `hashes` (uint64, sorted) and the number of an item that has each."""

    hashes: np.ndarray
    items: np.ndarray
    names: list[str]
    sieve: np.ndarray

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns (places, items) of those of the hashes that stand in an item."""
        places = np.flatnonzero(self.sieve[(hashes >> np.uint64(64 - SIEVE_BITS)).astype(np.int64)])
        spots = np.minimum(np.searchsorted(self.hashes, hashes[places]), len(self.hashes) - 1)
        found = self.hashes[spots] == hashes[places]
        return places[found], self.items[spots[found]]


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A run of a document that an item has: code points from `start` to `end`."""

    start: int
    end: int
    item: str


def check(settings: Settings) -> None:
    """Raises InputError when an evaluation set that `decontaminate.sets` names cannot be read."""
    if settings.decontaminate.sets:
        index_of(settings.decontaminate)


@lru_cache(maxsize=2)
def index_of(settings: DecontaminateSettings) -> Index:
    """Returns the runs of all items of the sets; InputError when they have none."""
    index = index_of_items(read_items(settings.sets), settings)
    if index is None:
        raise InputError("contamination.too_short", sets=", ".join(settings.sets), words=settings.word_ngram)
    return index


def index_of_items(items: Iterable[Item], settings: DecontaminateSettings) -> Index | None:
    """Returns the runs of items, None when all are shorter than a run."""
    names, texts, owners = [], [], []
    for name, found in items:
        longest = max(settings.word_ngram, settings.character_ngram)
        pieces = [piece for text in dict.fromkeys([*found, "\n".join(found)]) for _, piece in blocks(text, longest - 1)]
        texts += pieces
        owners += [len(names)] * len(pieces)
        names.append(name)
    runs = [np.zeros((0, 2), dtype=np.uint64)]
    for first, batch in batches(texts):
        hashes, documents = item_runs(batch, settings)
        owner = np.array(owners[first : first + len(batch)], dtype=np.uint64)[documents]
        runs.append(np.stack((hashes, owner), axis=1))
    pairs = np.unique(np.concatenate(runs), axis=0)
    values, first, counts = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    if not len(values):
        return None
    own = counts <= MOST_ITEMS
    sieve = np.zeros(1 << SIEVE_BITS, dtype=bool)
    sieve[(values[own] >> np.uint64(64 - SIEVE_BITS)).astype(np.int64)] = True
    return Index(hashes=values[own], items=pairs[first[own], 1].astype(np.int64), names=names, sieve=sieve)


def item_runs(texts: list[str], settings: DecontaminateSettings) -> tuple[np.ndarray, np.ndarray]:
    """Returns (hashes, texts' numbers) of runs of words, or of characters, of which at most half are numbers."""
    units = units_of(texts)
    numbers = np.concatenate(([0], np.cumsum(units.numbers)))
    hashes, documents = [], []
    for size, wanted in ((settings.word_ngram, ~units.single), (settings.character_ngram, units.single)):
        found, owner = ngrams(units, size)
        start = units.bounds[owner] + np.arange(len(found)) - np.searchsorted(owner, owner)
        whole = wanted[owner] & (start + size <= units.bounds[owner + 1])
        found, owner, start = found[whole], owner[whole], start[whole]
        worded = 2 * (numbers[start + size] - numbers[start]) <= size
        hashes.append(found[worded])
        documents.append(owner[worded])
    return np.concatenate(hashes), np.concatenate(documents)


def decontaminated(outcomes: Sequence[Outcome], settings: Settings) -> Sequence[Outcome]:
    """Returns the outcomes, drafts that share a run with an evaluation set cut or dropped."""
    if not settings.decontaminate.sets:
        return outcomes
    index = index_of(settings.decontaminate)
    places = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Draft) and not outcome.held_out]
    changed = list(outcomes)
    texts = [outcome.document.text for outcome in (outcomes[place] for place in places) if isinstance(outcome, Draft)]
    for number, hits in find_hits(texts, index, settings.decontaminate):
        draft = outcomes[places[number]]
        if isinstance(draft, Draft):
            changed[places[number]] = without(draft, hits, settings)
    return changed


def find_hits(texts: Sequence[str], index: Index, settings: DecontaminateSettings) -> Iterator[tuple[int, list[Hit]]]:
    """Yields (number of the text, its hits in order) for those texts that have any."""
    longest = max(settings.word_ngram, settings.character_ngram)
    for first, batch in batches(texts):
        if len(batch) == 1 and len(batch[0]) > BLOCK:
            hits = [
                Hit(hit.start + offset, hit.end + offset, hit.item)
                for offset, piece in blocks(batch[0], longest - 1)
                for _, found in hits_in([piece], index, settings)
                for hit in found
            ]
            if hits:
                yield first, sorted(set(hits))
            continue
        for number, hits in hits_in(batch, index, settings):
            yield first + number, hits


def hits_in(texts: list[str], index: Index, settings: DecontaminateSettings) -> Iterator[tuple[int, list[Hit]]]:
    """Yields the same for texts that fit in a block."""
    units = units_of(texts)
    found: dict[int, list[Hit]] = {}
    for size in {settings.word_ngram, settings.character_ngram}:
        hashes, documents = ngrams(units, size)
        places, items = index.find(hashes)
        inside = np.arange(len(hashes)) - np.searchsorted(documents, documents)
        for place, item in zip(places, items, strict=True):
            document = int(documents[place])
            unit = int(units.bounds[document] + inside[place])
            last = min(unit + size, int(units.bounds[document + 1])) - 1
            if last - unit + 1 < size:
                continue
            origin = int(units.origins[document])
            hit = Hit(int(units.starts[unit]) - origin, int(units.ends[last]) - origin, index.names[item])
            found.setdefault(document, []).append(hit)
    for document in sorted(found):
        yield document, sorted(found[document])


def spans(hits: list[Hit]) -> list[Hit]:
    """Returns the hits in order, those that overlap as one with the first's item."""
    joined: list[Hit] = []
    for hit in hits:
        if joined and hit.start <= joined[-1].end:
            joined[-1] = replace(joined[-1], end=max(joined[-1].end, hit.end))
        else:
            joined.append(hit)
    return joined


def without(draft: Draft, hits: list[Hit], settings: Settings) -> Outcome:
    """Returns a draft without its hits, or the Drop of it that names the first item and run."""
    document, found = draft.document, spans(hits)
    first = f"{hits[0].item}: {' '.join(document.text[hits[0].start : hits[0].end].split())}"
    text, pieces = cut(document.text, found, settings.decontaminate.margin)
    enough = text.strip() and len(text) >= max(settings.corpus.minimum_characters, settings.decontaminate.margin)
    if settings.decontaminate.action == "drop" or pieces > MOST_PIECES or not enough:
        return Drop(
            id=document.id,
            source=document.source,
            step="decontaminate",
            reason="contaminated",
            value=first,
            threshold=str(settings.decontaminate.word_ngram),
            excerpt=document.text[max(0, hits[0].start - EXCERPT_CHARACTERS // 2) :][:EXCERPT_CHARACTERS],
            size=len(document.text.encode()),
        )
    taken = [(hit.item, document.text[hit.start : hit.end]) for hit in found[:NOTED]]
    noted = [{"item": item, "text": run[:EXCERPT_CHARACTERS]} for item, run in taken]
    changed = replace(document, text=text, meta={**document.meta, "decontaminated": noted})
    counted = dict(draft.cut)
    counted["evaluation"] = counted.get("evaluation", 0) + len(found)
    return replace(draft, document=changed, digest=text_digest(text), cut=tuple(sorted(counted.items())), signature=b"")


def cut(text: str, found: list[Hit], margin: int) -> tuple[str, int]:
    """Returns what is left of a text without its hits and `margin` code points around them, and in how many pieces."""
    pieces, place = [], 0
    for hit in [*found, Hit(len(text) + margin, 0, "")]:
        pieces.append(text[place : max(place, hit.start - margin)].strip())
        place = max(place, hit.end + margin)
    left = [piece for piece in pieces if piece]
    return "\n\n".join(left), len(left)
