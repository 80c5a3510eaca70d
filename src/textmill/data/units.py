"""From files to units of work that fit in memory.

    SourceFile ──units──▶ Unit (whole small files; or lines, rows or pieces of a large one) ──digest──▶ Draft, Drop

`units` reads on in order and never holds more than one unit and one document; `digest` (digest.py) is where the time
goes, and may run in any process: the same unit always gives the same outcome.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from textmill.config import CorpusSettings
from textmill.data import formats, streams
from textmill.data.document import Drop, document_id
from textmill.data.sources import SourceFile, printable

MEGABYTE = 1 << 20
UNIT_BYTES = MEGABYTE
"""About how much a unit holds: enough that handing it to another process costs little."""
UNIT_FILES = 64
BATCH_ROWS = 512
LARGE_BYTES = 4 * MEGABYTE
"""Text files up to here are read whole by whoever digests them; larger ones are handed on in pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Some work: whole files, or consecutive records of one file; the files' forms are known."""

    files: tuple[SourceFile, ...]
    records: tuple[Any, ...] = ()
    size: int = 0


def drop(file: SourceFile, reason: str, *, position: int = 0, value: Any = "", threshold: Any = "", step: str = "read",
         excerpt: str = "") -> Drop:  # fmt: skip
    """Returns the Drop of a file or of one of its records."""
    source = printable(file.name)
    return Drop(
        id=document_id(file.name, position),
        source=f"{source}:{position}" if position else source,
        step=step,
        reason=reason,
        value=str(value),
        threshold=str(threshold),
        excerpt=excerpt,
    )


def units(found: Iterable[SourceFile | Drop], settings: CorpusSettings) -> Iterator[Unit | Drop]:
    """Yields the work that the files make, in their order; small web pages and texts travel together."""
    batch: list[SourceFile] = []
    size = 0
    for item in found:
        for piece in [item] if isinstance(item, Drop) else file_units(item, settings):
            if isinstance(piece, SourceFile):
                batch.append(piece)
                size += piece.size
            if batch and (not isinstance(piece, SourceFile) or len(batch) >= UNIT_FILES or size >= UNIT_BYTES):
                yield Unit(files=tuple(batch), size=size)
                batch, size = [], 0
            if not isinstance(piece, SourceFile):
                yield piece
    if batch:
        yield Unit(files=tuple(batch), size=size)


def file_units(file: SourceFile, settings: CorpusSettings) -> Iterator[Unit | SourceFile | Drop]:
    """Yields the units of one file, or the file when it is to be read whole; a fault in it is its own Drop."""
    try:
        with open(file.path, "rb") as stream:
            head = stream.read(formats.HEAD_BYTES)
            form = formats.file_format(file.name, head, named_by_user=file.named_by_user)
            stream.seek(0)
            nothing = True
            for unit in units_of_form(replace(file, form=form), head, stream, settings):
                nothing = False
                yield unit
            if nothing:
                yield drop(file, "empty", step="clean", value=file.size)
    except OSError as error:
        yield drop(file, "unreadable", value=error.strerror or type(error).__name__)


def units_of_form(
    file: SourceFile, head: bytes, stream: BinaryIO, settings: CorpusSettings
) -> Iterator[Unit | SourceFile | Drop]:
    """Yields the units of an open file whose form is known."""
    limit, form = limit_bytes(settings), file.form
    if form == formats.UNSUPPORTED:
        yield drop(file, "unsupported", step="find", value=ending(file.name))
    elif form == formats.BINARY:
        yield drop(file, "binary", value=repr(head[:8])[2:-1])
    elif form == formats.JSONL:
        yield from record_units(file, streams.json_lines(stream, limit), settings)
    elif form == formats.JSON:
        yield from record_units(file, streams.json_values(stream, limit), settings)
    elif form == formats.PARQUET:
        yield from batch_units(file)
    elif file.size > limit and (form == formats.HTML or not settings.split_characters):
        yield too_large(file, file.size, settings)
    elif form == formats.HTML or file.size <= LARGE_BYTES:
        yield file
    else:
        pieces = streams.text_pieces(stream, settings.split_characters or limit, limit)
        yield from record_units(file, pieces, settings)


def record_units(
    file: SourceFile, records: Iterable[streams.Record], settings: CorpusSettings
) -> Iterator[Unit | Drop]:
    """Yields the records of a file some at a time; one that cannot be read becomes a Drop in its place."""
    batch: list[streams.Record] = []
    size = 0
    for record in records:
        if record.problem:
            if batch:
                yield Unit(files=(file,), records=tuple(batch), size=size)
                batch, size = [], 0
            threshold = settings.maximum_document_megabytes if record.problem == "too_large" else ""
            value = f"{record.size / MEGABYTE:.3f}" if record.problem == "too_large" else record.value
            yield drop(file, record.problem, position=record.position, value=value, threshold=threshold)
            continue
        batch.append(record)
        size += record.size
        if size >= UNIT_BYTES:
            yield Unit(files=(file,), records=tuple(batch), size=size)
            batch, size = [], 0
    if batch:
        yield Unit(files=(file,), records=tuple(batch), size=size)


def batch_units(file: SourceFile) -> Iterator[Unit | Drop]:
    """Yields the rows of a Parquet file as Arrow record batches; a damaged file ends in a Drop."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    position = 0
    try:
        with parquet.ParquetFile(file.path, buffer_size=MEGABYTE, pre_buffer=False) as opened:
            for batch in opened.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                record = streams.Record(position=position, value=batch, size=batch.nbytes)
                yield Unit(files=(file,), records=(record,), size=batch.nbytes)
                position += batch.num_rows
    except (arrow.ArrowException, OSError, ValueError) as error:
        yield drop(file, "bad_parquet", position=position, value=str(error)[:200])


def limit_bytes(settings: CorpusSettings) -> int:
    """Returns the size beyond which a document is not read."""
    return int(settings.maximum_document_megabytes * MEGABYTE)


def too_large(file: SourceFile, size: int, settings: CorpusSettings, position: int = 0) -> Drop:
    """Returns the Drop of a file or record that is larger than `corpus.maximum_document_megabytes`."""
    threshold = settings.maximum_document_megabytes
    return drop(file, "too_large", position=position, value=f"{size / MEGABYTE:.3f}", threshold=threshold)


def ending(name: str) -> str:
    """Returns a file's ending, with which the hint about unsupported files counts them."""
    base = name.rsplit("/", 1)[-1]
    return "." + base.rsplit(".", 1)[1].lower() if "." in base else ""
