"""The table of `textmill evaluate`: a line a suite, with its interval, chance and baseline; what there is to know."""

from collections.abc import Iterator
from typing import Any

from textmill.cli.layout import table
from textmill.evaluate.evaluation_report.words import interval, number
from textmill.evaluate.notes import told_problems
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
    return [
        suite["name"],
        t(f"evaluate.figure_{suite['metric']}"),
        number(score["value"], suite["metric"]),
        interval(score, suite["metric"]),
        f"{score['n']:,}",
        number(suite["chance"], "accuracy"),
        "–" if cheap is None else f"{number(cheap['value'], 'accuracy')} ({t('evaluate.rule_' + cheap['rule'])})",
        "–" if rate is None else f"{rate:,.1f}",
    ]


def notes(results: list[dict[str, Any]]) -> Iterator[str]:
    """Yields a line for each thing to know about the suites' items."""
    for template in dict.fromkeys(result["model"].get("chat", "") for result in results):
        if template:
            yield t(f"evaluate.chat_{template}")
    for result in results:
        yield from told_problems(result["suite"]["name"], result["n"], result["problems"], result["contamination"])
