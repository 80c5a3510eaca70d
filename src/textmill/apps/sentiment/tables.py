"""Tables as people have them, row by row: CSV, TSV, XLSX, JSONL, JSON, Parquet.

    open_table(path) ─▶ Table: its columns, then its rows as dicts, a little at a time

An encoding is found, never asked for, and a file glued together of several is read line by line: each line in the
encoding of the file, or in its own where that does not fit. An empty cell is None. A file without an ending that says
its form is refused; a broken one is told with the row.
"""

import csv
import difflib
import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from textmill.apps.sentiment.workbook import Workbook
from textmill.data import charset
from textmill.data.formats_in.problem import Unreadable
from textmill.data.formats_in.tables import chained, delimiter_of, lines, parquet_rows
from textmill.data.streams import Record, json_lines, json_values, peeked, text_blocks
from textmill.errors import InputError
from textmill.i18n import catalog, t

Row = dict[str, Any]
ENDINGS = (".csv", ".tsv", ".xlsx", ".jsonl", ".json", ".parquet")
LIMIT_BYTES = 16 << 20
"""Of one line, one cell, one value."""
HEAD_BYTES = 1 << 18
LOOKED_AT = 100
"""Rows of JSON whose names are the columns."""
TOLD = 60


@dataclass(slots=True, kw_only=True)
class Table:
    """A table that is being read; `rows` can be walked once."""

    name: str
    columns: tuple[str, ...]
    rows: Iterator[Row]
    open: list[Any] = field(default_factory=list)
    """What is to be closed."""

    def __enter__(self) -> "Table":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for part in self.open:
            part.close()

    def column(self, name: str) -> str:
        """Returns a column by its name, however it is capitalised; InputError with the nearest where there is none."""
        if name in self.columns:
            return name
        folded = [column for column in self.columns if column.strip().casefold() == name.strip().casefold()]
        if len(folded) == 1:
            return folded[0]
        raise no_column(self.name, name, self.columns)


def no_column(file: str, name: str, columns: Collection[str]) -> InputError:
    """Returns the error that names the nearest column."""
    nearest = difflib.get_close_matches(name, list(columns), n=1, cutoff=0.0)
    known = ", ".join(list(columns)[:20])
    return InputError("tables.no_column", file=file, name=name, nearest=nearest[0] if nearest else "–", known=known)


def open_table(path: str | Path, *, sheet: str = "") -> Table:
    """Opens a table; raises InputError for what is none."""
    place = Path(path).expanduser()
    ending = place.suffix.lower()
    if ending not in ENDINGS:
        raise InputError("tables.ending", file=path, endings=", ".join(ENDINGS))
    if not place.is_file():
        raise InputError("tables.missing", file=path)
    if ending == ".xlsx":
        return of_workbook(place, sheet)
    stream: BinaryIO = open(place, "rb")  # noqa: SIM115
    try:
        if ending in (".csv", ".tsv"):
            columns, rows = of_lines(place, stream)
        else:
            columns, rows = of_values(place, records(stream, ending))
    except BaseException:
        stream.close()
        raise
    return Table(name=str(path), columns=columns, rows=rows, open=[rows, stream])


def unreadable(path: Path, row: int, problem: Unreadable) -> InputError:
    """Returns the error for a file that cannot be read on."""
    known = f"reason_{problem.reason}" in catalog("corpus")
    told = t(f"corpus.reason_{problem.reason}") if known else problem.reason
    return InputError("tables.unreadable", file=path, row=row, reason=f"{told} {problem.value}".strip())


def header(path: Path, first: list[Any]) -> tuple[str, ...]:
    """Returns the columns' names: one without a name is called by its place, one that comes again is numbered."""
    names: list[str] = []
    for number, cell in enumerate(first, start=1):
        base = name = str(cell).strip() if cell not in (None, "") else f"column {number}"
        again = 2
        while name in names:
            name, again = f"{base} {again}", again + 1
        names.append(name)
    if not names:
        raise InputError("tables.empty", file=path)
    return tuple(names)


def row_of(columns: tuple[str, ...], cells: list[Any]) -> Row:
    """Returns a row by column; cells beyond the last column have names by their place."""
    row: Row = dict.fromkeys(columns)
    for number, cell in enumerate(cells):
        if cell not in (None, ""):
            row[columns[number] if number < len(columns) else f"column {number + 1}"] = cell
    return row


def of_workbook(path: Path, sheet: str) -> Table:
    """Returns the table on a sheet of a workbook; rows that are empty throughout are none."""
    try:
        book = Workbook(path, sheet)
    except KeyError:
        raise InputError("tables.no_sheet", file=path, sheet=sheet) from None
    except Unreadable as problem:
        raise unreadable(path, 0, problem) from problem
    cells = book.rows()

    def rows(columns: tuple[str, ...], done: int) -> Iterator[Row]:
        number = done
        try:
            for number, row in enumerate(cells, start=done + 1):  # noqa: B007
                if any(cell not in (None, "") for cell in row):
                    yield row_of(columns, row)
        except Unreadable as problem:
            raise unreadable(path, number + 1, problem) from problem

    try:
        skipped = 0
        for skipped, first in enumerate(cells, start=1):
            if any(cell not in (None, "") for cell in first):
                columns = header(path, first)
                return Table(name=str(path), columns=columns, rows=rows(columns, skipped), open=[book])
        raise InputError("tables.empty", file=path)
    except BaseException as error:
        book.close()
        if isinstance(error, Unreadable):
            raise unreadable(path, 1, error) from error
        raise


class LineDecoder:
    """Decodes lines of a file, each in the file's encoding or, where that does not fit, in its own."""

    def __init__(self, main: str) -> None:
        self.main = main

    def __call__(self, line: bytes) -> str:
        """Returns the text of a line; what fits no encoding is replaced."""
        if line.isascii():
            return line.decode("ascii")
        if self.main != "utf-8":
            # three bytes that are a character of UTF-8 are hardly ever two of another encoding, a line of them never
            with suppress(UnicodeDecodeError):
                text = line.decode("utf-8")
                if any(sign > "\u07ff" for sign in text):
                    return text
        with suppress(UnicodeDecodeError):
            return line.decode(self.main)
        own = charset.detect_encoding(line)
        return line.decode(own or self.main, "replace")


def main_encoding(head: bytes) -> str | None:
    """Returns the encoding of most lines of a file, None where it is no text."""
    encoding = charset.detect_encoding(head)
    if encoding is not None and (encoding == "utf-8-sig" or encoding.startswith(("utf-16", "utf-32"))):
        return encoding
    beyond = [line for line in head.split(b"\n") if not line.isascii()]
    others = [line for line in beyond if not is_utf8(line)]
    return "utf-8" if 2 * len(others) <= len(beyond) else charset.detect_encoding(b"\n".join(others))


def is_utf8(line: bytes) -> bool:
    """True for a line that is UTF-8 throughout."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def text_lines(stream: BinaryIO) -> Iterator[str]:
    """Yields the lines of a text in whatever encoding, or encodings, it is."""
    head, stream = peeked(stream, HEAD_BYTES)
    encoding = main_encoding(head)
    if encoding is None:
        raise Unreadable("undecodable")
    if encoding.startswith(("utf-16", "utf-32")):
        yield from lines(text_blocks(stream), LIMIT_BYTES)
        return
    decode = LineDecoder(encoding.removesuffix("-sig"))
    first = True
    while line := stream.readline(LIMIT_BYTES + 1):
        if len(line) > LIMIT_BYTES:
            raise Unreadable("too_large", f"{len(line) >> 20}", f"{LIMIT_BYTES >> 20}")
        text = decode(line).replace("\r\n", "\n")
        yield text.removeprefix("\ufeff") if first else text
        first = False


def of_lines(path: Path, stream: BinaryIO) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Returns columns and rows of a CSV or TSV file."""
    source = text_lines(stream)
    try:
        first = next((line for line in source if line.strip()), "")
        if not first:
            raise InputError("tables.empty", file=path)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else delimiter_of(first, "")
        csv.field_size_limit(LIMIT_BYTES)
        reader = csv.reader(chained(first, source), delimiter=delimiter)
        columns = header(path, next(reader))
    except Unreadable as problem:
        raise unreadable(path, 1, problem) from problem
    except csv.Error as error:
        raise InputError("tables.broken", file=path, row=1, got=str(error)[:TOLD]) from error

    def rows() -> Iterator[Row]:
        number = 1
        try:
            for number, cells in enumerate(reader, start=2):  # noqa: B007
                if cells:
                    yield row_of(columns, cells)
        except Unreadable as problem:
            raise unreadable(path, number + 1, problem) from problem
        except csv.Error as error:
            raise InputError("tables.broken", file=path, row=number + 1, got=str(error)[:TOLD]) from error

    return columns, rows()


def records(stream: BinaryIO, ending: str) -> Iterator[Record]:
    """Yields the values of a file of JSON or Parquet."""
    if ending == ".jsonl":
        yield from json_lines(stream, LIMIT_BYTES)
    elif ending == ".json":
        yield from json_values(stream, LIMIT_BYTES)
    else:
        for batch in parquet_rows(stream):
            for number, row in enumerate(batch.value.to_pylist()):
                yield Record(position=batch.position + number + 1, value=row)


def of_values(path: Path, found: Iterator[Record]) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Returns columns (of the first rows) and rows of values that are objects."""

    def rows() -> Iterator[Row]:
        number = 0
        try:
            for record in found:
                number = record.position
                yield object_of(path, record)
        except Unreadable as problem:
            raise unreadable(path, number + 1, problem) from problem

    every = rows()
    first = list(islice(every, LOOKED_AT))
    columns = tuple(dict.fromkeys(name for row in first for name in row))
    if not columns:
        raise InputError("tables.empty", file=path)
    return columns, (row for row in chain(first, every))


def object_of(path: Path, record: Record) -> Row:
    """Returns the object that a record holds."""
    value, got = record.value, record.problem
    if isinstance(value, bytes):
        try:
            value = json.loads(LineDecoder("utf-8")(value))
        except (ValueError, RecursionError) as error:
            got = str(error)
    if got or not isinstance(value, dict):
        got = got or type(value).__name__
        raise InputError("tables.broken", file=path, row=record.position, got=got[:TOLD])
    return {str(name): None if cell == "" else cell for name, cell in value.items()}


def text_of(value: Any) -> str:
    """Returns the text of a cell; "" for an empty one."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
