"""Dates as tables have them, and the stretches of time that make a trend readable."""

import re
from datetime import date, timedelta
from typing import Any

YEAR_FIRST = re.compile(r"\s*(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)")  # text data
YEAR_LAST = re.compile(r"\s*(\d{1,2})([./])(\d{1,2})\2(\d{4})(?!\d)")
MONTH = re.compile(r"\s*(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?\s*")  # text data
DAYS = (("day", 45), ("week", 270), ("month", 1500), ("quarter", 5000))
"""A stretch, and the longest time that is divided into such."""


def date_of(value: Any) -> date | None:
    """Returns the date that a cell tells: year first, 3.1.2026, or 1/3/2026 (the month first, if it can be one)."""
    text = str(value)
    try:
        if found := YEAR_FIRST.match(text):
            return date(*map(int, found.groups()))
        if found := YEAR_LAST.match(text):
            first, second, year = int(found[1]), int(found[3]), int(found[4])
            day_first = found[2] == "." or first > 12
            return date(year, second, first) if day_first else date(year, first, second)
        if found := MONTH.fullmatch(text):
            return date(int(found[1]), int(found[2]), 1)
    except ValueError:
        return None
    return None


def stretch_for(first: date, last: date) -> str:
    """Returns the stretch by which this time is divided."""
    days = (last - first).days
    return next((name for name, most in DAYS if days <= most), "year")


def start_of(day: date, stretch: str) -> date:
    """Returns the first day of the stretch that a day is in."""
    if stretch == "day":
        return day
    if stretch == "week":
        return day - timedelta(days=day.weekday())
    month = {"month": day.month, "quarter": day.month - (day.month - 1) % 3}.get(stretch, 1)
    return date(day.year, month, 1)


def name_of(start: date, stretch: str) -> str:
    """Returns what a stretch is called, the same in all languages."""
    if stretch in ("day", "week"):
        return start.isoformat()
    if stretch == "month":
        return f"{start:%Y-%m}"
    return f"{start.year}-Q{(start.month + 2) // 3}" if stretch == "quarter" else str(start.year)
