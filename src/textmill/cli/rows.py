"""Files of rows for a command that answers each: --in FILE (.jsonl, .txt, or - for stdin), --out FILE.jsonl.

    read_rows ─▶ every row checked, or one error with the line's number ─▶ RowWriter: a line a row, flushed at once

A row is written as what came in, with what the command adds. A writer whose file has lines goes on behind them, once
they are seen to belong to the first rows; half a line, of a process that was killed, is cut off.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from textmill.cli.command import Context
from textmill.cli.text_input import tell_if_waiting
from textmill.errors import InputError, UsageError
from textmill.files import disk_errors

STDIN = "-"
TOLD = 80
"""Characters of a wrong value that an error shows."""
Row = dict[str, Any]


def read_rows(context: Context, place: str, field: str) -> list[Row]:
    """Returns the rows of `place`, each with a text under `field`; empty lines are no rows.

    Raises InputError with the line's number for the first that is wrong.
    """
    if place == STDIN:
        tell_if_waiting(context)
        data, name = sys.stdin.buffer.read() if sys.stdin is not None else b"", "stdin"
    else:
        path = Path(place).expanduser()
        if path.suffix.lower() not in (".jsonl", ".txt"):
            raise InputError("rows.ending", file=place)
        if not path.is_file():
            raise InputError("rows.missing", file=place)
        data, name = path.read_bytes(), place
    plain = name.lower().endswith(".txt")
    rows: list[Row] = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            rows.append(_row(_text(line.removesuffix(b"\r"), name, number), name, number, field, plain))
    if not rows:
        raise InputError("rows.none", file=name)
    return rows


def _text(line: bytes, name: str, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        got = f"0x{line[error.start]:02x}"
        raise InputError("rows.not_utf8", file=name, line=number, got=got) from None


def _row(text: str, name: str, number: int, field: str, plain: bool) -> Row:
    """Returns the row on one line."""
    if plain:
        return {field: text}
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InputError("rows.not_json", file=name, line=number, field=field, got=str(error)[:TOLD]) from None
    if not isinstance(value, dict) or not isinstance(value.get(field), str):
        got = repr(value.get(field)) if isinstance(value, dict) and field in value else text
        raise InputError("rows.no_text", file=name, line=number, field=field, got=got[:TOLD])
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


class RowWriter:
    """Writes rows in their order to a file, to stdout, or, for ``--json`` without a file, into `kept`.

    `added`: the fields that the command adds, which do not count when old lines are held against the rows.
    """

    def __init__(self, context: Context, out: Path | None, rows: Sequence[Row], added: Sequence[str]) -> None:
        self.out, self.added, self.kept = out, frozenset(added), list[Row]()
        self.done = 0
        """How many rows the file had already."""
        self._file: IO[str] | None = None
        self._end = 0
        if out is not None:
            self._go_on(out, rows)
        elif not context.json:
            self._file = context.output.file

    def _go_on(self, out: Path, rows: Sequence[Row]) -> None:
        """Finds how many of the rows the file has; only `__enter__` changes it."""
        if out.suffix.lower() != ".jsonl":
            raise UsageError("rows.out_ending", file=out)
        with disk_errors(out):
            lines = out.read_bytes().split(b"\n")[:-1] if out.is_file() else []
        if len(lines) > len(rows):
            raise InputError("rows.too_many", file=out, lines=len(lines), rows=len(rows))
        for number, (line, row) in enumerate(zip(lines, rows, strict=False), start=1):
            try:
                same = self._own(json.loads(line)) == self._own(row)
            except (ValueError, RecursionError, AttributeError):
                same = False
            if not same:
                raise InputError("rows.other", file=out, line=number)
        self.done, self._end = len(lines), sum(len(line) + 1 for line in lines)

    def _own(self, row: Row) -> Row:
        return {name: value for name, value in row.items() if name not in self.added}

    def __enter__(self) -> "RowWriter":
        if self.out is not None:
            with disk_errors(self.out):
                self.out.parent.mkdir(parents=True, exist_ok=True)
                self._file = open(self.out, "a", encoding="utf-8", errors="backslashreplace", newline="\n")
                if os.path.getsize(self.out) > self._end:
                    self._file.truncate(self._end)
        return self

    def __exit__(self, *_: object) -> None:
        if self.out is not None and self._file is not None:
            self._file.close()

    def write(self, row: Row, more: Row) -> None:
        """Writes one row with what came of it."""
        whole = self._own(row) | more
        if self._file is None:
            self.kept.append(whole)
            return
        # a lone surrogate has no UTF-8: backslashreplace writes the escape that JSON has for it
        self._file.write(json.dumps(whole, ensure_ascii=False) + "\n")
        self._file.flush()
