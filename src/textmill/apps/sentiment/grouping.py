"""Aspects of many texts brought together: one name for one thing, counts by sentiment, quotes that say so.

"The rooms", "room" ─▶ room      Chinese: as written, blanks and marks off
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_QUOTES = 6
MOST_NAMES = 20_000
"""Of aspects that are counted: whatever comes later and is new stands under "" (a file of nonsense has millions)."""
ARTICLES = re.compile(r"^(?:the|a|an|my|our|your|their|its|his|her|this|that|these|those)\s+", re.I)
MARKS = re.compile(r"^[\W_]+|[\W_]+$")


@dataclass(slots=True, kw_only=True)
class Group:
    """One aspect over all texts."""

    name: str
    count: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    quotes: dict[str, list[tuple[float, str, str]]] = field(default_factory=dict)
    """By label: (probability, opinion, the text around it), the surest first."""

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        quotes = {label: [{"opinion": opinion, "context": context} for _, opinion, context in found]
                  for label, found in self.quotes.items()}  # fmt: skip
        return {"aspect": self.name, "count": self.count, "labels": dict(self.labels), "quotes": quotes}


def normal(name: str) -> str:
    """Returns what different ways to write one aspect share."""
    plain = MARKS.sub("", ARTICLES.sub("", " ".join(name.split()).lower()))
    return " ".join(singular(word) for word in plain.split(" "))


def singular(word: str) -> str:
    """Returns the singular of an English word, as far as its ending tells."""
    if not word.isascii() or len(word) < 4 or word.endswith(("ss", "us", "is", "news", "series", "glasses")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


class Groups:
    """All aspects of a file."""

    def __init__(self) -> None:
        self.found: dict[str, Group] = {}
        self.texts = 0
        """Texts that name an aspect."""

    def add(self, text: str, aspects: Iterable[Mapping[str, Any]]) -> None:
        """Counts the aspects of one text; one that the text names twice the same way counts once."""
        seen: set[tuple[str, str]] = set()
        for aspect in aspects:
            written, label = str(aspect.get("aspect") or ""), str(aspect.get("label") or "")
            name = normal(written)
            if not label or (name, label) in seen:
                continue
            seen.add((name, label))
            if name not in self.found and len(self.found) >= MOST_NAMES:
                name = ""
            group = self.found.setdefault(name, Group(name=name))
            group.count += 1
            group.labels[label] += 1
            group.forms[written] += 1
            self._quote(group, label, text, aspect)
        self.texts += bool(seen)

    def _quote(self, group: Group, label: str, text: str, aspect: Mapping[str, Any]) -> None:
        quotes = group.quotes.setdefault(label, [])
        quotes.append((float(aspect.get("probability") or 0.0), str(aspect.get("opinion") or ""), around(text, aspect)))
        quotes.sort(key=lambda quote: -quote[0])
        del quotes[MOST_QUOTES:]

    def ordered(self) -> list[Group]:
        """Returns the named ones, the commonest first."""
        named = [group for group in self.found.values() if group.name]
        return sorted(named, key=lambda group: (-group.count, group.name))


def around(text: str, aspect: Mapping[str, Any], reach: int = 60) -> str:
    """Returns the text around an opinion."""
    places = [place for name in ("at", "opinion_at") for place in aspect.get(name) or () if isinstance(place, int)]
    places = [place for place in places if place or not aspect.get("aspect")] or [0]
    low, high = max(0, min(places) - reach), min(len(text), max(places) + reach)
    return f"{'…' if low else ''}{text[low:high].strip()}{'…' if high < len(text) else ''}"
