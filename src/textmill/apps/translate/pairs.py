"""Sentence pairs and directions.

A `Pair` is two texts that say the same in two languages; which side is the source is only said when it is learned. A
`Direction` is a source and a target language, written "en-zh".
"""

from collections import Counter
from dataclasses import dataclass, field

from textmill.apps.translate.languages import language_code
from textmill.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One text in two languages. `place`: where it stands, "file.tsv:12", for messages to people."""

    first: str
    second: str
    languages: tuple[str, str]
    place: str = ""
    held_out: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Direction:
    """From which language into which."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}-{self.target}"

    @property
    def back(self) -> "Direction":
        """The other way."""
        return Direction(self.target, self.source)


@dataclass(slots=True, kw_only=True)
class Found:
    """What was read of the files, in numbers: pairs by their languages, and what is no pair by its reason."""

    pairs: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    """The first place of each reason."""

    def leave_out(self, reason: str, place: str) -> None:
        """Counts something that is not learned from."""
        self.left_out[reason] += 1
        self.examples.setdefault(reason, place)


def parse_directions(given: tuple[str, ...]) -> tuple[Direction, ...]:
    """Returns the directions of words such as "en-zh"; raises UsageError for what is none."""
    found = []
    for word in (part.strip() for each in given for part in each.split(",")):
        source, _, target = word.partition("-")
        codes = language_code(source), language_code(target)
        if not all(codes) or codes[0] == codes[1]:
            raise UsageError("translate.direction", value=word)
        found.append(Direction(*codes))
    return tuple(dict.fromkeys(found))


def both_ways(pairs: Counter[str]) -> tuple[Direction, ...]:
    """Returns both directions of all languages that stand beside one another."""
    found: list[Direction] = []
    for name in pairs:
        first, _, second = name.partition("-")
        found += [Direction(first, second), Direction(second, first)]
    return tuple(dict.fromkeys(found))
