"""What the readers of formats raise and share: why something cannot be read, and how much may be read at all."""

from collections.abc import Callable
from dataclasses import dataclass

LONGEST_VALUE = 200
"""Characters of what is told of a problem."""


class Unreadable(Exception):
    """A file or record that cannot be read; `reason` is one of the catalogue's `corpus.reason_…`."""

    def __init__(self, reason: str, value: object = "", threshold: object = "") -> None:
        super().__init__(reason)
        self.reason = reason
        text = str(value)
        self.value = text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
        self.threshold = str(threshold)


FREE_BYTES = 16 << 20
"""So much may come out of any archive, whatever its ratio."""
HIGHEST_RATIO = 200
"""Text shrinks to a fifth, logs and dumps to a fiftieth; what shrinks more than this is a bomb."""


@dataclass(slots=True)
class Budget:
    """How much may still come out of one file on disk, through all archives that are nested in it."""

    left: int
    whole: int
    alive: Callable[[], None] = lambda: None
    """Is called whenever something came out: a sign that opening the file goes on."""

    @classmethod
    def of(cls, size: int, most: int, alive: Callable[[], None] = lambda: None) -> "Budget":
        """Returns the budget of a file of `size` bytes; `most` is `corpus.maximum_archive_gigabytes` in bytes."""
        whole = min(most, FREE_BYTES + HIGHEST_RATIO * size)
        return cls(left=whole, whole=whole, alive=alive)

    def take(self, number: int) -> None:
        """Counts bytes that came out; raises Unreadable("bomb") when they are too many."""
        self.left -= number
        self.alive()
        if self.left < 0:
            raise Unreadable("bomb", f"> {self.whole / (1 << 20):.3f}", f"{self.whole / (1 << 20):.3f}")
