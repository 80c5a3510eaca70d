"""Which documents there are, and the text of those that changed: files and folders as the corpus reads them, a corpus.

A file is known by its size and its time of change, a corpus by its content hash: what is as it was is not read again.
"""

import datetime
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textmill.config import CorpusSettings
from textmill.data.corpus import Corpus, is_corpus
from textmill.data.digest import digest
from textmill.data.document import Document, Drop
from textmill.data.sources import SourceFile, find_files
from textmill.data.units import units
from textmill.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where documents come from, and what shows that it is as it was."""

    name: str
    stamp: str
    file: SourceFile | None = None
    """None for a corpus, whose folder is the name."""
    date: str = ""
    """The day on which the file was changed last."""


def origins(places: Sequence[Path]) -> list[Origin]:
    """Returns the files below some places, and the corpora among them; InputError for a place that is not there."""
    found, files = list[Origin](), list[Path]()
    for place in places:
        if not place.exists():
            raise InputError("documents.no_place", place=place)
        if place.is_dir() and is_corpus(place):
            found.append(Origin(name=str(place), stamp=Corpus.open(place).content_hash))
        else:
            files.append(place)
    for file in find_files(files, "", frozenset()):
        if isinstance(file, SourceFile):
            state = os.stat(file.path)
            day = datetime.datetime.fromtimestamp(state.st_mtime, datetime.UTC).date().isoformat()
            stamp = f"{state.st_size} {state.st_mtime_ns}"
            found.append(Origin(name=file.name, stamp=stamp, file=file, date=day))
    return found


def documents(origin: Origin) -> Iterator[Document]:
    """Yields the documents of a file or a corpus that have a text; what cannot be read is none."""
    if origin.file is None:
        yield from Corpus.open(Path(origin.name)).documents()
        return
    settings = CorpusSettings(split_characters=0)
    for unit in units(iter([origin.file]), settings):
        for item in digest(unit, settings):
            if not isinstance(item, Drop) and item.document.text.strip():
                yield item.document


def title_of(document: Document) -> str:
    """Returns a document's title, else its first line."""
    first = next((line.strip("# ") for line in document.text.splitlines() if line.strip()), "")
    return (document.title or first)[:120]
