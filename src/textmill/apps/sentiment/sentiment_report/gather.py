"""From totals to what the page shows and `--json` prints: shares with intervals, and quotes.

A share is the mean of the probabilities, not the count of likeliest labels: with calibrated probabilities it is right
on average also where single texts are told wrongly. Its interval is Wilson's for as many texts.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from textmill.apps.sentiment.labels import usual
from textmill.apps.sentiment.sentiment_report.dates import name_of, start_of, stretch_for
from textmill.apps.sentiment.sentiment_report.totals import Sums, Totals
from textmill.evaluate.intervals import Z, wilson

MOST_ASPECTS = 40
MOST_DRIFTS = 12
FEWEST_MENTIONS = 5
BINS = 10


def gather(totals: Totals, earlier: Sequence[Totals]) -> dict[str, Any]:
    """Returns the report's document."""
    labels = totals.labels
    return {
        "name": totals.name,
        "columns": {"text": totals.text, "date": totals.date, "truth": totals.truth, "by": list(totals.by)},
        "rows": totals.rows,
        "judged": totals.all.rows,
        "unsure": totals.unsure,
        "abstained": dict(totals.abstained),
        "labels": list(labels),
        "shares": [
            share_of(totals.all, label) | {"label": label, "likeliest": totals.counts[label]} for label in labels
        ],
        "balance": balance(totals.all),
        "trend": trend(totals),
        "aspects": aspects(totals),
        "texts_with_aspects": totals.groups.texts,
        "segments": [segment(column, values, labels) for column, values in totals.segments.items()],
        "drift": [drift(totals, other) for other in earlier],
        "reliability": reliability(totals.told),
        "wrong": [
            {"probability": chance, "text": text, "label": label, "truth": truth}
            for chance, text, label, truth in totals.wrong
        ],
        "quotes": {label: [text for _, text in found] for label, found in totals.quotes.items()},
    }


def share_of(sums: Sums, label: str) -> dict[str, Any]:
    """Returns a label's share with its interval."""
    return wilson_of(sums.chances[label], sums.rows)


def wilson_of(part: float, n: int) -> dict[str, Any]:
    """Returns Wilson's interval of a sum of probabilities, which need not be whole."""
    if not n:
        return wilson(0, 0).as_dict()
    share, z2 = min(max(part / n, 0.0), 1.0), Z * Z
    middle, half = share + z2 / (2 * n), Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low, high = (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)
    return {"value": share, "low": min(max(0.0, low), share), "high": max(min(1.0, high), share), "n": n}


def balance(sums: Sums) -> float | None:
    """Returns the share of praise less that of blame; None where the labels do not say which is which."""
    words = {usual(label): label for label in sums.chances}
    if not sums.rows or "positive" not in words or "negative" not in words:
        return None
    return (sums.chances[words["positive"]] - sums.chances[words["negative"]]) / sums.rows


def shares_of(sums: Sums, labels: Sequence[str]) -> dict[str, Any]:
    """Returns the shares of all labels, and of how many texts."""
    return {"n": sums.rows, "balance": balance(sums), "shares": {label: share_of(sums, label) for label in labels}}


def trend(totals: Totals) -> dict[str, Any] | None:
    """Returns the shares by stretches of time; None where there are not two."""
    if len(totals.days) < 2:
        return None
    stretch = stretch_for(min(totals.days), max(totals.days))
    parts: dict[date, Sums] = {}
    for day, sums in sorted(totals.days.items()):
        parts.setdefault(start_of(day, stretch), Sums()).add(sums.chances, sums.rows)
    points = [
        {"start": start.isoformat(), "name": name_of(start, stretch)} | shares_of(sums, totals.labels)
        for start, sums in parts.items()
    ]
    return {"stretch": stretch, "undated": totals.undated, "points": points} if len(points) > 1 else None


def aspects(totals: Totals) -> list[dict[str, Any]]:
    """Returns the commonest aspects, with the form in which they are written most."""
    found = []
    for group in totals.groups.ordered()[:MOST_ASPECTS]:
        written = group.forms.most_common(1)[0][0]
        mentioned = wilson_of(group.count, totals.all.rows)
        found.append(group.as_dict() | {"written": written, "mentioned": mentioned})
    return found


def segment(column: str, values: dict[str, Sums], labels: Sequence[str]) -> dict[str, Any]:
    """Returns the shares by the values of a column, the commonest first."""
    rows = sorted(values.items(), key=lambda item: (item[0] == "…", -item[1].rows, item[0]))
    return {"column": column, "values": [{"value": value} | shares_of(sums, labels) for value, sums in rows]}


def difference(now: float, n_now: int, then: float, n_then: int) -> dict[str, Any]:
    """Returns the difference of two shares with its 95% interval, and whether that leaves out zero."""
    spread = math.sqrt(now * (1 - now) / max(1, n_now) + then * (1 - then) / max(1, n_then))
    low, high = now - then - Z * spread, now - then + Z * spread
    return {"now": now, "then": then, "value": now - then, "low": low, "high": high, "clear": low > 0 or high < 0}


def drift(totals: Totals, other: Totals) -> dict[str, Any]:
    """Returns how the shares and the mentions of aspects have moved since another file."""
    n, n_then = totals.all.rows, other.all.rows
    labels = tuple(dict.fromkeys((*totals.labels, *other.labels)))
    shares = [
        {"label": label} | difference(totals.all.chances[label] / n, n, other.all.chances[label] / n_then, n_then)
        for label in labels
    ]
    before, after = other.groups.found, totals.groups.found
    names = {name for groups in (before, after) for name, group in groups.items()
             if name and group.count >= FEWEST_MENTIONS}  # fmt: skip
    moved = []
    for name in sorted(names):
        counts = [groups[name].count if name in groups else 0 for groups in (after, before)]
        moved.append({"aspect": name} | difference(counts[0] / n, n, counts[1] / n_then, n_then))
    clear = sorted((item for item in moved if item["clear"]), key=lambda item: -abs(item["value"]))
    return {"name": other.name, "n": n_then, "shares": shares, "aspects": clear[:MOST_DRIFTS], "compared": len(moved)}


def reliability(told: Sequence[tuple[float, bool]]) -> dict[str, Any] | None:
    """Returns what was told and what came true by bins of probability; None where the file has no labels."""
    if not told:
        return None
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for chance, right in told:
        bins[min(int(chance * BINS), BINS - 1)].append((chance, right))
    points = []
    for inside in bins:
        if inside:
            right = wilson(sum(right for _, right in inside), len(inside)).as_dict()
            points.append({"told": sum(chance for chance, _ in inside) / len(inside), "right": right})
    error = sum(point["right"]["n"] * abs(point["told"] - point["right"]["value"]) for point in points) / len(told)
    accuracy = wilson(sum(right for _, right in told), len(told)).as_dict()
    return {"accuracy": accuracy, "calibration_error": error, "points": points}
