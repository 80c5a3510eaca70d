"""How much of a text is said more than once: Gopher's repetition rules (Rae et al. 2021, table A1).

Lines and paragraphs that occurred before, the share of the most frequent run of 2 to 4 words, the share of runs of 5 to
10 words that occurred before. Runs are compared by 64-bit hashes in numpy; the exact count, which goes from run to run
without overlap, is made only where the bound that numpy gives lies above the threshold.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from textmill.data.cleaning.measures import Hashes, Measures, duplicates
from textmill.data.cleaning.rules import Limits

TOP = {n: f"top_{n}gram" for n in (2, 3, 4)}
REPEATED = {n: f"repeated_{n}grams" for n in (5, 6, 7, 8, 9, 10)}
Places = NDArray[np.int64]
NOWHERE: Places = np.zeros(0, dtype=np.int64)
Finding = tuple[str, float, float]
"""(rule, value, threshold) of a rule that a text breaks."""


def broken_rules(measures: Measures, limits: Limits) -> Iterator[Finding]:
    """Yields the repetition rules that a text breaks, the cheapest first."""
    yield from repeated_parts(measures, limits)
    if measures.unit_count >= limits.get("minimum_ngram_words", 0):
        yield from top_runs(measures, limits)
        yield from repeated_runs(measures, limits)


def repeated_parts(measures: Measures, limits: Limits) -> Iterator[Finding]:
    """Yields what paragraphs and lines that stand there again break."""
    characters = max(1, len(measures.text))
    for parts, plain in (("paragraph", measures.paragraphs), ("line", measures.lines)):
        names = (f"maximum_duplicate_{parts}s", f"maximum_duplicate_{parts}_characters")
        if not any(name in limits for name in names):
            continue
        count, size = duplicates(plain)
        for name, value in zip(names, (count / max(1, len(plain)), size / characters), strict=True):
            if name in limits and value > limits[name]:
                yield name, value, limits[name]


def top_runs(measures: Measures, limits: Limits) -> Iterator[Finding]:
    """Yields what the most frequent run of words breaks."""
    for words, name in TOP.items():
        if name in limits:
            value = top_share(measures, words)
            if value > limits[name]:
                yield name, value, limits[name]


def top_share(measures: Measures, words: int) -> float:
    """Returns the share of characters in the most frequent run, blanks inside it too; of equals the first one's."""
    length = measures.run_of(words)
    hashes = measures.run_hashes(length)
    if not len(hashes):
        return 0.0
    ordered = np.sort(hashes)
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    counts = np.diff(np.append(starts, len(ordered)))
    most = int(counts.max())
    first = int(is_among(hashes, ordered[starts[counts == most]]).argmax()) if most > 1 else 0
    characters = measures.run_lengths(length)[first] + (length - 1 if measures.spaced else 0)
    return float(characters * most / len(measures.part))


def is_among(hashes: Hashes, ordered: Hashes) -> NDArray[np.bool_]:
    """Returns which of the hashes are among the ordered ones, of which there is at least one."""
    places = np.minimum(np.searchsorted(ordered, hashes), len(ordered) - 1)
    return ordered[places] == hashes


def repeated_runs(measures: Measures, limits: Limits) -> Iterator[Finding]:
    """Yields what runs of words that occurred before break.

    A run can occur twice only where its first words do, so each length looks at what the one before left.
    """
    places: Places | None = None
    for words, name in REPEATED.items():
        if name not in limits:
            continue
        places, again = repeats(measures, words, places)
        if not len(places):
            return
        value = repeated_share(measures, words, again, limits[name])
        if value > limits[name]:
            yield name, value, limits[name]


def repeats(measures: Measures, words: int, among: Places | None) -> tuple[Places, Places]:
    """Returns the places (of those given, or all) where a run stands that occurs twice, and those but the first."""
    hashes = measures.run_hashes(measures.run_of(words))
    if among is None:
        ordered = np.sort(hashes)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if not len(twice):
            return NOWHERE, NOWHERE
        among = np.flatnonzero(is_among(hashes, twice))
    among = among[among < len(hashes)]
    order = among[np.argsort(hashes[among], kind="stable")]
    same = hashes[order[1:]] == hashes[order[:-1]]
    again = np.concatenate([[False], same])
    return np.sort(order[again | np.concatenate([same, [False]])]), order[again]


def repeated_share(measures: Measures, words: int, again: Places, threshold: float) -> float:
    """Returns the share of characters in runs that occurred before; what is at most `threshold` as an upper bound."""
    length = measures.run_of(words)
    units = measures.units[1]
    covered = np.bincount(again, minlength=len(units) + 1)
    ends = np.bincount(again + length, minlength=len(units) + 1)
    bound = units[np.cumsum(covered - ends)[: len(units)] > 0].sum() / len(measures.part)
    if bound <= threshold:
        return float(bound)
    return exact_characters(measures.run_hashes(length), measures.run_lengths(length), length) / len(measures.part)


def exact_characters(hashes: np.ndarray, lengths: np.ndarray, length: int) -> int:
    """Returns the characters of runs that occurred at a place gone through before, stepping over each one found."""
    seen: set[int] = set()
    total = place = 0
    values, characters = hashes.tolist(), lengths.tolist()
    while place < len(values):
        if values[place] in seen:
            total += characters[place]
            place += length
        else:
            seen.add(values[place])
            place += 1
    return total
