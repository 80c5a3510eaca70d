"""What came of one text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

EMPTY, NONSENSE, LANGUAGE = "empty", "nonsense", "language"
"""Why a text is not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`label` is "" where the judge abstained; `set` holds every label that the chosen coverage does not rule out.

    `unsure`: the set has not exactly one label. Where it has none, even the likeliest one is less sure than the
    coverage asks for.
    """

    label: str
    probabilities: dict[str, float]
    set: tuple[str, ...]
    unsure: bool
    abstained: str = ""
    windows: int = 1
    """Into how many parts the text was cut."""

    def as_dict(self) -> dict[str, Any]:
        """Returns what is added to a row of a file: `label, probabilities, set`, and `abstained` where it is."""
        probabilities = {label: round(value, 6) for label, value in self.probabilities.items()}
        made: dict[str, Any] = {"label": self.label or None, "probabilities": probabilities, "set": list(self.set)}
        return made | ({"abstained": self.abstained} if self.abstained else {})


def abstention(why: str) -> Judgement:
    """Returns the judgement of a text that is not judged."""
    return Judgement(label="", probabilities={}, set=(), unsure=True, abstained=why, windows=0)


def judgement(labels: Sequence[str], probabilities: Sequence[float], threshold: float, windows: int) -> Judgement:
    """Returns the judgement of a text: the set has each label whose probability is at least `threshold`."""
    chances = {label: float(value) for label, value in zip(labels, probabilities, strict=True)}
    kept = tuple(label for label, value in chances.items() if value >= threshold)
    best = max(chances, key=lambda label: chances[label])
    return Judgement(label=best, probabilities=chances, set=kept, unsure=len(kept) != 1, windows=windows)
