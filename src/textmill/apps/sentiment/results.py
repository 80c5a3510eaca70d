"""What a command makes of a table's rows: kept as it comes, written whole at the end.

    add(row) ─▶ OUT.rows.jsonl, a line a row, flushed ─▶ finish() ─▶ OUT as CSV, TSV, XLSX, JSONL or Parquet

The first line is the identity: what decides the rows (the input's hash, model, options). A stopped command goes on
behind the last whole line if its identity is the same, and begins anew if not. The output appears whole or not at all.

A spreadsheet program runs a cell that begins with = + - @ as a formula, also in a CSV file, and customers can write
such cells. In CSV and TSV they get a quote mark in front, as OWASP advises; numbers stay numbers. In XLSX they are
marked as text and stay as they are.
"""

import csv
import io
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO

from textmill.apps.sentiment.tables import Row, text_of
from textmill.apps.sentiment.workbook import MOST_ROWS, Cell
from textmill.apps.sentiment.workbook_writing import write_workbook
from textmill.errors import InputError, UsageError
from textmill.files import atomic_file, disk_errors

ENDINGS = (".csv", ".tsv", ".xlsx", ".jsonl", ".parquet")
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r]")  # text data
NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?\s?%?")
BATCH_ROWS = 4096
NUMBERS = frozenset((int, float, type(None)))


class Results:
    """The rows of one output. `done`: how many an earlier call has left; the caller passes over as many of its input.

    Raises UsageError for an output whose name says no form.
    """

    def __init__(self, out: Path, identity: dict[str, Any]) -> None:
        if out.suffix.lower() not in ENDINGS:
            raise UsageError("tables.out_ending", file=out, endings=", ".join(ENDINGS))
        self.out = out
        self.journal = out.with_name(f"{out.name}.rows.jsonl")
        self._head = (json.dumps({"identity": identity}, ensure_ascii=False, sort_keys=True) + "\n").encode()
        self._file: IO[str] | None = None
        self.done, self._end = self._earlier()

    def _earlier(self) -> tuple[int, int]:
        """Returns how many whole rows of the same identity there are, and where the last one ends."""
        with disk_errors(self.journal):
            if not self.journal.is_file():
                return 0, 0
            with open(self.journal, "rb") as file:
                if file.readline() != self._head:
                    return 0, 0
                count, end = 0, len(self._head)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    count, end = count + 1, end + len(line)
                return count, end

    def __enter__(self) -> "Results":
        with disk_errors(self.journal):
            self.journal.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.journal, "a", encoding="utf-8", errors="backslashreplace", newline="\n")
            self._file.truncate(self._end)
            if not self._end:
                self._file.write(self._head.decode())
                self._file.flush()
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, rows: Iterable[Row]) -> None:
        """Keeps some rows."""
        if self._file is None:
            raise RuntimeError("not open")
        with disk_errors(self.journal):
            for row in rows:
                self._file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
            self._file.flush()

    def rows(self) -> Iterator[Row]:
        """Yields all rows that were kept."""
        with open(self.journal, encoding="utf-8", newline="\n") as file:
            for line in islice(file, 1, None):
                yield json.loads(line)

    def finish(self) -> int:
        """Writes the output and removes the journal; returns how many cells were too long for it and were cut."""
        if self._file is not None:
            with disk_errors(self.journal):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
        with atomic_file(self.out) as file:
            cut = write_rows(file, self.out.suffix.lower(), self.rows)
        self.journal.unlink()
        return cut


def write_table(out: Path, rows: Sequence[Row]) -> int:
    """Writes rows that are in memory; returns how many cells were cut."""
    if out.suffix.lower() not in ENDINGS:
        raise UsageError("tables.out_ending", file=out, endings=", ".join(ENDINGS))
    with atomic_file(out) as file:
        return write_rows(file, out.suffix.lower(), lambda: iter(rows))


def write_rows(file: BinaryIO, ending: str, rows: Any) -> int:
    """Writes what ``rows()`` yields; it is called twice, first for the columns."""
    columns: dict[str, set[type]] = {}
    count = 0
    for count, row in enumerate(rows(), start=1):  # noqa: B007
        for name, value in row.items():
            columns.setdefault(name, set()).add(type(value))
    if ending == ".jsonl":
        for row in rows():
            file.write((json.dumps(row, ensure_ascii=False, default=str) + "\n").encode("utf-8", "backslashreplace"))
        return 0
    if ending == ".parquet":
        write_parquet(file, columns, rows())
        return 0
    if ending == ".xlsx":
        if count >= MOST_ROWS:
            raise InputError("tables.too_many_rows", rows=count, limit=MOST_ROWS - 1)
        return write_workbook(file, tuple(columns), ([cell_of(row.get(name)) for name in columns] for row in rows()))
    write_lines(file, "\t" if ending == ".tsv" else ",", tuple(columns), rows())
    return 0


def write_lines(file: BinaryIO, delimiter: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Writes a CSV or TSV file, with the mark by which Excel knows UTF-8."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow([inert(name) for name in columns])
    for row in rows:
        writer.writerow([inert(text_of(row.get(name))) for name in columns])
    text.flush()
    text.detach()


def write_parquet(file: BinaryIO, columns: dict[str, set[type]], rows: Iterator[Row]) -> None:
    """Writes a Parquet file; a column that holds nothing but numbers is one of numbers, all others are text."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    numbers = {name for name, kinds in columns.items() if {type(None)} < kinds | {type(None)} <= NUMBERS}
    schema = arrow.schema([(name, arrow.float64() if name in numbers else arrow.string()) for name in columns])

    def value_of(name: str, value: Any) -> Any:
        return None if value is None else float(value) if name in numbers else text_of(value)

    with parquet.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, BATCH_ROWS)):
            values = [{name: value_of(name, row.get(name)) for name in columns} for row in batch]
            writer.write_table(arrow.Table.from_pylist(values, schema=schema))


def inert(text: str) -> str:
    """Returns a cell that no spreadsheet program takes for a formula."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text.strip()) else text


def cell_of(value: Any) -> Cell:
    """Returns what a cell of a workbook can hold."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return text_of(value)
