"""Rows of tables: CSV and TSV, Arrow (file and stream) and Parquet, read a little at a time.

The delimiter of a CSV file is the one under which its first line holds the text field, else the one that parts it most.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import pyarrow as arrow

from textmill.data.formats_in.problem import Unreadable
from textmill.data.mapping import text_column
from textmill.data.streams import Record, text_blocks

DELIMITERS = (",", "\t", ";", "|")
BATCH_ROWS = 512
MEGABYTE = 1 << 20


def lines(blocks: Iterable[str | None], limit: int) -> Iterator[str]:
    """Yields the lines of a text with their ends, none longer than `limit`."""
    rest = ""
    for block in blocks:
        if block is None:
            raise Unreadable("undecodable")
        *whole, rest = (rest + block).split("\n")
        for line in whole:
            yield line + "\n"
        if len(rest) > limit:
            raise Unreadable("too_large", f"{len(rest) / MEGABYTE:.3f}", f"{limit / MEGABYTE:g}")
    if rest:
        yield rest


def csv_rows(stream: BinaryIO, limit: int, text_field: str) -> Iterator[Record]:
    """Yields the rows of a CSV or TSV file as dicts, counted from 1 without the header; a broken one is a problem.

    With a text field, a table without such a column is Unreadable; "": any columns will do.
    """
    source = lines(text_blocks(stream), limit)
    first = next(source, "").removeprefix("\ufeff")
    if not first.strip():
        return
    delimiter = delimiter_of(first, text_field)
    csv.field_size_limit(limit)
    reader = csv.reader(chained(first, source), delimiter=delimiter)
    names = [name.strip() for name in next(reader)]
    if text_field and text_column(names, text_field) not in names and not {"en", "zh"} <= set(names):
        raise Unreadable("missing_text_field", ", ".join(names[:12]), text_field)
    position = 0
    while True:
        position += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(position=position, problem="bad_csv", value=str(error))
            continue
        if row:
            value = dict(zip(names, row, strict=False))
            yield Record(position=position, value=value, size=sum(map(len, row)))


def chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    """Yields a line and then the others."""
    yield first
    yield from rest


def delimiter_of(header: str, text_field: str) -> str:
    """Returns the delimiter of a table with this first line."""

    def fitness(delimiter: str) -> tuple[bool, int]:
        names = next(csv.reader([header], delimiter=delimiter))
        stripped = [name.strip() for name in names]
        return text_column(stripped, text_field) in stripped and len(names) > 1, len(names)

    return max(DELIMITERS, key=fitness)


def arrow_rows(stream: Any, *, streamed: bool) -> Iterator[Record]:
    """Yields an Arrow file's rows as record batches of bounded size; Unreadable where it is damaged."""
    position = 0
    try:
        for batch in arrow_batches(stream, streamed=streamed):
            for start in range(0, batch.num_rows, BATCH_ROWS):
                part = batch.slice(start, BATCH_ROWS)
                yield from whole_rows(part, position)
                position += part.num_rows
    except MemoryError:  # Arrow's is an ArrowException too
        raise
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise Unreadable("bad_arrow", error) from error


def whole_rows(batch: Any, position: int) -> Iterator[Record]:
    """Yields the rows of a batch together, or one by one where some are damaged: to touch those may end the process."""
    try:
        batch.validate(full=True)
    except (arrow.ArrowException, ValueError) as error:
        if batch.num_rows == 1:
            yield Record(position=position + 1, problem="undecodable", value=str(error)[:200])
            return
        for number in range(batch.num_rows):
            yield from whole_rows(batch.slice(number, 1), position + number)
        return
    rows = batch.take(arrow.array(range(batch.num_rows)))  # a slice would take all of its batch along
    yield Record(position=position, value=rows, size=rows.nbytes)


def arrow_batches(stream: Any, *, streamed: bool) -> Iterator[Any]:
    """Yields the record batches of an Arrow stream or file."""
    if streamed:
        with arrow.ipc.open_stream(stream) as opened:
            yield from opened
        return
    with arrow.ipc.open_file(stream) as opened:
        for number in range(opened.num_record_batches):
            yield opened.get_batch(number)


def parquet_rows(stream: Any) -> Iterator[Record]:
    """Yields a Parquet file's rows as record batches; Unreadable where it is damaged."""
    import pyarrow.parquet as parquet

    position = 0
    try:
        with parquet.ParquetFile(stream, buffer_size=MEGABYTE, pre_buffer=False) as opened:
            for batch in opened.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                yield Record(position=position, value=batch, size=batch.nbytes)
                position += batch.num_rows
    except MemoryError:
        raise
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise Unreadable("bad_parquet", error) from error
