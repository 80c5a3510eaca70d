"""The same report as Markdown: tables that a README takes as they are."""

from collections.abc import Sequence
from typing import Any

from textmill.evaluate.evaluation_report.words import (
    chance_text,
    interval,
    model_facts,
    notes_of,
    number,
    paired_text,
    shot_text,
)
from textmill.i18n import t
from textmill.report.numbers import count


def evaluation_markdown(found: dict[str, Any]) -> str:
    """Returns the whole text."""
    names = ", ".join(model["name"] for model in found["models"])
    parts = [f"# {plain(t('evaluation_report.title', names=names))}", scores_table(found)]
    rows = [
        (suite["name"], pair["first"], pair["second"], *paired_text(pair, suite["rules"]["metric"]))
        for suite in found["suites"]
        for pair in suite["pairs"]
        if pair["n"]
    ]
    if rows:
        heads = ("first", "second", "difference", "interval", "only", "p", "verdict")
        titles = [t("evaluate.suite_column")] + [
            "p" if head == "p" else t("evaluate.interval_column" if head == "interval" else f"evaluation_report.{head}")
            for head in heads
        ]
        parts += [f"## {t('evaluation_report.pairs_title')}", markdown_table(titles, rows)]
        parts.append(t("evaluation_report.pairs_note"))
    parts.append(f"## {t('evaluation_report.models_title')}")
    heads = [t(f"evaluation_report.{name}") for name in ("model", "parameters", "step", "weights", "path")]
    parts.append(markdown_table(heads, [model_facts(model) for model in found["models"]]))
    parts.append(f"## {t('evaluation_report.rules_title')}")
    for suite in found["suites"]:
        rules = suite["rules"]
        shots = t("evaluation_report.shots", shots=shot_text(rules["shots"]))
        lines = [f"**{plain(suite['name'])}**: `{rules['rule']}` · {shots}", *notes_of(suite)]
        parts.append("  \n".join(lines))
    return "\n\n".join(parts) + "\n"


def scores_table(found: dict[str, Any]) -> str:
    """Returns the table of all scores."""
    heads = [t(f"evaluate.{name}_column") for name in ("suite", "score", "interval", "n", "figure")]
    heads = [heads[0], t("evaluation_report.model"), *heads[1:], t("evaluation_report.without_model")]
    rows = []
    for suite in found["suites"]:
        metric = suite["rules"]["metric"]
        for name, scores in suite["scores"].items():
            score = scores.get(metric)
            if score is not None:
                figure = t(f"evaluate.figure_{metric}")
                told = (number(score["value"], metric), interval(score, metric), count(score["n"]), figure)
                rows.append((suite["name"], name, *told, chance_text(suite)))
    return markdown_table(heads, rows)


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(plain(str(value)) for value in line) + " |" for line in lines)


def plain(text: str) -> str:
    """Returns text that no sign in it can end its cell or begin an element."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
