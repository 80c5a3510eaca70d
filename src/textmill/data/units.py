"""From files to units of work that fit in memory.

    SourceFile ──units──▶ Unit (whole small files; or lines, rows or pieces of a large one) ──digest──▶ Draft, Drop

`units` reads on in order and never holds more than one unit and one document; `digest` (digest.py) is where the time
goes, and may run in any process: the same unit always gives the same outcome.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from textmill.config import CorpusSettings
from textmill.data.document import Drop
from textmill.data.drops import MEGABYTE, drop
from textmill.data.opener import Opener
from textmill.data.opening import Found, is_bounded, opened
from textmill.data.sources import SourceFile
from textmill.data.streams import Record

UNIT_BYTES = MEGABYTE
"""About how much a unit holds: enough that handing it to another process costs little."""
UNIT_FILES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Some work: whole files (and what was dropped among them), or records of one file; the files' forms are known."""

    files: tuple[SourceFile | Drop, ...]
    records: tuple[Any, ...] = ()
    size: int = 0


class Batch:
    """What waits to become a unit: whole files, or records of one file."""

    def __init__(self) -> None:
        self.files: list[SourceFile | Drop] = []
        self.records: list[Record] = []
        self.size = 0

    def takes(self, file: SourceFile, found: Found) -> bool:
        """True when `found` may travel with what is here."""
        if isinstance(found, Record):
            return not self.files or (bool(self.records) and self.files[0] == file)
        return not self.records

    def add(self, file: SourceFile, found: Found) -> None:
        """Takes a file or record in, or what is not read, which keeps its place among the files."""
        if isinstance(found, Record):
            self.files = [file]
            self.records.append(found)
        else:
            self.files.append(found)
        self.size += 0 if isinstance(found, Drop) else found.size

    def full(self) -> bool:
        """True when it is time to hand it on."""
        return self.size >= UNIT_BYTES or len(self.files) >= UNIT_FILES

    def unit(self) -> Iterator[Unit]:
        """Yields what is here as a unit, if anything is, and is empty then."""
        if self.files:
            yield Unit(files=tuple(self.files), records=tuple(self.records), size=self.size)
        self.files, self.records, self.size = [], [], 0


def units(found: Iterable[SourceFile | Drop], settings: CorpusSettings, opener: Opener | None = None) -> Iterator[Unit]:
    """Yields the work that the files make, in their order; small web pages and texts travel together.

    With an opener, archives and whatever else a hostile author could make hang are opened by it, else here.
    """
    batch = Batch()
    for file, piece in pieces_of(found, settings, opener):
        if not batch.takes(file, piece):
            yield from batch.unit()
        batch.add(file, piece)
        if batch.full():
            yield from batch.unit()
    yield from batch.unit()


def pieces_of(
    found: Iterable[SourceFile | Drop], settings: CorpusSettings, opener: Opener | None
) -> Iterator[tuple[Any, Found]]:
    """Yields what is in the files, each with its file; a record that could not be read is a Drop."""
    for item in found:
        if isinstance(item, Drop):
            yield item, item
            continue
        apart = opener if opener and not is_bounded(item) else None
        for file, piece in apart.pieces(item) if apart else opened(item, settings):
            yield file, problem_drop(file, piece, settings) if isinstance(piece, Record) and piece.problem else piece


def problem_drop(file: SourceFile, record: Record, settings: CorpusSettings) -> Drop:
    """Returns the Drop of a record that could not be read."""
    large = record.problem == "too_large"
    value = f"{record.size / MEGABYTE:.3f}" if large else record.value
    threshold = settings.maximum_document_megabytes if large else ""
    step = "find" if record.problem == "not_content" else "read"
    return drop(file, record.problem, position=record.position, value=value, threshold=threshold, step=step)
