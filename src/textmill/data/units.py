"""From files to units of work that fit in memory.

    SourceFile ──units()──▶ Unit (whole small files; or some lines, rows or pieces of a large one) ──digest()──▶ Draft, Drop

`units` reads on in order and never holds more than one unit and one document; `digest` (digest.py) is where the time goes,
and may run in any process: the same unit always gives the same outcome.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
    """Some work of one form: whole files, or consecutive records of one file, the first of which is `position`."""

    form: str
    files: tuple[SourceFile, ...]
    records: tuple[Any, ...] = ()
    position: int = 0
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
    form = ""
    for item in found:
        pieces = [item] if isinstance(item, Drop) else file_units(item, settings)
        for piece in pieces:
            together = isinstance(piece, Unit) and not piece.records
            if batch and not (together and piece.form == form and len(batch) < UNIT_FILES and size < UNIT_BYTES):  # type: ignore[union-attr]
                yield Unit(form=form, files=tuple(batch), size=size)
                batch, size = [], 0
            if together:
                form, size = piece.form, size + piece.size  # type: ignore[union-attr]
                batch.extend(piece.files)  # type: ignore[union-attr]
            else:
                yield piece
    if batch:
        yield Unit(form=form, files=tuple(batch), size=size)


def file_units(file: SourceFile, settings: CorpusSettings) -> Iterator[Unit | Drop]:
    """Yields the units of one file; whatever goes wrong with it is its own Drop and nobody else's."""
    try:
        with open(file.path, "rb") as stream:
            head = stream.read(formats.HEAD_BYTES)
            form = formats.file_format(file.name, head, named_by_user=file.named_by_user)
            stream.seek(0)
            yield from units_of_form(file, form, head, stream, settings)
    except OSError as error:
        yield drop(file, "unreadable", value=error.strerror or type(error).__name__)


def units_of_form(
    file: SourceFile, form: str, head: bytes, stream: BinaryIO, settings: CorpusSettings
) -> Iterator[Unit | Drop]:
    """Yields the units of an open file whose form is known."""
    limit = limit_bytes(settings)
    if form == formats.UNSUPPORTED:
        yield drop(file, "unsupported", step="find", value=ending(file.name))
    elif form == formats.BINARY:
        yield drop(file, "binary", value=repr(head[:8])[2:-1])
    elif form == formats.JSONL:
        yield from record_units(file, form, streams.json_lines(stream, limit), settings)
    elif form == formats.JSON:
        yield from record_units(file, form, streams.json_values(stream, limit), settings)
    elif form == formats.PARQUET:
        yield from batch_units(file)
    elif file.size > limit and (form == formats.HTML or not settings.split_characters):
        yield too_large(file, file.size, settings)
    elif form == formats.HTML or file.size <= LARGE_BYTES:
        yield Unit(form=form, files=(file,), size=file.size)
    else:
        pieces = streams.text_pieces(stream, settings.split_characters or limit, limit)
        yield from record_units(file, form, pieces, settings)


def record_units(
    file: SourceFile, form: str, records: Iterable[streams.Record], settings: CorpusSettings
) -> Iterator[Unit | Drop]:
    """Yields the records of a file some at a time; one that cannot be read becomes a Drop in its place."""
    batch: list[streams.Record] = []
    size = 0
    for record in records:
        if record.problem:
            if batch:
                yield Unit(form=form, files=(file,), records=tuple(batch), size=size)
                batch, size = [], 0
            threshold = settings.maximum_document_megabytes if record.problem == "too_large" else ""
            value = f"{record.size / MEGABYTE:.3f}" if record.problem == "too_large" else record.value
            yield drop(file, record.problem, position=record.position, value=value, threshold=threshold)
            continue
        batch.append(record)
        size += record.size
        if size >= UNIT_BYTES:
            yield Unit(form=form, files=(file,), records=tuple(batch), size=size)
            batch, size = [], 0
    if batch:
        yield Unit(form=form, files=(file,), records=tuple(batch), size=size)


def batch_units(file: SourceFile) -> Iterator[Unit | Drop]:
    """Yields the rows of a Parquet file as Arrow record batches; a damaged file ends in a Drop."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    position = 0
    try:
        with parquet.ParquetFile(file.path, buffer_size=MEGABYTE, pre_buffer=False) as opened:
            for batch in opened.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                record = streams.Record(position=position, value=batch, size=batch.nbytes)
                yield Unit(form=formats.PARQUET, files=(file,), records=(record,), size=batch.nbytes)
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
