"""A model card from facts alone: the README.md that a hub shows, with its metadata block.

    events, settings, corpus manifest, evaluations/ ─▶ what it is, data, training, scores, energy, limits

Nothing is praised and nothing is guessed without saying so. Values of the metadata block are JSON, which is YAML too.
"""

import json
from pathlib import Path
from typing import Any

from textmill.evaluate.evaluation_report.markdown import markdown_table, plain
from textmill.evaluate.evaluation_report.words import interval, is_share, number, shot_text
from textmill.i18n import t
from textmill.report.lines import Chart, Series, as_text, thinned
from textmill.report.numbers import count, short, size
from textmill.train.record import Record, smoothed
from textmill.train.run_report.gather import Prices, gather

FILE = "README.md"
TAG = "textmill"


def model_card(
    record: Record,
    *,
    step: int,
    corpus: dict[str, Any] | None,
    evaluations: list[dict[str, Any]],
    licence: str = "",
    prices: Prices | None = None,
) -> str:
    """Returns the card of a run's checkpoint. `corpus`: its manifest; `evaluations`: results of these weights."""
    found = gather(record, prices or Prices())
    name = f"{record.name}@{step}"
    parts = [
        metadata(found, name, corpus, evaluations, licence),
        f"# {plain(name)}",
        t("model_card.lead", parameters=count(found["parameters"] or 0), tokens=short(found["tokens"])),
        section("scores", scores(record, step, evaluations)),
        section("data", data(found, corpus)),
        section("training", training(record, found, step)),
        section("energy", energy(found["costs"])),
        section("limits", limits(found, corpus, evaluations)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def section(key: str, content: str) -> str:
    """Returns a section with its heading."""
    return f"## {t(f'model_card.{key}_title')}\n\n{content}"


def metadata(
    found: dict[str, Any], name: str, corpus: dict[str, Any] | None, evaluations: list[dict[str, Any]], licence: str
) -> str:
    """Returns the block that hubs read."""
    languages = sorted(language for language in (corpus or {}).get("languages", {}) if len(language) in (2, 3))
    results = [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": result["suite"]["name"], "type": result["suite"]["name"]},
            "metrics": [{"type": result["suite"]["metric"], "value": round(score["value"], 4)}],
        }
        for result in evaluations
        if (score := result["scores"].get(result["suite"]["metric"])) and score["value"] is not None
    ]
    values: dict[str, Any] = {
        "license": licence or "other",
        "language": [language for language in languages if language not in ("und", "mul")],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": [TAG],
        "model-index": [{"name": name, "results": results}] if results else None,
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value]
    return "\n".join(["---", *lines, "---"])


def scores(record: Record, step: int, evaluations: list[dict[str, Any]]) -> str:
    """Returns the held-out score and the table of evaluations."""
    parts = []
    for event in [event for event in record.of("evaluation") if event["step"] <= step][-1:]:
        told = {key: event[key] for key in ("bits_per_byte", "low", "high")}
        parts.append(t("model_card.held_out", documents=count(event["documents"]), **told))
    rows = []
    for result in evaluations:
        rules, cheap = result["suite"], result["baseline"]
        score = result["scores"].get(rules["metric"])
        if score is None:
            continue
        chance = "–" if rules["chance"] is None else number(rules["chance"], "accuracy")
        rows.append(
            (
                rules["name"],
                t(f"evaluate.figure_{rules['metric']}"),
                number(score["value"], rules["metric"]),
                interval(score, rules["metric"]),
                count(score["n"]),
                chance,
                "–" if not cheap else number(cheap["value"], "accuracy"),
                shot_text(rules["shots"]),
            )
        )
    if rows:
        names = ("suite", "figure", "score", "interval", "n", "chance", "baseline")
        heads = [t(f"evaluate.{name}_column") for name in names] + [t("model_card.shots")]
        parts.append(markdown_table(heads, rows))
        paths = ", ".join(dict.fromkeys(result["path"] for result in evaluations))
        parts.append(t("model_card.computed", path=paths))
    else:
        parts.append(t("model_card.no_scores"))
    return "\n\n".join(parts)


def data(found: dict[str, Any], corpus: dict[str, Any] | None) -> str:
    """Returns what it was trained on, by fingerprint."""
    rows = [(t(f"run_report.{key}_hash"), f"`{value}`") for key, value in found["data"].items()]
    text = found["text"]
    if text:
        rows.append((t("run_report.documents"), count(text["documents"])))
        rows.append((t("run_report.epoch_tokens"), count(text["epoch_tokens"])))
    if found["epochs"] is not None:
        rows.append((t("run_report.epochs"), f"{found['epochs']:.2f}"))
    if corpus is not None:
        rows.append((t("model_card.bytes"), size(corpus["bytes"])))
        rows.append((t("model_card.languages"), shares(corpus["languages"], corpus["bytes"])))
    return markdown_table((t("run_report.what"), t("run_report.value")), rows)


def shares(parts: dict[str, Any], whole: int) -> str:
    """Returns languages by their share of the bytes."""
    ordered = sorted(parts.items(), key=lambda item: -item[1]["bytes"])
    return ", ".join(f"{name} {100 * value['bytes'] / max(1, whole):.1f}%" for name, value in ordered[:8])


def training(record: Record, found: dict[str, Any], step: int) -> str:
    """Returns steps, speed, kernels, settings and the curve."""
    kernels = ", ".join(f"{key} {value}" for key, value in found["kernels"].items())
    words = {"steps": count(step), "tokens": short(found["tokens"]), "hours": found["seconds"] / 3600}
    parts = [t("model_card.trained", kernels=kernels, **words)]
    points = thinned(smoothed([point for point in record.curve("bits_per_byte") if point[0] <= step], 0.9), 120)
    if len(points) > 1:
        series = [Series(name="", points=points)]
        chart = Chart(title="", x=t("runs.axis_step"), y=t("runs.bits_per_byte"), series=series)
        parts.append(f"```text\n{as_text(chart, columns=76, rows=10)}\n```")
    changed = [(f"`{name}`", plain(str(value))) for name, value in found["changed"].items()]
    if changed:
        parts.append(markdown_table((t("run_report.setting"), t("run_report.value")), changed))
    else:
        parts.append(t("run_report.all_default"))
    return "\n\n".join(parts)


def energy(costs: dict[str, Any]) -> str:
    """Returns the estimate of energy with its formula."""
    guess = t("run_report.guessed" if costs["guessed"] else "run_report.given")
    return t(
        "run_report.energy", hours=costs["hours"], watts=costs["watts"], guess=guess, energy=costs["kilowatt_hours"]
    )


def limits(found: dict[str, Any], corpus: dict[str, Any] | None, evaluations: list[dict[str, Any]]) -> str:
    """Returns what follows from the facts for whoever wants to use the model."""
    context = found["model"].get("context")
    lines = [t("model_card.limit_context", context=count(context))] if context else []
    lines.append(t("model_card.limit_languages", languages=", ".join((corpus or {}).get("languages", {})) or "–"))
    no_better = [
        result["suite"]["name"]
        for result in evaluations
        if (score := result["scores"].get(result["suite"]["metric"]))
        and is_share(result["suite"]["metric"])
        and score["low"] is not None
        and score["low"] <= max(result["suite"]["chance"] or 0.0, (result["baseline"] or {}).get("value") or 0.0)
    ]
    if no_better:
        lines.append(t("model_card.limit_chance", suites=", ".join(no_better)))
    seen = [r["suite"]["name"] for r in evaluations if r["contamination"] and r["contamination"]["found"]]
    if seen:
        lines.append(t("model_card.limit_seen", suites=", ".join(seen)))
    lines.append(t("model_card.limit_text"))
    return "\n".join(f"- {line}" for line in lines)


def evaluations_of(root: Path, weights_hash: str) -> list[dict[str, Any]]:
    """Returns the results below `root` of a model with these weights, by suite."""
    results = []
    for file in sorted(root.glob("*/*.json")) if root.is_dir() else []:
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
            if result["model"]["hash"] == weights_hash:
                results.append(result)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return results
