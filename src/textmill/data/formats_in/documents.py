"""Which reader makes fields of a format's documents and records; all of them run in workers.

READERS        form → function(data, file, settings) → fields of a whole file's documents
RECORD_FIELDS  form → function(value, file, settings) → fields of one record
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from textmill.config import CorpusSettings
from textmill.data import formats
from textmill.data.formats_in.problem import Unreadable
from textmill.data.mapping import Fields, map_row
from textmill.data.sources import SourceFile
from textmill.data.streams import split_text

READERS = {
    formats.PDF: "pdf",
    formats.WORD: "word",
    formats.OPEN_DOCUMENT: "opendocument",
    formats.EPUB: "epub",
    formats.FEED: "feeds",
}
RECORD_READERS = {
    formats.MEDIAWIKI: "mediawiki",
    formats.STACK_EXCHANGE: "stackexchange",
    formats.REDDIT: "reddit",
    formats.MAILBOX: "mailbox",
}
ITEMS = frozenset((formats.FEED,))
"""Files of several documents; the others are one, cut into pieces when it is long."""


def read(file: SourceFile, data: bytes, settings: CorpusSettings) -> list[tuple[int, Fields]]:
    """Returns (position, fields) of the documents in a file; Unreadable, or whatever its parser raises, when broken."""
    reader: Callable[..., list[Fields]] = import_module(f"textmill.data.formats_in.{READERS[file.form]}").read
    found = reader(data, settings)
    if file.form in ITEMS:
        return list(enumerate(found, start=1))
    from dataclasses import replace

    cut = [replace(fields, text=piece) for fields in found for piece in pieces(fields.text, settings)]
    return list(enumerate(cut))


def pieces(text: str, settings: CorpusSettings) -> list[str]:
    """Returns a text cut as `corpus.split_characters` says."""
    if not settings.split_characters:
        return [text]
    return [str(piece) for piece in split_text([text], settings.split_characters, max(len(text), 1))]


def fields_of(file: SourceFile, value: Any, settings: CorpusSettings) -> Fields:
    """Returns the fields of one record; Unreadable when it has none."""
    if file.form in RECORD_READERS:
        return import_module(f"textmill.data.formats_in.{RECORD_READERS[file.form]}").fields(value, file, settings)
    if isinstance(value, dict) and isinstance(value.get("post_stream"), dict):
        return import_module("textmill.data.formats_in.discourse").fields(value, file, settings)
    fields = map_row(value, settings) if isinstance(value, dict) else None
    if fields is None:
        found = ", ".join(sorted(map(str, value))[:12]) if isinstance(value, dict) else type(value).__name__
        raise Unreadable("missing_text_field", found, settings.text_field)
    return fields
