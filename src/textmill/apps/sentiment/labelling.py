"""Labelling by hand, the most uncertain texts first: those teach a judge most.

    texts ─ without those that have an answer ─ least sure first ─▶ asked one by one ─▶ a line an answer

The file of answers is JSON lines, `{"text", "label"}`, as `textmill tune sentiment` reads them; a skipped text has
`"skipped": true` and no label. It is appended to and flushed with every answer, so that nothing is lost and the same
command goes on; undo takes the last line off again.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textmill.errors import InputError
from textmill.files import disk_errors

MOST_TEXTS = 50_000
"""Texts that are looked at; more of them would be scored for hours and labelled by nobody."""


def uncertainty(chances: Mapping[str, float]) -> float:
    """Returns 1 less how far the likeliest label is ahead of the next; without probabilities 1."""
    ordered = sorted(chances.values(), reverse=True)
    return 1.0 if len(ordered) < 2 else 1 - (ordered[0] - ordered[1])


def in_turn(texts: Sequence[str], chances: Sequence[Mapping[str, float]]) -> list[int]:
    """Returns the places of the texts, the least sure first, equals as they stand; a text that comes again once."""
    seen: set[str] = set()
    places = []
    for place, text in enumerate(texts):
        if text.strip() and text not in seen:
            seen.add(text)
            places.append(place)
    return sorted(places, key=lambda place: -uncertainty(chances[place]))


@dataclass(slots=True)
class Answers:
    """The file of answers. Raises InputError where it is something else."""

    file: Path
    answered: list[dict[str, Any]] = field(default_factory=list)
    ends: list[int] = field(default_factory=lambda: [0])
    """Where each answer's line ends."""

    def __post_init__(self) -> None:
        with disk_errors(self.file):
            data = self.file.read_bytes() if self.file.is_file() else b""
        for number, line in enumerate(data.split(b"\n")[:-1], start=1):
            try:
                row = json.loads(line)
                if not isinstance(row["text"], str):
                    raise TypeError
            except (ValueError, KeyError, TypeError) as error:
                raise InputError("labelling.not_answers", file=self.file, line=number) from error
            self.answered.append(row)
            self.ends.append(self.ends[-1] + len(line) + 1)

    @property
    def texts(self) -> frozenset[str]:
        """The texts that have an answer, or were skipped."""
        return frozenset(row["text"] for row in self.answered)

    @property
    def counts(self) -> Counter[str]:
        """Answers by label."""
        return Counter(str(row["label"]) for row in self.answered if row.get("label"))

    def add(self, text: str, label: str) -> None:
        """Writes an answer; "": the text was skipped."""
        row = {"text": text, "label": label} if label else {"text": text, "skipped": True}
        line = (json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
        with disk_errors(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with open(self.file, "ab") as file:
                file.truncate(self.ends[-1])  # half a line, of a process that was killed
                file.write(line)
        self.answered.append(row)
        self.ends.append(self.ends[-1] + len(line))

    def undo(self) -> str | None:
        """Takes the last answer off; returns its text, None where there is none."""
        if not self.answered:
            return None
        self.ends.pop()
        with disk_errors(self.file), open(self.file, "ab") as file:
            file.truncate(self.ends[-1])
        return str(self.answered.pop()["text"])


def meant(typed: str, labels: Iterable[str]) -> str | None:
    """Returns the label that was typed: its number, its name or a beginning that only it has; else None."""
    named = list(labels)
    word = typed.strip().casefold()
    if word in (folded := [label.casefold() for label in named]):
        return named[folded.index(word)]
    if word.isdigit() and 1 <= int(word) <= len(named):
        return named[int(word) - 1]
    fitting = [label for label in named if word and label.casefold().startswith(word)]
    return fitting[0] if len(fitting) == 1 else None
