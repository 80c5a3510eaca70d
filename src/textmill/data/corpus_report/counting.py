"""Counting with bounded memory: the most frequent of many names, and the spread of lengths.

`Frequent` is the algorithm of Misra and Gries (1982): with room for k names, every name that makes up more than 1/k of
all is kept, and its count is too low by at most n/k. While no more than k names are met, everything is exact.
"""

import heapq
import math
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

STEPS_PER_OCTAVE = 16
"""A quantile from the fine bins is off by at most 2^(1/16) − 1 = 4.4%."""


@dataclass(slots=True, kw_only=True)
class Frequent:
    """Counts names with room for `room` of them; each has a count and a sum of bytes."""

    room: int = 10_000
    counts: dict[str, list[int]] = field(default_factory=dict)
    exact: bool = True
    total: int = 0

    def add(self, name: str, size: int = 0) -> None:
        """Counts one thing of that name."""
        self.total += 1
        entry = self.counts.get(name)
        if entry is not None:
            entry[0] += 1
            entry[1] += size
        elif len(self.counts) < self.room:
            self.counts[name] = [1, size]
        else:
            self.make_room()

    def make_room(self) -> None:
        """Takes one from every count, with its share of bytes; names at nothing go. Costs what adding them cost."""
        self.exact = False
        for name, entry in list(self.counts.items()):
            if entry[0] == 1:
                del self.counts[name]
            else:
                entry[1] -= entry[1] // entry[0]
                entry[0] -= 1

    def most(self, number: int) -> list[tuple[str, int, int]]:
        """Returns the `number` most frequent as (name, count, bytes), equal counts by name."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1][0], item[0]))
        return [(name, count, size) for name, (count, size) in ordered[:number]]


@dataclass(slots=True, kw_only=True)
class Sample:
    """A few of many things at random: those with the smallest hashes, so that the same seed finds the same again."""

    room: int
    seed: int = 0
    entries: list[tuple[int, int, Any]] = field(default_factory=list)
    met: int = 0

    def add(self, id: str, item: Any) -> None:
        """Offers one thing; `id` decides whether it is taken."""
        self.met += 1
        place = -int.from_bytes(sha256(f"{self.seed}\n{id}".encode()).digest()[:16], "big")
        if len(self.entries) < self.room:
            heapq.heappush(self.entries, (place, -self.met, item))
        elif self.entries and place > self.entries[0][0]:
            heapq.heapreplace(self.entries, (place, -self.met, item))

    def items(self) -> list[Any]:
        """Returns what was taken, in the order at random."""
        return [item for _, _, item in sorted(self.entries, key=lambda entry: (-entry[0], -entry[1]))]


@dataclass(slots=True, kw_only=True)
class Lengths:
    """The spread of lengths in characters: counts in bins a sixteenth of an octave wide."""

    bins: dict[int, int] = field(default_factory=dict)
    shortest: int = 0
    longest: int = 0
    total: int = 0

    def add(self, length: int) -> None:
        """Counts a text of that length (1 or more)."""
        place = int(math.log2(max(1, length)) * STEPS_PER_OCTAVE)
        self.bins[place] = self.bins.get(place, 0) + 1
        self.shortest = length if not self.total else min(self.shortest, length)
        self.longest = max(self.longest, length)
        self.total += 1

    def quantile(self, share: float) -> int:
        """Returns the length that `share` of the texts do not pass, to within 4.4%."""
        wanted, seen = share * self.total, 0
        for place in sorted(self.bins):
            seen += self.bins[place]
            if seen >= wanted:
                middle = round(2 ** ((place + 0.5) / STEPS_PER_OCTAVE))
                return min(max(middle, self.shortest), self.longest)
        return self.longest

    def octaves(self) -> list[tuple[int, int, int]]:
        """Returns (from, to, how many) for each doubling of the length, from the shortest to the longest."""
        grouped: dict[int, int] = {}
        for place, number in self.bins.items():
            octave = place // STEPS_PER_OCTAVE
            grouped[octave] = grouped.get(octave, 0) + number
        if not grouped:
            return []
        return [(2**place, 2 ** (place + 1), grouped.get(place, 0)) for place in range(min(grouped), max(grouped) + 1)]
