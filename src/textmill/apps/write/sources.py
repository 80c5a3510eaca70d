"""What an article may draw on and cite: documents of any form that the corpus reads, cut into passages, found by words.

    files and folders ──▶ Source [1], [2], … ──▶ Passage (a sentence or two) ──▶ the best for a section, by BM25

BM25 (Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75) over words, and over pairs of characters in Chinese.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textmill.apps.write.order import CHARACTER, length
from textmill.config import CorpusSettings
from textmill.data.document import Draft, Drop
from textmill.data.language import detect_language
from textmill.data.sentences import sentences
from textmill.errors import InputError
from textmill.evaluate.text_quality import units

SHORTEST, LONGEST = 5, 60
SHORTEST_FACT = 3
LONGEST_TITLE = 60
"""Characters of a first line that is still a title, and not the text."""
"""Words of a passage: shorter sentences are headings and labels, longer ones fit into no small model's context."""
K1, B = 1.2, 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document that may be cited as [number]."""

    number: int
    title: str
    place: str
    """Its file, or its address."""
    language: str
    text: str
    facts: bool = False
    """Its sentences are ours, made of what a graph says: they are short, and nobody's words to be quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A sentence of a source; `start` in code points of its text."""

    source: int
    start: int
    text: str
    fact: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Returns the passage as JSON has it."""
        return asdict(self)


def read_sources(places: Sequence[Path], language: str) -> tuple[list[Source], list[str]]:
    """Returns the documents in files and folders that are in `language`, and the places of those that are not.

    Raises InputError where none is left.
    """
    found, other, unread = list[Source](), list[str](), 0
    for item in _read(places):
        if isinstance(item, Drop):
            unread += 1
            continue
        document = item.document
        if not document.text.strip():
            continue
        spoken = detect_language(document.text, document.language)
        if spoken not in (language, "und"):
            other.append(document.source)
            continue
        first = next((line.strip("# ") for line in document.text.splitlines() if line.strip()), "")
        title = document.title or (first if len(first) <= LONGEST_TITLE else "")
        found.append(
            Source(
                number=len(found) + 1,
                title=title[:120],
                place=document.url or document.source,
                language=spoken,
                text=document.text,
            )
        )
    if not found:
        names = ", ".join(map(str, places))
        if other:
            raise InputError("write.sources_language", places=names, expected=language, count=len(other))
        raise InputError("write.sources_empty", places=names, unread=unread)
    return found, other


def text_sources(texts: Iterable[tuple[str, str]], language: str) -> list[Source]:
    """Returns sources of (title, text), as a server is given them."""
    kept = [(title, text) for title, text in texts if text.strip()]
    return [
        Source(number=number, title=title, place="", language=language, text=text)
        for number, (title, text) in enumerate(kept, start=1)
    ]


def plain_text(path: Path) -> str:
    """Returns a file's text: as it is of .md and .txt, of other forms what the corpus makes of it; InputError."""
    if not path.is_file():
        raise InputError("write.no_source", place=path)
    if path.suffix.lower() in (".md", ".txt"):
        return path.read_text(encoding="utf-8-sig", errors="replace")
    texts = [item.document.text for item in _read([path]) if not isinstance(item, Drop)]
    if not any(text.strip() for text in texts):
        raise InputError("write.sources_empty", places=path, unread=1)
    return "\n".join(texts)


def _read(places: Sequence[Path]) -> Iterable[Draft | Drop]:
    """Yields what the corpus makes of the files."""
    from textmill.data.digest import digest
    from textmill.data.sources import find_files
    from textmill.data.units import units as work

    for place in places:
        if not place.exists():
            raise InputError("write.no_source", place=place)
    settings = CorpusSettings(split_characters=0)
    for unit in work(find_files(list(places), "", frozenset()), settings):
        yield from digest(unit, settings)


def passages(sources: Sequence[Source]) -> list[Passage]:
    """Returns every sentence of the sources that says something, once."""
    found, seen = list[Passage](), set[str]()
    for source in sources:
        start, shortest = 0, SHORTEST_FACT if source.facts else SHORTEST
        for sentence in sentences(source.text):
            text = " ".join(sentence.split())
            if shortest <= length(text) <= LONGEST and text[-1:] in '.!?。！？”"' and text not in seen:  # text data
                seen.add(text)
                found.append(Passage(source=source.number, start=start, text=text, fact=source.facts))
            start += len(sentence)
    return found


class Finder:
    """Passages by how well they fit some words."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.passages = found = passages(sources)
        self.titles = " ".join(source.title for source in sources)
        self._counts = [Counter(terms(passage.text)) for passage in found]
        self._lengths = [sum(counts.values()) for counts in self._counts]
        self._mean = sum(self._lengths) / max(1, len(self._lengths))
        self._rarity = self._weights()

    def _weights(self) -> dict[str, float]:
        holders = Counter(term for counts in self._counts for term in counts)
        n = len(self._counts)
        return {term: math.log(1 + (n - count + 0.5) / (count + 0.5)) for term, count in holders.items()}

    def best(self, query: str, count: int, left_out: Iterable[Passage] = ()) -> list[Passage]:
        """Returns the passages that fit `query` best, the earlier first where two fit equally well."""
        wanted, out = set(terms(query)), set(left_out)
        scored = [
            (-self._score(number, wanted), number) for number, passage in enumerate(self.passages) if passage not in out
        ]
        return [self.passages[number] for _, number in sorted(scored)[:count]]

    def _score(self, number: int, wanted: set[str]) -> float:
        counts, long = self._counts[number], self._lengths[number] / max(self._mean, 1e-9)
        return sum(
            self._rarity[term] * counts[term] * (K1 + 1) / (counts[term] + K1 * (1 - B + B * long))
            for term in wanted & counts.keys()
        )


def terms(text: str) -> list[str]:
    """Returns what is compared: words in small letters without English endings, pairs of Chinese characters."""
    found, before = list[str](), ""
    for unit in units(text):
        if CHARACTER.fullmatch(unit):
            found.append(before + unit if before else unit)
            before = unit
            continue
        before = ""
        found.append(stem(unit))
    return found


def stem(word: str) -> str:
    """Returns an English word without its commonest endings: enough to see that two forms are one word."""
    for ending in ("ies", "ing", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word[: -len(ending)]
            if ending == "ies":
                return base + "y"
            return base[:-1] if ending in ("ing", "ed") and len(base) > 3 and base[-1] == base[-2] else base.rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word
