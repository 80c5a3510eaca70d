"""From an open file to its work: archives are opened, and what lies in them is opened in turn.

    stream ──file_format──▶ compressed, zip, tar, WARC ──▶ members, each a stream again
                       ├──▶ whole documents (a page, a PDF …): handed on as they are
                       └──▶ lines, rows, threads: handed on as Records, some at a time

A fault in a member costs the member; what expands without end costs the file on disk that it came from. What is handed
on as it is, is bounded by construction (a look at the first bytes; lines and pieces up to a limit); all else is parsed
by libraries that a hostile file may hang or crash, so `opener` opens it in a process that may be ended.
"""

import errno
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO

from textmill.config import CorpusSettings
from textmill.data import formats, streams
from textmill.data.document import Drop
from textmill.data.drops import MEGABYTE, drop, drop_of, ending, limit_bytes, too_large
from textmill.data.formats_in import archives
from textmill.data.formats_in.problem import Budget, Unreadable
from textmill.data.sources import SourceFile, is_held_out
from textmill.data.streams import Record
from textmill.errors import MissingExtraError, TextmillError

LARGE_BYTES = 4 * MEGABYTE
"""Text files up to here are read whole by whoever digests them; larger ones are handed on in pieces."""
Found = SourceFile | Record | Drop
"""A whole file, one of its records (it then has the file's form), or what is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nest:
    """Where in a file on disk we are: how deep in its archives, and how much may still come out of them."""

    budget: Budget
    depth: int = 0


class Watched(io.FileIO):
    """A file on disk that tells when it is read further than it was before."""

    def __init__(self, path: str, alive: Callable[[], None]) -> None:
        super().__init__(path)
        self.alive, self.furthest = alive, 0

    def readinto(self, buffer: Any) -> int:
        """Fills `buffer` as far as there is something."""
        count = super().readinto(buffer) or 0
        if self.tell() > self.furthest:
            self.furthest = self.tell()
            self.alive()
        return count


def is_bounded(file: SourceFile) -> bool:
    """True for a file on disk that may be opened in any process: nothing in it can make that hang or crash."""
    try:
        with open(file.path, "rb") as stream:
            head = stream.read(formats.HEAD_BYTES)
    except OSError:
        return True
    return formats.file_format(file.name, head, named_by_user=file.named_by_user) in BOUNDED


def opened(
    file: SourceFile, settings: CorpusSettings, alive: Callable[[], None] = lambda: None
) -> Iterator[tuple[SourceFile, Found]]:
    """Yields what is in one file on disk, or the file when it is to be read whole; a fault in it is its own Drop.

    `alive` is called whenever reading goes on, though it may be long until something is yielded; a file of a certain
    size can only do so a certain number of times.
    """
    try:
        with io.BufferedReader(Watched(file.path, alive), archives.BLOCK_BYTES) as stream:
            nest = Nest(budget=Budget.of(file.size, int(settings.maximum_archive_gigabytes * (1 << 30)), alive))
            nothing = True
            for found in found_in(file, stream, settings, nest):
                nothing = False
                yield found
            if nothing:
                yield file, drop(file, "empty", step="clean", value=file.size)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        yield file, drop(file, "unreadable", value=error.strerror or type(error).__name__)


def found_in(
    file: SourceFile, stream: BinaryIO, settings: CorpusSettings, nest: Nest
) -> Iterator[tuple[SourceFile, Found]]:
    """Yields what is in an open file, each with the file or member that it is of; faults are Drops."""
    try:
        head, stream = streams.peeked(stream, formats.HEAD_BYTES)
        form = formats.file_format(file.name, head, named_by_user=file.named_by_user)
        file = replace(file, form=form)
        yield from found_in_form(file, head, stream, settings, nest)
    except Unreadable as problem:
        if problem.reason == "bomb" and nest.depth:
            raise
        yield file, drop_of(file, problem)
    except (TextmillError, OSError, MemoryError):
        raise
    except Exception as error:  # whatever a reader stumbles over is this file's fault, and costs this file only
        yield file, drop(file, "bad_document", value=f"{file.form}: {type(error).__name__}: {error}"[:200])


def found_in_form(
    file: SourceFile, head: bytes, stream: BinaryIO, settings: CorpusSettings, nest: Nest
) -> Iterator[tuple[SourceFile, Found]]:
    """Yields what is in an open file whose form is known."""
    form = file.form
    if form in REFUSED:
        yield file, REFUSED[form](file, head)
    elif form in formats.COMPRESSED:
        yield from found_compressed(file, head, stream, settings, nest)
    elif form == formats.ZIP:
        yield from found_in_zip(file, stream, settings, nest)
    elif form == formats.TAR:
        yield from found_in_members(file, archives.tar_members(stream), settings, nest)
    elif form == formats.WARC:
        yield from found_in_warc(file, stream, settings)
    elif form in formats.WHOLE:
        yield file, whole(file, stream, settings)
    elif form in (formats.TEXT, formats.MARKDOWN):
        yield from found_text(file, stream, settings)
    else:
        for record in RECORDS[form](file, stream, settings):
            yield file, record


REFUSED: dict[str, Callable[[SourceFile, bytes], Drop]] = {
    formats.UNSUPPORTED: lambda file, head: drop(file, "unsupported", step="find", value=ending(file.name)),
    formats.BINARY: lambda file, head: drop(file, "binary", value=repr(head[:8])[2:-1]),
    formats.ENCRYPTED: lambda file, head: drop(file, "encrypted"),
    formats.COMPANION: lambda file, head: drop(file, "companion", step="find"),
}

BOUNDED = formats.WHOLE | REFUSED.keys() | {formats.TEXT, formats.MARKDOWN, formats.JSONL}
"""Forms of which only the first bytes, or one line or piece after another, are looked at while they are opened."""


def json_line_records(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterator[Record]:
    """Yields the lines of a JSONL file."""
    return streams.json_lines(stream, limit_bytes(settings))


def json_records(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterator[Record]:
    """Yields the values of a JSON file."""
    return streams.json_values(stream, limit_bytes(settings))


def table_records(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterator[Record]:
    """Yields the rows of a CSV, TSV, Arrow or Parquet file."""
    from textmill.data.formats_in import tables

    limit = limit_bytes(settings)
    if file.form == formats.TABLE:
        return tables.csv_rows(stream, limit, settings.text_field)
    if file.form == formats.ARROW_STREAM:
        return tables.arrow_rows(stream, streamed=True)
    return seekable_records(file, stream)


def seekable_records(file: SourceFile, stream: BinaryIO) -> Iterator[Record]:
    """Yields the rows of a file that is read from its end: Arrow's and Parquet's."""
    from textmill.data.formats_in import tables

    with archives.seekable(stream) as source:
        if file.form == formats.ARROW:
            yield from tables.arrow_rows(source, streamed=False)
        else:
            yield from tables.parquet_rows(source)


def thread_records(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterable[Record]:
    """Yields the threads or articles of a dump or a mailbox, by the module that knows it."""
    from textmill.data.formats_in.documents import RECORD_READERS

    return import_module(f"textmill.data.formats_in.{RECORD_READERS[file.form]}").threads(file, stream, settings)


RECORDS: dict[str, Callable[[SourceFile, BinaryIO, CorpusSettings], Iterable[Record]]] = {
    formats.JSONL: json_line_records,
    formats.JSON: json_records,
    **dict.fromkeys((formats.TABLE, formats.ARROW, formats.ARROW_STREAM, formats.PARQUET), table_records),
    **dict.fromkeys((formats.MEDIAWIKI, formats.STACK_EXCHANGE, formats.REDDIT, formats.MAILBOX), thread_records),
}


def found_text(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterator[tuple[SourceFile, Found]]:
    """Yields a text whole, or the pieces of a large one."""
    limit = limit_bytes(settings)
    if not settings.split_characters or (file.path and file.size <= LARGE_BYTES):
        yield file, whole(file, stream, settings)
        return
    if not file.path:
        data = archives.read_fully(stream, LARGE_BYTES + 1)
        if len(data) <= LARGE_BYTES:
            yield file, replace(file, data=data, size=len(data))
            return
        stream = archives.rejoined(data, stream)
    for record in streams.text_pieces(stream, settings.split_characters or limit, limit):
        yield file, record


def whole(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> SourceFile | Drop:
    """Returns a file that is to be read in one piece; a member of an archive takes its content along."""
    limit = limit_bytes(settings)
    if file.form == formats.PDF and find_spec("pypdfium2") is None:
        raise MissingExtraError("corpus.missing_extra", file=file.name, package="pypdfium2")
    if file.path:
        return file if file.size <= limit else too_large(file, file.size, settings)
    data = archives.read_fully(stream, limit + 1)
    return replace(file, data=data, size=len(data)) if len(data) <= limit else too_large(file, len(data), settings)


def found_compressed(
    file: SourceFile, head: bytes, stream: BinaryIO, settings: CorpusSettings, nest: Nest
) -> Iterator[tuple[SourceFile, Found]]:
    """Yields what is in a compressed file, which goes by the same name."""
    need_for_zstd(file.name, file.form, head)
    inner = archives.counted(archives.decompressed(stream, file.form, head), nest.budget)
    yield from found_in(replace(file, path="", origin=file.place, form=""), inner, settings, deeper(nest))


def need_for_zstd(name: str, form: str, head: bytes) -> None:
    """Raises MissingExtraError for a file that only the optional reader of zstd takes, when that is not there."""
    if form == formats.ZSTD and archives.wide_window(head) and find_spec("zstandard") is None:
        raise MissingExtraError("corpus.missing_extra", file=name, package="zstandard")


def found_in_zip(
    file: SourceFile, stream: BinaryIO, settings: CorpusSettings, nest: Nest
) -> Iterator[tuple[SourceFile, Found]]:
    """Yields what is in a zip archive, or the document that it is."""
    with archives.seekable(stream) as opened:
        with archives.open_zip(opened) as archive:
            kind = archives.zip_kind(archive)
            if kind == formats.ZIP:
                yield from found_in_members(file, archives.zip_members(archive), settings, nest)
                return
        file = replace(file, form=kind)
        if kind in REFUSED:
            yield file, REFUSED[kind](file, b"")
        else:
            opened.seek(0)
            yield file, whole(file, opened, settings)


def found_in_members(
    file: SourceFile, members: Iterator[archives.Member], settings: CorpusSettings, nest: Nest
) -> Iterator[tuple[SourceFile, Found]]:
    """Yields what is in the members of an archive; equal names are numbered."""
    taken: dict[str, int] = {}
    within = deeper(nest)
    for name, stream in members:
        path = archives.member_path(name)
        taken[path] = taken.get(path, 0) + 1
        inner = f"{file.name}/{path if taken[path] == 1 else archives.numbered(path, taken[path])}"
        held_out = file.held_out or is_held_out(inner, settings.validation_folder)
        member = SourceFile(path="", name=inner, size=0, held_out=held_out)
        if isinstance(stream, Unreadable):
            yield member, drop_of(member, stream)
        elif any(part.startswith(".") or part == "__MACOSX" for part in path.split("/")):
            yield member, drop(member, "hidden", step="find")
        else:
            nothing = True
            for each in found_in(member, archives.counted(stream, nest.budget), settings, within):
                nothing = False
                yield each
            if nothing:
                yield member, drop(member, "empty", step="clean")


def deeper(nest: Nest) -> Nest:
    """Returns the nest one archive deeper; Unreadable beyond the deepest."""
    if nest.depth >= archives.DEEPEST:
        raise Unreadable("nested_archive", nest.depth + 1, archives.DEEPEST)
    return replace(nest, depth=nest.depth + 1)


def found_in_warc(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterator[tuple[SourceFile, Found]]:
    """Yields the pages and other documents of a WARC file, each named by the number of its record."""
    from textmill.data.formats_in.warc import fetched

    for record in fetched(stream, limit_bytes(settings)):
        about = {"url": record.url, "fetched": record.date}
        member = SourceFile(
            path="", name=f"{file.name}:{record.number}", size=len(record.body), held_out=file.held_out, about=about
        )
        form = record_form(record.content_type, record.body) if record.problem is None else ""
        if record.problem is not None:
            yield member, drop_of(member, record.problem)
        elif form:
            yield member, replace(member, form=form, data=record.body)
        else:
            yield member, drop(member, "unsupported", step="find", value=record.content_type)


def record_form(content_type: str, body: bytes) -> str:
    """Returns the form of what was fetched: what its bytes say, else whether the server calls it text; "" is no use."""
    form = formats.file_format("record.unknown", body[: formats.HEAD_BYTES])
    if form in (formats.HTML, formats.FEED) or (form == formats.PDF and find_spec("pypdfium2") is not None):
        return form
    if form == formats.UNSUPPORTED and content_type.startswith("text/plain"):
        return formats.TEXT
    page = "html" in content_type or (not content_type and body.lstrip()[:1] == b"<")
    return formats.HTML if form == formats.UNSUPPORTED and page and body.strip() else ""
