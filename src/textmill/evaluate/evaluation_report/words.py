"""Figures, rules and notes of an evaluation in words, for the page and for Markdown."""

from typing import Any

from textmill.evaluate.notes import told_problems
from textmill.i18n import t
from textmill.report.numbers import count, short

SIGNIFICANT = 0.05


def is_share(metric: str) -> bool:
    """True for figures that are told in per cent."""
    return metric.startswith(("accuracy", "exact", "pass", "contains", "centred", "probability", "macro", "sentence"))


def number(value: float | None, metric: str) -> str:
    """Returns a figure for people."""
    if value is None or value != value:
        return "–"
    return f"{100 * value:.1f}%" if is_share(metric) else f"{value:.3f}" if abs(value) < 1000 else short(value)


def interval(score: dict[str, Any], metric: str) -> str:
    """Returns a 95% interval."""
    return f"{number(score['low'], metric)} – {number(score['high'], metric)}"


def chance_text(suite: dict[str, Any]) -> str:
    """Returns what one gets without a model: chance, and the cheap baseline by its name."""
    parts = []
    if suite["rules"]["chance"] is not None:
        parts.append(t("evaluation_report.chance", value=number(suite["rules"]["chance"], "accuracy")))
    if suite["baseline"]:
        rule = t(f"evaluate.rule_{suite['baseline']['rule']}")
        parts.append(f"{rule}: {number(suite['baseline']['value'], 'accuracy')}")
    return "; ".join(parts) or "–"


def shot_text(shots: str) -> str:
    """Returns the few-shot rule in words."""
    words = shots.split()
    if words == ["0"]:
        return t("evaluation_report.shots_none")
    if words[1] == "first":
        return t("evaluation_report.shots_first", count=words[0])
    return t("evaluation_report.shots_seeded", count=words[0], seed=words[2])


def paired_text(pair: dict[str, Any], metric: str) -> tuple[str, str, str, str, str]:
    """Returns difference, interval, how many only one has right, p, and what that says."""

    def signed(value: float) -> str:
        return f"{100 * value:+.1f}" if is_share(metric) else f"{value:+.3f}"

    only = f"{count(pair['only_first'])} / {count(pair['only_second'])}"
    sure = pair["p"] < SIGNIFICANT
    word = "no_difference" if not sure else "more" if pair["difference"] > 0 else "less"
    p = f"{pair['p']:.3f}" if pair["p"] >= 0.001 else "<0.001"
    verdict = t(f"evaluation_report.{word}", first=pair["first"])
    return signed(pair["difference"]), f"{signed(pair['low'])} – {signed(pair['high'])}", only, p, verdict


def notes_of(suite: dict[str, Any]) -> list[str]:
    """Returns what there is to know about a suite's items, by model where they differ."""
    lines: list[str] = []
    for name, problems in suite["problems"].items():
        found, n = suite["contamination"][name], max(score["n"] for score in suite["scores"][name].values())
        for line in told_problems(suite["name"], n, problems, found):
            if line not in lines:
                lines.append(line)
    for name, template in suite["chat"].items():
        if template:
            lines.append(f"{name}: {t(f'evaluate.chat_{template}')}")
    for name in suite["other_items"]:
        lines.append(t("evaluation_report.other_items", name=name))
    return lines


def model_facts(model: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Returns a model's line."""
    step = "–" if model["step"] is None else count(model["step"])
    return model["name"], short(model["parameters"]), step, model["hash"][:12], ", ".join(model["paths"])
