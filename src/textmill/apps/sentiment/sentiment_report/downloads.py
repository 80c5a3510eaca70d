"""The page's tables to take away, in the page itself: links whose address is the file."""

import base64
import io
from collections.abc import Sequence
from typing import Any

from textmill.apps.sentiment.results import write_rows
from textmill.i18n import t
from textmill.report.markup import Markup, element, joined

TYPES = {".csv": "text/csv", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def tables_of(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Returns the tables by name, as rows."""
    tables: dict[str, list[dict[str, Any]]] = {
        "shares": [{name: share[name] for name in ("label", "value", "low", "high", "n", "likeliest")}
                   for share in found["shares"]],
        "trend": [{"start": point["start"]} | flat(point) for point in (found["trend"] or {"points": []})["points"]],
        "segments": [{"column": segment["column"], "value": value["value"]} | flat(value)
                     for segment in found["segments"] for value in segment["values"]],
        "aspects": [{"aspect": aspect["written"], "mentions": aspect["count"]}
                    | {label: aspect["labels"].get(label, 0) for label in found["labels"]}
                    for aspect in found["aspects"]],
        "aspect quotes": [{"aspect": aspect["written"], "label": label, **quote} for aspect in found["aspects"]
                          for label, quotes in aspect["quotes"].items() for quote in quotes],
        "drift": [{"since": drift["name"]} | {"of": item.get("label") or item.get("aspect")}
                  | {name: item[name] for name in ("now", "then", "value", "low", "high")}
                  for drift in found["drift"] for item in (*drift["shares"], *drift["aspects"])],
    }  # fmt: skip
    return {name: rows for name, rows in tables.items() if rows}


def flat(point: dict[str, Any]) -> dict[str, Any]:
    """Returns shares with their intervals side by side."""
    row: dict[str, Any] = {"n": point["n"]}
    for label, share in point["shares"].items():
        row |= {label: share["value"], f"{label} low": share["low"], f"{label} high": share["high"]}
    return row


def address(rows: Sequence[dict[str, Any]], ending: str) -> str:
    """Returns a table as a data: address."""
    file = io.BytesIO()
    write_rows(file, ending, lambda: iter(rows))
    return f"data:{TYPES[ending]};base64,{base64.b64encode(file.getvalue()).decode()}"


def downloads(found: dict[str, Any]) -> Markup:
    """Returns the links."""
    items = []
    for name, rows in tables_of(found).items():
        title = t(f"sentiment_report.table_{name.replace(' ', '_')}")
        links = [
            element("a", ending[1:].upper(), href=address(rows, ending), download=f"{name.replace(' ', '-')}{ending}")
            for ending in TYPES
        ]
        items.append(element("li", title, ": ", links[0], " · ", links[1]))
    return joined(element("p", t("sentiment_report.downloads_note"), class_="faint"), element("ul", items))
