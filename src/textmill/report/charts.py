"""Charts without a library: inline SVG inside tables, so that each chart is also text.

A bar stands in the row of the table whose number it shows; the drawing is hidden from screen readers, which have it.
All colours are classes of page.css, which knows light and dark.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from textmill.report.markup import Content, Markup, element, joined
from textmill.report.numbers import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its heading, whether it holds numbers (which stand to the right), whether it draws."""

    title: str
    number: bool = False
    chart: bool = False


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Content]], *, empty: str = "") -> Markup:
    """Returns a table whose first column names its rows; one that is too wide scrolls by itself, also by keyboard."""
    if not rows:
        return element("p", empty, class_="empty") if empty else Markup("")
    heads = [element("th", column.title, scope="col", class_=class_of(column)) for column in columns]
    lines = []
    for row in rows:
        cells = [element("th", row[0], scope="row")]
        cells += [
            element("td", cell, class_=class_of(column)) for column, cell in zip(columns[1:], row[1:], strict=True)
        ]
        lines.append(element("tr", cells))
    inner = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", heads)),
        element("tbody", lines),
    )
    return element("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def class_of(column: Column) -> str | None:
    """Returns the class of a column's cells."""
    return "number" if column.number else "chart" if column.chart else None


def bar(*parts: tuple[float, str]) -> Markup:
    """Returns a bar of parts side by side, each (share of the whole width 0 … 1, class); classes: kept, lost, rest."""
    rectangles, left = [], 0.0
    for part, kind in parts:
        width = 100 * min(max(part, 0.0), 1.0)
        if width > 0:
            seen = max(width, 0.6)  # what is not nothing must not look like nothing
            rectangles.append(element("rect", x=f"{left:.2f}", y="0", width=f"{seen:.2f}", height="10", class_=kind))
            left += width
    return element(
        "svg", rectangles, class_="bar", viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true"
    )


def bars(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[tuple[Content, float, Sequence[Content]]],
    *,
    empty: str = "",
) -> Markup:
    """Returns a table of (name, value, further cells) with a bar for each value, the longest filling the width."""
    longest = max((value for _, value, _ in rows), default=0) or 1
    lines = [(name, bar((value / longest, "kept")), *cells) for name, value, cells in rows]
    return table(caption, (columns[0], Column(title="", chart=True), *columns[1:]), lines, empty=empty)


def histogram(caption: str, description: str, bins: Sequence[tuple[str, int]], axis: str, headings: tuple[str, str],
              as_table: str) -> Markup:  # fmt: skip
    """Returns a histogram of (label, count) bins with its table folded away below; `description`: it in words."""
    most = max((number for _, number in bins), default=0) or 1
    width = 100 / max(1, len(bins))
    rectangles = []
    for place, (_, number) in enumerate(bins):
        height = 100 * number / most
        if number:
            height = max(height, 1.0)
            rectangles.append(
                element(
                    "rect",
                    x=f"{place * width + width * 0.06:.2f}",
                    y=f"{100 - height:.2f}",
                    width=f"{width * 0.88:.2f}",
                    height=f"{height:.2f}",
                    class_="kept",
                )
            )
    drawing = element(
        "svg",
        rectangles,
        class_="histogram",
        viewBox="0 0 100 100",
        preserveAspectRatio="none",
        role="img",
        aria_label=description,
    )
    every = max(1, -(-len(bins) // 8))
    marks = [element("span", label if place % every == 0 else "") for place, (label, _) in enumerate(bins)]
    rows = [(label, count(number)) for label, number in bins]
    columns = (Column(title=headings[0]), Column(title=headings[1], number=True))
    folded = element("details", element("summary", as_table), table(caption, columns, rows))
    labels = element("div", marks, class_="marks", aria_hidden="true")
    return joined(
        element("figure", element("figcaption", caption), drawing, labels, element("p", axis, class_="axis")), folded
    )
