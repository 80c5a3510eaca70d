"""The table of `textmill evaluate`: a line a suite, with its interval, chance and baseline; what there is to know."""

from collections.abc import Iterator
from typing import Any

from textmill.cli.layout import table
from textmill.i18n import t

COLUMNS = ("suite", "figure", "score", "interval", "n", "chance", "baseline", "rate")


def results_table(results: list[dict[str, Any]]) -> str:
    """Returns the table of all results."""
    rows = [[t(f"evaluate.{column}_column") for column in COLUMNS]]
    return table(rows + [row(result) for result in results])


def row(result: dict[str, Any]) -> list[str]:
    """Returns a suite's line."""
    suite, cheap, rate = result["suite"], result["baseline"], result["items_per_second"]
    score = result["scores"].get(suite["metric"]) or {"value": None, "low": None, "high": None, "n": 0}
    percent = is_share(suite["metric"])
    return [
        suite["name"],
        t(f"evaluate.figure_{suite['metric']}"),
        number(score["value"], percent),
        f"{number(score['low'], percent)} – {number(score['high'], percent)}",
        f"{score['n']:,}",
        number(suite["chance"], True),
        "–" if cheap is None else f"{number(cheap['value'], True)} ({t('evaluate.rule_' + cheap['rule'])})",
        "–" if rate is None else f"{rate:,.1f}",
    ]


def is_share(metric: str) -> bool:
    """True for figures that are told in per cent."""
    return metric.startswith(("accuracy", "exact", "pass", "contains", "centred", "probability"))


def number(value: float | None, percent: bool) -> str:
    """Returns a figure for people."""
    if value is None or value != value:
        return "–"
    return f"{100 * value:.1f}%" if percent else f"{value:.3f}"


def told_problems(results: list[dict[str, Any]]) -> Iterator[str]:
    """Yields a line for each thing to know about a suite's items, with the rule by which they were treated."""
    for result in results:
        name, problems, found = result["suite"]["name"], result["problems"], result["contamination"]
        if problems["not_items"]:
            fields = ", ".join(f"{field}: {count:,}" for field, count in problems["not_items"].items())
            count = sum(problems["not_items"].values())
            yield t("evaluate.not_items", name=name, count=count, fields=fields, first=problems["first_not_item"])
        for key in ("equal_choices", "cut", "too_long"):
            if problems[key]:
                yield t(f"evaluate.{key}", name=name, count=problems[key])
        if found is not None:
            values = {"found": found["found"], "n": result["n"], "short": found["too_short"]}
            yield t("evaluate.contaminated", name=name, documents=found["documents"], **values)
