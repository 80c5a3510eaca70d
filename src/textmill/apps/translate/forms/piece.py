r"""What a document consists of: text that stays as it is, and units, each with one text or more to translate.

    "<p class='x'>" , Unit("Hello <1>you</1>!") , "</p>\n" , …      joined, with each unit written, they are the file

A form of documents is a function from a file's text to such pieces. What is not in a unit cannot change.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textmill.apps.translate.markers import Marked

UNSURE = 0.3
"""A confidence below this is marked in the forms that know a mark for it: fuzzy, needs-review-translation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A translation, its things back in their places."""

    text: str
    confidence: float = 1.0
    problems: tuple[str, ...] = ()

    @property
    def unsure(self) -> bool:
        """True where a person should look at it."""
        return bool(self.problems) or self.confidence < UNSURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is translated as one. `write` makes what stands in the file; `size`: characters of the source."""

    texts: tuple[Marked, ...]
    write: Callable[[Sequence[Said]], str]
    size: int


Piece = str | Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class FormOptions:
    """What the forms want to know. `fields`: of tables and JSON, which are translated; () where nobody said it."""

    target: str
    numbers: bool = False
    fields: tuple[str, ...] = ()


def size_of(piece: Piece) -> int:
    """Returns how much of the source a piece is."""
    return len(piece) if isinstance(piece, str) else piece.size
