"""What the page draws: stacked shares, columns over time, a reliability diagram; each stands beside a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from textmill.apps.sentiment.labels import NUMBER, usual
from textmill.i18n import t
from textmill.report.lines import Chart, Series, as_svg
from textmill.report.markup import Markup, element, foreign, joined

SHADES = {"negative": "blame", "neutral": "middle", "positive": "praise", "mixed": "both"}
STEPS = ("blame", "blame soft", "middle", "praise soft", "praise")


def shades(labels: Sequence[str]) -> dict[str, str]:
    """Returns the class that colours each label: blame and praise, steps for ratings, else one colour a label."""
    if all(NUMBER.fullmatch(label) for label in labels) and len(labels) > 1:
        last = len(labels) - 1
        return {label: STEPS[round(place * 4 / last)] for place, label in enumerate(labels)}
    named = {label: SHADES.get(usual(label), "") for label in labels}
    if all(named.values()):
        return named
    return {label: f"f{place % 6}" for place, label in enumerate(labels)}


def legend(colours: Mapping[str, str]) -> Markup:
    """Returns the labels with their colours."""
    keys = []
    for label, shade in colours.items():
        square = element("svg", element("rect", width="10", height="10", class_=shade), class_="swatch",
                         viewBox="0 0 10 10", aria_hidden="true")  # fmt: skip
        keys.append(element("span", square, foreign(shown_label(label))))
    return element("p", keys, class_="legend faint")


def shown_label(label: str) -> str:
    """Returns a label in the interface's language where it is one of the usual words."""
    return t(f"sentiment_report.label_{label}") if label in SHADES else label


def stacked(
    shares: Mapping[str, float], colours: Mapping[str, str], *, scale: float = 1.0, tall: bool = False
) -> Markup:
    """Returns a bar of all labels side by side; `scale`: how much of the width is the whole."""
    parts, left = [], 0.0
    for label, shade in colours.items():
        width = 100 * scale * min(max(shares.get(label, 0.0), 0.0), 1.0)
        if width > 0:
            parts.append(element("rect", x=f"{left:.2f}", y="0", width=f"{width:.2f}", height="10", class_=shade))
            left += width
    kind = "bar tall" if tall else "bar"
    return element("svg", parts, class_=kind, viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")


def columns_over_time(points: Sequence[Mapping[str, Any]], colours: Mapping[str, str], description: str) -> Markup:
    """Returns a column of stacked shares a stretch, and below it one whose height tells how many texts there were."""
    width, most = 100 / len(points), max(point["n"] for point in points)
    upper, lower = [], []
    for place, point in enumerate(points):
        at, wide = f"{(place + 0.06) * width:.3f}", f"{width * 0.88:.3f}"
        top = 0.0
        for label, shade in reversed(list(colours.items())):
            height = 100 * point["shares"][label]["value"]
            upper.append(element("rect", x=at, y=f"{top:.2f}", width=wide, height=f"{height:.2f}", class_=shade))
            top += height
        height = max(2.0, 100 * point["n"] / most)
        lower.append(element("rect", x=at, y=f"{100 - height:.2f}", width=wide, height=f"{height:.2f}", class_="count"))
    same = {"viewBox": "0 0 100 100", "preserveAspectRatio": "none"}
    every = max(1, -(-len(points) // 6))
    marks = [element("span", point["name"] if place % every == 0 else "") for place, point in enumerate(points)]
    return element(
        "figure",
        element("svg", upper, class_="histogram", role="img", aria_label=description, **same),
        element("svg", lower, class_="counts", aria_hidden="true", **same),
        element("div", marks, class_="marks", aria_hidden="true"),
        element("p", t("sentiment_report.trend_axis"), class_="axis"),
    )


def diagram(found: Mapping[str, Any]) -> Markup:
    """Returns the reliability diagram: what was told against what came true, the diagonal for comparison."""
    points = found["points"]
    low = min(0.5, min(point["told"] for point in points), min(point["right"]["low"] for point in points))
    band = [(point["told"], point["right"]["low"], point["right"]["high"]) for point in points]
    chart = Chart(
        title=t("sentiment_report.reliability_title"),
        x=t("sentiment_report.told"),
        y=t("sentiment_report.came_true"),
        series=(
            Series(
                name=t("sentiment_report.came_true"),
                points=[(point["told"], point["right"]["value"]) for point in points],
                dots=True,
                band=band,
            ),
            Series(name=t("sentiment_report.perfect"), points=[(low, low), (1.0, 1.0)]),
        ),
    )
    keys = element(
        "p",
        element("span", element("i", class_="key b0"), t("sentiment_report.came_true")),
        element("span", element("i", class_="key b1"), t("sentiment_report.perfect")),
        class_="legend faint",
    )
    return joined(element("figure", as_svg(chart), class_="square"), keys)
