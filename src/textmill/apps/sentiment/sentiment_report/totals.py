"""The sums of one file of judged texts, a row at a time: whatever its size, what is kept stays small."""

import datetime
import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textmill.apps.sentiment.grouping import Groups
from textmill.apps.sentiment.labels import in_order
from textmill.apps.sentiment.sentiment_report.dates import date_of
from textmill.apps.sentiment.tables import Row, Table, open_table, text_of
from textmill.data.mapping import TEXT, TEXT_NAMES
from textmill.errors import InputError

ADDED = ("label", "probabilities", "set", "abstained", "aspects", "reasons")
TEXT_COLUMNS = (TEXT, "review", "comment", "feedback", *TEXT_NAMES, "评论", "文本", "评价")  # text data
DATE_COLUMNS = ("date", "time", "day", "created", "created_at", "timestamp", "日期", "时间")  # text data
PREFIX = "sentiment_"
"""Of the added columns, where the table had one of that name already."""
MOST_VALUES, MOST_SEGMENTS = 24, 4
MOST_QUOTES = 5
LOOKED_AT = 5000
"""Rows by which columns are chosen that nobody named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which columns are what; "" and (): found by their names and what they hold."""

    text: str = ""
    date: str = ""
    by: tuple[str, ...] = ()
    truth: str = ""


@dataclass(slots=True)
class Sums:
    """Rows, and the sum of probabilities by label: divided by the rows, what share each label has."""

    rows: int = 0
    chances: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, chances: Mapping[str, float], rows: int = 1) -> None:
        """Adds a row, or the sums of several."""
        self.rows += rows
        for label, value in chances.items():
            self.chances[label] += value


@dataclass(slots=True, kw_only=True)
class Totals:
    """All that the page tells of one file."""

    name: str
    columns: tuple[str, ...]
    text: str
    date: str
    truth: str
    by: tuple[str, ...]
    prefix: str = ""
    rows: int = 0
    all: Sums = field(default_factory=Sums)
    counts: Counter[str] = field(default_factory=Counter)
    abstained: Counter[str] = field(default_factory=Counter)
    unsure: int = 0
    days: dict[datetime.date, Sums] = field(default_factory=dict)
    undated: int = 0
    segments: dict[str, dict[str, Sums]] = field(default_factory=dict)
    groups: Groups = field(default_factory=Groups)
    quotes: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """By label, "" for what the judge is least sure of: (how much of a quote it is, text)."""
    told: list[tuple[float, bool]] = field(default_factory=list)
    """Where the file has labels: the likeliest label's probability, and whether it is right."""
    wrong: list[tuple[float, str, str, str]] = field(default_factory=list)
    """The surest mistakes: (probability, text, label, truth)."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in order."""
        return in_order(self.all.chances) if self.all.chances else ()

    def add(self, row: Row) -> None:
        """Adds a row."""
        self.rows += 1
        given = {name: row.get(f"{self.prefix}{name}") for name in ADDED}
        chances, label = chances_of(given["probabilities"]), text_of(given["label"])
        text = text_of(row.get(self.text))
        if not chances or not label:
            self.abstained[text_of(given["abstained"]) or "empty"] += 1
            return
        self.all.add(chances)
        self.counts[label] += 1
        members = listed(given["set"])
        self.unsure += len(members) != 1
        self._add_parts(row, chances)
        self._quote(label, chances[label] if len(members) == 1 else 0.0, text)
        self._quote("", 1 - abs(chances[label] - 1 / len(chances)), text)
        if isinstance(aspects := decoded(given["aspects"]), list):
            self.groups.add(text, [aspect for aspect in aspects if isinstance(aspect, dict)])
        if self.truth and (truth := text_of(row.get(self.truth)).strip()):
            self.told.append((chances[label], label == truth))
            if label != truth:
                self.wrong.append((chances[label], text, label, truth))
                self.wrong = sorted(self.wrong, key=lambda item: -item[0])[:10]

    def _add_parts(self, row: Row, chances: Mapping[str, float]) -> None:
        """Adds a row to its day and its segments."""
        if self.date:
            day = date_of(row.get(self.date))
            self.undated += day is None
            if day is not None:
                self.days.setdefault(day, Sums()).add(chances)
        for column in self.by:
            values = self.segments.setdefault(column, {})
            value = text_of(row.get(column)) or "–"
            if value not in values and len(values) >= MOST_VALUES:
                value = "…"
            values.setdefault(value, Sums()).add(chances)

    def _quote(self, label: str, worth: float, text: str) -> None:
        kept = self.quotes.setdefault(label, [])
        if len(text) < 12 and not any(sign > "\u2e80" for sign in text):
            worth -= 1  # "fine" is sure, and says little
        if len(kept) < MOST_QUOTES or worth > kept[-1][0]:
            if all(text != other for _, other in kept):
                kept.append((worth, text))
            kept.sort(key=lambda quote: -quote[0])
            del kept[MOST_QUOTES:]


def decoded(value: Any) -> Any:
    """Returns a cell's value, of JSON in text (as CSV and XLSX have it) what it says."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def listed(value: Any) -> list[Any]:
    """Returns a cell's list."""
    found = decoded(value)
    return found if isinstance(found, list) else [] if found is None else [found]


def chances_of(value: Any) -> dict[str, float]:
    """Returns the probabilities that a cell holds; {} where it has none."""
    found = decoded(value)
    if not isinstance(found, dict):
        return {}
    numbers = {str(label): value for label, value in found.items() if isinstance(value, int | float)}
    return {label: float(value) for label, value in numbers.items() if math.isfinite(value)}


def read_totals(file: Path, asked: Asked) -> Totals:
    """Reads a file of judged texts; InputError where it has not been judged."""
    chosen = choose(file, asked)
    with open_table(file) as table:
        for row in table.rows:
            chosen.add(row)
    if not chosen.all.rows:
        raise InputError("sentiment_report.none_judged", file=file)
    return chosen


def choose(file: Path, asked: Asked) -> Totals:
    """Returns empty totals with the columns chosen."""
    with open_table(file) as table:
        prefix = PREFIX if f"{PREFIX}probabilities" in table.columns else ""
        missing = [name for name in ("label", "probabilities") if f"{prefix}{name}" not in table.columns]
        if missing:
            raise InputError("sentiment_report.not_judged", file=file, column=missing[0])
        text = table.column(asked.text) if asked.text else first_of(table, TEXT_COLUMNS)
        dated = table.column(asked.date) if asked.date else first_of(table, DATE_COLUMNS)
        own = "label" if prefix and "label" in table.columns else ""  # which the table had before it was judged
        truth = table.column(asked.truth) if asked.truth else own
        by = tuple(table.column(name) for name in asked.by)
        taken = {text, dated, truth, *ADDED, *(f"{PREFIX}{name}" for name in ADDED)}
        by = by or few_valued(table, [name for name in table.columns if name not in taken])
        return Totals(name=file.name, columns=table.columns, text=text, date=dated, truth=truth, by=by, prefix=prefix)


def first_of(table: Table, names: Sequence[str]) -> str:
    """Returns the first of the names that is a column, "" for none."""
    folded = {column.casefold(): column for column in table.columns}
    return next((folded[name] for name in names if name in folded), "")


def few_valued(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """Returns the columns that divide the rows into a few groups of some size."""
    values: dict[str, Counter[str]] = {name: Counter() for name in names}
    count = 0
    for count, row in enumerate(table.rows, start=1):
        for name in names:
            values[name][text_of(row.get(name))] += 1
        if count == LOOKED_AT:
            break
    fit = [name for name in names if 2 <= len(values[name]) <= 12 and 3 * len(values[name]) <= count]
    return tuple(fit[:MOST_SEGMENTS])
