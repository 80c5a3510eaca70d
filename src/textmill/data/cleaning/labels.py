"""Labelled texts for the quality model: a JSONL file of texts with labels, or folders of good and of bad documents."""

import json
from collections.abc import Iterator
from pathlib import Path

from textmill.config import CorpusSettings
from textmill.data.digest import digest
from textmill.data.document import Draft
from textmill.data.sources import find_files
from textmill.data.units import units
from textmill.errors import InputError

GOOD = frozenset(("good", "1", "1.0", "true", "yes", "high", "keep"))
BAD = frozenset(("bad", "0", "0.0", "false", "no", "low", "drop"))
Labelled = tuple[str, bool]


def labelled_rows(file: Path) -> Iterator[Labelled]:
    """Yields (text, is good) for each line ``{"text": …, "label": "good" or "bad"}``; InputError for another line."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "cleaning.labels_missing", file=file, detail=getattr(error, "strerror", None) or error
        ) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text, label = row["text"], str(row["label"]).strip().lower()
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InputError("cleaning.labels_line", file=file, line=number, got=line[:100]) from None
        if not isinstance(text, str) or label not in GOOD | BAD:
            raise InputError("cleaning.labels_line", file=file, line=number, got=line[:100])
        yield text, label in GOOD


def documents_in(path: Path) -> Iterator[str]:
    """Yields the texts of all documents below a folder, or in a file, of any format that a corpus is built from."""
    if not path.exists():
        raise InputError("cleaning.labels_missing", file=path, detail="?")
    settings = CorpusSettings()
    for unit in units(find_files([path], "", frozenset()), settings):
        for outcome in digest(unit, settings):
            if isinstance(outcome, Draft):
                yield outcome.document.text


def gathered(rows: tuple[Path, ...], good: tuple[Path, ...], bad: tuple[Path, ...]) -> tuple[list[str], list[bool]]:
    """Returns all texts and labels; equal texts count once, and one that is labelled both ways not at all."""
    found: dict[str, set[bool]] = {}
    for file in rows:
        for text, label in labelled_rows(file):
            found.setdefault(text, set()).add(label)
    for label, paths in ((True, good), (False, bad)):
        for path in paths:
            for text in documents_in(path):
                found.setdefault(text, set()).add(label)
    sure = {text: next(iter(labels)) for text, labels in found.items() if len(labels) == 1 and text.strip()}
    return list(sure), list(sure.values())
