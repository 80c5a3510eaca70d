"""A translation memory: what was translated before is not translated again.

    FILE.tmx      read whole            FILE.sqlite   asked by key; `textmill translate --learn` writes into it

A sentence whose text is the same, blanks and case of the first letter aside, is taken as it stands. One that is much
alike (by trigrams, at least 75 of 100) is shown to a chat model beside the request.
"""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from textmill.apps.translate.pair_files import Reading
from textmill.apps.translate.pair_markup import markup_pairs
from textmill.apps.translate.pairs import Direction, Found, Pair
from textmill.errors import InputError

NEAR = 0.75
MOST_LOOKED_AT = 50
SPACE = re.compile(r"\s+")
SQLITE_ENDINGS = (".sqlite", ".db", ".sqlite3")


def key_of(text: str) -> str:
    """Returns a text as it is compared."""
    return SPACE.sub(" ", text).strip()


def trigrams(text: str) -> frozenset[str]:
    """Returns the runs of three characters of a text, in small letters."""
    text = f"  {key_of(text).casefold()} "
    return frozenset(text[at : at + 3] for at in range(len(text) - 2))


def likeness(one: str, two: str) -> float:
    """Returns what share of both texts' trigrams they have in common."""
    first, second = trigrams(one), trigrams(two)
    return 2 * len(first & second) / max(1, len(first) + len(second))


class Memory:
    """Translations by direction and source; `Memory.open` reads a file, `add` takes in more."""

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self.known: dict[Direction, dict[str, str]] = defaultdict(dict)
        self._by_gram: dict[Direction, dict[str, list[str]]] = {}
        for pair in pairs:
            self.add(Direction(*pair.languages), pair.first, pair.second)
            self.add(Direction(*pair.languages).back, pair.second, pair.first)

    def __len__(self) -> int:
        return sum(map(len, self.known.values()))

    @classmethod
    def open(cls, file: Path) -> "Memory":
        """Returns the memory in a TMX or SQLite file; InputError for another or a broken one."""
        ending = file.suffix.lower()
        if not file.is_file():
            raise InputError("rows.missing", file=file)
        if ending == ".tmx":
            return cls(markup_pairs(file, ".tmx", Reading(languages=(), found=Found())))
        if ending in SQLITE_ENDINGS:
            return cls(stored_pairs(file))
        raise InputError("translate.memory_ending", file=file)

    def add(self, direction: Direction, source: str, target: str) -> None:
        """Takes in a translation; the first of a source stays."""
        self.known[direction].setdefault(key_of(source), target.strip())

    def find(self, text: str, direction: Direction) -> str:
        """Returns the translation of exactly this text, "" where there is none."""
        return self.known.get(direction, {}).get(key_of(text), "")

    def near(self, text: str, direction: Direction) -> tuple[str, str] | None:
        """Returns the pair whose source is most like this text, None where none is much alike."""
        known = self.known.get(direction)
        if not known:
            return None
        index = self._index(direction)
        counts: dict[str, int] = defaultdict(int)
        for gram in trigrams(text):
            for source in index.get(gram, ()):
                counts[source] += 1
        some = sorted(counts, key=lambda source: -counts[source])[:MOST_LOOKED_AT]
        best = max(some, key=lambda source: likeness(text, source), default=None)
        return (best, known[best]) if best is not None and likeness(text, best) >= NEAR else None

    def _index(self, direction: Direction) -> dict[str, list[str]]:
        if direction not in self._by_gram:
            index: dict[str, list[str]] = defaultdict(list)
            for source in self.known[direction]:
                for gram in trigrams(source):
                    index[gram].append(source)
            self._by_gram[direction] = index
        return self._by_gram[direction]


def stored_pairs(file: Path) -> list[Pair]:
    """Returns the pairs of a SQLite file as `store` writes it."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as base:
            rows = base.execute("SELECT source_language, target_language, source, target FROM translations").fetchall()
    except sqlite3.Error as error:
        raise InputError("translate.broken_memory", file=file, detail=error) from error
    return [Pair(first=source, second=target, languages=(one, two)) for one, two, source, target in rows]


def store(file: Path, pairs: Iterable[Pair]) -> int:
    """Adds pairs to a SQLite file, made where it is missing; returns how many it has then."""
    try:
        with closing(sqlite3.connect(file)) as base, base:
            base.execute(
                "CREATE TABLE IF NOT EXISTS translations (source_language TEXT NOT NULL, target_language TEXT NOT NULL,"
                " source TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (source_language, target_language, source))"
            )
            base.executemany(
                "INSERT OR IGNORE INTO translations VALUES (?, ?, ?, ?)",
                ((*pair.languages, key_of(pair.first), pair.second) for pair in pairs),
            )
            return base.execute("SELECT COUNT(*) FROM translations").fetchone()[0]
    except sqlite3.Error as error:
        raise InputError("translate.broken_memory", file=file, detail=error) from error
