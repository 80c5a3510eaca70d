"""Notes of what is not read, as the readers make them."""

from typing import Any

from textmill.config import CorpusSettings
from textmill.data.document import Drop, document_id
from textmill.data.formats_in.problem import Unreadable
from textmill.data.limits import MEMORY, TIMEOUT
from textmill.data.sources import SourceFile, printable

MEGABYTE = 1 << 20
AT_FINDING = frozenset(("unsupported", "companion", "hidden", "outside_link", "not_content"))
"""Reasons that are no fault of what is left out: it was looked at, and is not wanted."""


def drop(file: SourceFile, reason: str, *, position: int = 0, value: Any = "", threshold: Any = "", step: str = "read",
         excerpt: str = "", size: int | None = None) -> Drop:  # fmt: skip
    """Returns the Drop of a file or of one of its records; `size`: its bytes, by default those of the whole file."""
    source = printable(file.name)
    return Drop(
        id=document_id(file.name, position),
        source=f"{source}:{position}" if position else source,
        step=step,
        reason=reason,
        value=str(value),
        threshold=str(threshold),
        excerpt=excerpt,
        size=size if size is not None else 0 if position else file.size,
    )


def drop_of(file: SourceFile, problem: Unreadable, position: int = 0) -> Drop:
    """Returns the Drop of what a reader could not read."""
    step = "find" if problem.reason in AT_FINDING else "read"
    return drop(file, problem.reason, position=position, value=problem.value, threshold=problem.threshold, step=step)


def limit_bytes(settings: CorpusSettings) -> int:
    """Returns the size beyond which a document is not read."""
    return int(settings.maximum_document_megabytes * MEGABYTE)


def too_large(file: SourceFile, size: int, settings: CorpusSettings, position: int = 0) -> Drop:
    """Returns the Drop of a file or record that is larger than `corpus.maximum_document_megabytes`."""
    threshold = settings.maximum_document_megabytes
    return drop(file, "too_large", position=position, value=f"{size / MEGABYTE:.3f}", threshold=threshold, size=size)


def ended(file: SourceFile, why: str, settings: CorpusSettings, *, step: str, position: int = 0) -> Drop:
    """Returns the Drop of what ended the process that read it: it took too long or too much memory, or crashed."""
    most = {TIMEOUT: settings.document_seconds, MEMORY: settings.worker_memory_gigabytes}.get(why, "")
    return drop(file, why, step=step, position=position, value=f"> {most}" if most else "", threshold=most)


def ending(name: str) -> str:
    """Returns a file's ending, with which the hint about unsupported files counts them."""
    base = name.rsplit("/", 1)[-1]
    return "." + base.rsplit(".", 1)[1].lower() if "." in base else ""
