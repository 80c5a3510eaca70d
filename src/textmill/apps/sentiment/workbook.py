"""Excel workbooks read a row at a time: an XLSX is XML parts in a zip archive, and a part of any size streams.

    workbook.xml ─▶ the sheet ─▶ <row> by <row>; shared strings lie in a temporary file, not in memory

A cell is text, a whole number, a fraction, a truth value, an ISO date or None. Of a formula the value that was stored
with it counts; nothing is ever computed.
"""

import re
import tempfile
import zipfile
from array import array
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from textmill.data import safe_xml
from textmill.data.formats_in.archives import DAMAGE, counted
from textmill.data.formats_in.problem import Budget, Unreadable

LIMIT_BYTES = 16 << 20
"""Without a single element between."""
MOST_BYTES = 16 << 30
"""May come out of one workbook."""
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
DATE_FORMATS = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
DATE_SIGNS = re.compile(r"[ymdhs]", re.I)
NOT_SIGNS = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.')
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
Cell = str | int | float | bool | None


class Workbook:
    """One sheet of a workbook. Raises Unreadable where it is no workbook, damaged, locked or a bomb."""

    def __init__(self, path: Path, sheet: str = "") -> None:
        try:
            self.archive = zipfile.ZipFile(path)
        except DAMAGE as error:
            raise Unreadable("bad_archive", error) from error
        self.budget = Budget.of(path.stat().st_size, MOST_BYTES)
        self.names = set(self.archive.namelist())
        self.sheets: dict[str, str] = {}
        self.from_1904, self.part = False, ""
        self._read_book()
        if not self.sheets:
            raise Unreadable("bad_document", "xl/workbook.xml?")
        if sheet and sheet not in self.sheets:
            raise KeyError(sheet)
        self.part = self.sheets[sheet or next(iter(self.sheets))]
        self.dates = self._date_styles()
        self.shared = _Shared(self._texts("xl/sharedStrings.xml", "si"))

    def close(self) -> None:
        """Lets go of the files."""
        self.archive.close()
        self.shared.close()

    def _events(self, part: str) -> Iterator[safe_xml.Event]:
        if part not in self.names:
            if part == self.part:
                raise Unreadable("bad_document", f"{part}?")
            return
        try:
            if self.archive.getinfo(part).flag_bits & 1:
                raise Unreadable("encrypted")
            with self.archive.open(part) as stream:
                whole = counted(stream, self.budget)
                yield from safe_xml.events(whole, LIMIT_BYTES)
        except safe_xml.XMLProblem as problem:
            raise Unreadable("bad_xml", f"{part}: {problem}") from problem
        except DAMAGE as error:
            raise Unreadable("bad_archive", f"{part}: {error}") from error

    def _read_book(self) -> None:
        """Finds the sheets by name, and from which year dates are counted."""
        places = {}
        for kind, name, attributes in self._events("xl/_rels/workbook.xml.rels"):
            if kind == "start" and name == "Relationship":
                target = attributes.get("Target", "")
                places[attributes.get("Id", "")] = target[1:] if target.startswith("/") else f"xl/{target}"
        for kind, name, attributes in self._events("xl/workbook.xml"):
            if kind == "start" and name == "sheet":
                place = places.get(attributes.get("id", ""), "")
                if "chartsheet" not in place:
                    self.sheets[attributes.get("name", "")] = place
            elif kind == "start" and name == "workbookPr":
                self.from_1904 = attributes.get("date1904") in ("1", "true")

    def _date_styles(self) -> frozenset[int]:
        """Returns the styles whose numbers are dates."""
        dates, own, inside, place = set[int](), dict[int, str](), False, 0
        for kind, name, attributes in self._events("xl/styles.xml"):
            if name == "cellXfs":
                inside = kind == "start"
            elif kind == "start" and name == "numFmt":
                own[number_of(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
            elif kind == "start" and name == "xf" and inside:
                style = number_of(attributes.get("numFmtId"))
                if style in DATE_FORMATS or DATE_SIGNS.search(NOT_SIGNS.sub("", own.get(style, ""))):
                    dates.add(place)
                place += 1
        return frozenset(dates)

    def _texts(self, part: str, element: str) -> Iterator[str]:
        """Yields the text of each <si>, without the readings that stand over Japanese words."""
        parts: list[str] = []
        take = silent = False
        for kind, name, _ in self._events(part):
            if kind == "text":
                if take and not silent:
                    parts.append(name)
            elif name == "t":
                take = kind == "start"
            elif name == "rPh":
                silent = kind == "start"
            elif name == element and kind == "end":
                yield unescaped("".join(parts))
                parts = []

    def rows(self) -> Iterator[list[Cell]]:
        """Yields the rows of the sheet; empty ones as empty lists, so that they can be counted."""
        row: list[Cell] = []
        cell: dict[str, str] = {}
        value, formula, into = list[str](), list[str](), ""
        number = 0
        for kind, name, attributes in self._events(self.part):
            if kind == "text":
                if into:
                    (formula if into == "f" else value).append(name)
            elif kind == "start":
                if name == "row":
                    wanted = number_of(attributes.get("r"), number + 1)
                    for _ in range(number + 1, min(wanted, MOST_ROWS + 1)):
                        yield []
                    number, row = max(number + 1, wanted), []
                elif name == "c":
                    cell, value, formula = attributes, [], []
                elif name in ("v", "t", "f"):
                    into = name
                elif name == "rPh":
                    into = ""
            elif name in ("v", "t", "f"):
                into = ""
            elif name == "c":
                place(row, cell.get("r", ""), self._value(cell, "".join(value), "".join(formula)))
            elif name == "row":
                yield row

    def _value(self, cell: dict[str, str], value: str, formula: str) -> Cell:
        """Returns what a cell holds; a formula nobody has computed stays its own text."""
        kind = cell.get("t", "n")
        if kind == "s":
            return self.shared[number_of(value, -1)]
        if kind in ("str", "inlineStr", "e", "d"):
            return unescaped(value)
        if not value:
            return f"={formula}" if formula else None
        if kind == "b":
            return value == "1"
        try:
            figure = float(value)
        except ValueError:
            return value
        if number_of(cell.get("s")) in self.dates:
            return date_text(figure, self.from_1904)
        return int(figure) if figure.is_integer() and abs(figure) < 1e15 else figure


class _Shared:
    """The shared strings, in a temporary file: a million reviews need eight bytes of memory each."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.file: BinaryIO = tempfile.TemporaryFile()  # type: ignore[assignment]  # noqa: SIM115
        self.ends = array("Q", [0])
        for text in texts:
            data = text.encode("utf-8", "replace")
            self.file.write(data)
            self.ends.append(self.ends[-1] + len(data))

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self.ends) - 1:
            raise Unreadable("bad_document", f"string {number}?")
        self.file.seek(self.ends[number])
        return self.file.read(self.ends[number + 1] - self.ends[number]).decode("utf-8")

    def close(self) -> None:
        """Removes the file."""
        self.file.close()


def number_of(text: str | None, default: int = 0) -> int:
    """Returns a whole number, `default` for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default


def place(row: list[Cell], reference: str, value: Cell) -> None:
    """Puts a value where its reference says ("C7": third); without one, behind the last."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters[:3]:
        column = 26 * column + ord(letter.upper()) - 64
    if not letters.isascii() or not letters.isalpha() or not 0 < column <= MOST_COLUMNS:
        column = len(row) + 1
    row.extend([None] * (column - len(row)))
    row[column - 1] = value


def date_text(days: float, from_1904: bool) -> Cell:
    """Returns the ISO form of Excel's count of days; the number itself where that is no date."""
    start = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)
    try:
        moment = start + timedelta(days=days)
    except OverflowError:
        return days
    moment += timedelta(microseconds=500_000)  # the fraction of a day has an error of microseconds: to whole seconds
    moment = moment.replace(microsecond=0)
    return moment.date().isoformat() if days == int(days) else moment.isoformat(" ")


def unescaped(text: str) -> str:
    """Returns text with Excel's _x000D_ as the characters that they stand for."""
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text
