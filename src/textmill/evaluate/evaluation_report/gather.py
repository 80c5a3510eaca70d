"""What a report of evaluations shows, read from the results' folders.

    evaluations/MODEL/SUITE.json + SUITE.jsonl  ─▶  suites [{name, rules, scores by model, paired tests, items}]

Models are compared in pairs only where they were asked the very same items.
"""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from textmill.errors import InputError
from textmill.evaluate.intervals import paired
from textmill.evaluate.likelihood import Likelihood
from textmill.evaluate.metrics import shares_of_choices
from textmill.i18n import t

SHOWN_ITEMS = 12
BINARY = ("accuracy", "accuracy_normalised", "accuracy_per_byte", "accuracy_per_token", "exact_match", "pass_at_1")


def gather(folders: Sequence[Path], *, items: int = SHOWN_ITEMS) -> dict[str, Any]:
    """Returns what the page shows, ready for JSON."""
    models = [read_model(folder) for folder in folders]
    names = unique(models)
    order = list(dict.fromkeys(suite for model in models for suite in model["results"]))
    return {
        "models": [{"name": name, **about(model)} for name, model in zip(names, models, strict=True)],
        "suites": [gather_suite(suite, names, models, items) for suite in order],
    }


def unique(models: Sequence[dict[str, Any]]) -> list[str]:
    """Returns a name for each: the model's; where it comes again, with what tells its results apart.

    That is the chat template, then the precision, then the folder's folder; a number where nothing does.
    """
    names = [told_name(model, 0) for model in models]
    for depth in (1, 2):
        counts = Counter(names)
        deeper = [told_name(model, depth) for model in models]
        names = [other if counts[name] > 1 else name for name, other in zip(names, deeper, strict=True)]
    return [
        name if names.count(name) == 1 else f"{name} ({names[: at + 1].count(name)})" for at, name in enumerate(names)
    ]


def told_name(model: dict[str, Any], depth: int) -> str:
    """Returns a model's name with so much of what may tell its results from others of the same model."""
    results = model["results"].values()
    parts = [model["name"]]
    if any(result["model"].get("chat") for result in results):
        parts.append(t("evaluation_report.chat"))
    if depth:
        parts.append("/".join(dict.fromkeys(result["path"].partition(" ")[0] for result in results)))
    if depth > 1:
        parts.append(model["folder"].parent.name)
    return " · ".join(part for part in parts if part)


def read_model(folder: Path) -> dict[str, Any]:
    """Returns a model's results by suite; InputError for a folder without any."""
    results: dict[str, Any] = {}
    for file in sorted(folder.glob("*.json")):
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
            results[result["suite"]["name"]] = result | {"lines": file.with_suffix(".jsonl")}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    if not results:
        raise InputError("evaluate.no_results", folder=folder)
    name = next(iter(results.values()))["model"]["name"]
    short = Path(name).name if "/" in name and Path(name).exists() else name
    return {"name": short, "results": results, "folder": folder}


def about(model: dict[str, Any]) -> dict[str, Any]:
    """Returns what names a model on the page."""
    first = next(iter(model["results"].values()))
    paths = dict.fromkeys(result["path"] for result in model["results"].values())
    facts = first["model"]
    return {"parameters": facts["parameters"], "step": facts["step"], "hash": facts["hash"], "paths": list(paths)}


def gather_suite(suite: str, names: list[str], models: list[dict[str, Any]], shown: int) -> dict[str, Any]:
    """Returns one suite: rules, every model's scores, the paired tests, some items."""
    having = [
        (name, model["results"][suite]) for name, model in zip(names, models, strict=True) if suite in model["results"]
    ]
    first, rules = having[0][1], having[0][1]["suite"]
    lines = {name: read_lines(result["lines"]) for name, result in having}
    same = [name for name, result in having if result["identity"]["items"] == first["identity"]["items"]]
    return {
        "name": suite,
        "rules": rules,
        "baseline": first["baseline"],
        "scores": {name: result["scores"] for name, result in having},
        "groups": {name: result["groups"] for name, result in having},
        "problems": {name: result["problems"] for name, result in having},
        "contamination": {name: told(result["contamination"]) for name, result in having},
        "path": {name: result["path"] for name, result in having},
        "chat": {name: result["model"].get("chat", "") for name, result in having},
        "pairs": [compared(one, other, lines, rules["metric"]) for one, other in combinations(same, 2)],
        "other_items": [name for name, _ in having if name not in same],
        "items": chosen_items(same, lines, rules["metric"], shown, first["contamination"]),
    }


def told(contamination: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns the numbers of a contamination check, without the single items."""
    if contamination is None:
        return None
    return {name: value for name, value in contamination.items() if name != "items"}


def read_lines(file: Path) -> dict[int, dict[str, Any]]:
    """Returns a suite's records by place; none where the file is gone."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")[1:]
        return {record["place"]: record for line in lines if line for record in [json.loads(line)]}
    except (OSError, ValueError, KeyError):
        return {}


def figure(record: dict[str, Any], metric: str) -> float | None:
    """Returns an item's own figure of a metric; of translations the sentence's, of texts the bits a byte."""
    figures = record.get("figures", {})
    if "bits" in record:
        return record["bits"] / max(1, record["bytes"])
    if metric in ("chrf", "bleu"):
        return figures.get("sentence_chrf")
    return figures.get(metric)


def compared(one: str, other: str, lines: dict[str, dict[int, dict[str, Any]]], metric: str) -> dict[str, Any]:
    """Returns the paired test of two models on the items that both have."""
    values = [
        (first, second)
        for place, record in sorted(lines[one].items())
        if place in lines[other]
        and (first := figure(record, metric)) is not None
        and (second := figure(lines[other][place], metric)) is not None
    ]
    if not values:
        return {"first": one, "second": other, "n": 0}
    found = paired([first for first, _ in values], [second for _, second in values])
    return {"first": one, "second": other, **found.as_dict()}


def chosen_items(
    names: list[str],
    lines: dict[str, dict[int, dict[str, Any]]],
    metric: str,
    shown: int,
    contamination: dict[str, Any] | None,
) -> list[dict[str, Any]]:
    """Returns some items with what each model said: first those on which models differ most, then the wrong ones."""
    places = [place for place in sorted(lines[names[0]]) if all(place in lines[name] for name in names)]

    def rank(place: int) -> tuple[float, float, int]:
        values = [figure(lines[name][place], metric) or 0.0 for name in names]
        return min(values) - max(values), sum(values), place

    found = (contamination or {}).get("items", {})
    return [
        {
            **lines[names[0]][place]["item"],
            "seen": found.get(lines[names[0]][place]["item"]["name"], []),
            "said": {name: said(lines[name][place], metric) for name in names},
        }
        for place in sorted(places, key=rank)[:shown]
    ]


def said(record: dict[str, Any], metric: str) -> dict[str, Any]:
    """Returns what a model said of an item: shares of the choices, or its text."""
    kept: dict[str, Any] = {"figure": figure(record, metric)}
    if "log_probabilities" in record:
        sums = tuple(record["log_probabilities"])
        shares = shares_of_choices(Likelihood(sums=sums, tokens=(1,) * len(sums), greedy=(False,) * len(sums)))
        kept |= {"log_probabilities": list(sums), "shares": shares}
    for name in ("text", "reason", "left_out", "bits", "bytes"):
        if name in record:
            kept[name] = record[name]
    return kept
