"""Curves: one description, drawn as text for a terminal or as SVG for pages and files.

A `Chart` holds series of points; `ticks` puts round numbers on its axes. The text is Unicode Braille, 2 × 4 dots a
character; the SVG has the classes of page.css inside a page and a style of its own in a file.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textmill.report.markup import Markup, element
from textmill.report.numbers import short

COLOURS = ("#1b6fb3", "#c8571b", "#2f8f46", "#8a4fb0", "#b0307a", "#7a6a1f")
DARK_COLOURS = ("#5aa9e6", "#f0904f", "#63c47c", "#b98fe0", "#e87db8", "#c9b458")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, HEAD = 720, 320, 58, 14, 12, 44, 36

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A curve and its name; `dots`: its points are measurements far apart and are marked; `band`: (x, low, high)."""

    name: str
    points: Sequence[Point]
    dots: bool = False
    band: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Curves with the words of their axes; `marks`: (x, word) of vertical lines."""

    title: str
    x: str
    y: str
    series: Sequence[Series]
    log_x: bool = False
    log_y: bool = False
    marks: Sequence[tuple[float, str]] = ()

    @property
    def empty(self) -> bool:
        """True when there is nothing to draw."""
        return not any(series.points for series in self.series)

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Returns the (low, high) of both axes, a little air around the values."""
        points = [point for series in self.series for point in series.points]
        heights = [y for _, y in points] + [y for series in self.series for _, *pair in series.band for y in pair]
        return _range([x for x, _ in points], self.log_x, 0.0), _range(heights, self.log_y, 0.05)


def _range(values: Sequence[float], logarithmic: bool, air: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    if logarithmic:
        factor = (high / low) ** air if high > low else 1.1
        return low / factor, high * factor
    gap = (high - low) * air if high > low else max(abs(high) * 0.1, 1e-9)
    return low - gap, high + gap


def ticks(low: float, high: float, wanted: int, *, logarithmic: bool = False) -> list[float]:
    """Returns about `wanted` round numbers within low … high."""
    if logarithmic:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        inside: list[float] = []
        for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
            inside = [s * 10.0**p for p in range(first, last + 1) for s in steps if low <= s * 10.0**p <= high]
            if len(inside) >= min(wanted, 3):
                return inside[:: max(1, len(inside) // wanted)]
        return inside or [low, high]
    rough = (high - low) / max(1, wanted)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Returns at most `most` points, each the mean of its neighbours, the last one as it is."""
    if len(points) <= most:
        return list(points)
    size = len(points) / (most - 1)
    parts = [points[round(n * size) : round((n + 1) * size)] for n in range(most - 1)]
    means = [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts if part]
    return [*means, points[-1]]


class _Scale:
    """Maps values to 0 … 1."""

    def __init__(self, low: float, high: float, logarithmic: bool) -> None:
        self.map = math.log if logarithmic else float
        self.low, self.span = self.map(low), self.map(high) - self.map(low)

    def __call__(self, value: float) -> float:
        return (self.map(value) - self.low) / self.span


def as_text(chart: Chart, columns: int = 80, rows: int = 16) -> str:
    """Returns the chart for a terminal of `columns`; with several series each has its own sign at its end."""
    (x_low, x_high), (y_low, y_high) = chart.ranges()
    scale_x, scale_y = _Scale(x_low, x_high, chart.log_x), _Scale(y_low, y_high, chart.log_y)
    marks = {rows - 1 - min(rows - 1, int(scale_y(tick) * rows)): short(tick)
             for tick in ticks(y_low, y_high, rows // 3, logarithmic=chart.log_y)}  # fmt: skip
    margin = max(map(len, marks.values()), default=0) + 1
    canvas = _Braille(max(10, columns - margin - 2), rows)
    for series in chart.series:
        places = [(scale_x(x), scale_y(y)) for x, y in series.points]
        canvas.line(places)
    signs = {}
    if len(chart.series) > 1:
        for sign, series in zip("ABCDEFGHIJ", chart.series, strict=False):
            if series.points:
                signs[sign] = series.name
                canvas.sign(scale_x(series.points[-1][0]), scale_y(series.points[-1][1]), sign)
    lines = [f"{marks.get(row, ''):>{margin}} {'┤' if row in marks else '│'}{canvas.row(row)}" for row in range(rows)]
    lines.append(" " * (margin + 1) + "└" + "─" * canvas.columns)
    lines.append(" " * (margin + 2) + _under(ticks(x_low, x_high, 6, logarithmic=chart.log_x), scale_x, canvas.columns))
    head = f"{chart.title}: {chart.y}" if chart.title else chart.y
    names = [f"  {sign} = {name}" for sign, name in signs.items()]
    return "\n".join(line.rstrip() for line in [head, *names, *lines, f"{'':>{margin + 2}}{chart.x}"])


def _under(values: Sequence[float], scale: _Scale, columns: int) -> str:
    line = [" "] * (columns + 8)
    for value in values:
        text, place = short(value), int(scale(value) * (columns - 1))
        start = max(0, place - len(text) // 2)
        if all(sign == " " for sign in line[max(0, start - 1) : start + len(text) + 1]):
            line[start : start + len(text)] = text
    return "".join(line)


class _Braille:
    """Dots in Braille characters, 2 across and 4 down in each."""

    DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.cells = [[0] * columns for _ in range(rows)]
        self.signs: dict[tuple[int, int], str] = {}

    def line(self, places: Sequence[Point]) -> None:
        """Draws through places in 0 … 1, x to the right, y up."""
        width, height = 2 * self.columns - 1, 4 * self.rows - 1
        dots = [(round(x * width), height - round(min(max(y, 0.0), 1.0) * height)) for x, y in places]
        for (x, y), (to_x, to_y) in zip(dots, dots[1:] or dots, strict=False):
            steps = max(abs(to_x - x), abs(to_y - y), 1)
            for n in range(steps + 1):
                self._dot(x + round((to_x - x) * n / steps), y + round((to_y - y) * n / steps))

    def _dot(self, x: int, y: int) -> None:
        if 0 <= x < 2 * self.columns and 0 <= y < 4 * self.rows:
            self.cells[y // 4][x // 2] |= self.DOTS[y % 4][x % 2]

    def sign(self, x: float, y: float, sign: str) -> None:
        """Writes a letter at a place, or beside it where there is one already."""
        row = self.rows - 1 - min(self.rows - 1, int(min(max(y, 0.0), 1.0) * self.rows))
        column = min(self.columns - 1, int(x * (self.columns - 1)))
        while (row, column) in self.signs and column:
            column -= 1
        self.signs[row, column] = sign

    def row(self, row: int) -> str:
        """Returns a line of the canvas."""
        cells = enumerate(self.cells[row])
        return "".join(self.signs.get((row, column)) or (chr(0x2800 + cell) if cell else " ") for column, cell in cells)


STYLE = (
    "text{font:12px system-ui,'Noto Sans','Noto Sans CJK SC',sans-serif;fill:#57606a}"
    ".grid{stroke:#d4d9df}.axis{stroke:#57606a}.mark{stroke:#8a9099;stroke-dasharray:3 3}"
    ".curve{fill:none;stroke-width:1.8}.band{opacity:.18;stroke:none}"
)


def _colours(colours: Sequence[str]) -> str:
    return "".join(f".c{n}{{stroke:{c}}}.f{n}{{fill:{c}}}" for n, c in enumerate(colours))


def as_svg(chart: Chart, *, alone: bool = False) -> Markup:
    """Returns the chart as an SVG element; `alone`: as a file of its own, with its style."""
    (x_low, x_high), (y_low, y_high) = chart.ranges()
    scale_x, scale_y = _Scale(x_low, x_high, chart.log_x), _Scale(y_low, y_high, chart.log_y)

    def across(x: float) -> str:
        return f"{LEFT + scale_x(x) * (WIDTH - LEFT - RIGHT):.1f}"

    def down(y: float) -> str:
        return f"{HEIGHT - BOTTOM - scale_y(y) * (HEIGHT - TOP - BOTTOM):.1f}"

    parts: list[Any] = []
    for tick in ticks(y_low, y_high, 5, logarithmic=chart.log_y):
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=down(tick), y2=down(tick), class_="grid"))
        parts.append(_label(short(tick), LEFT - 6, float(down(tick)) + 4, "end"))
    for tick in ticks(x_low, x_high, 7, logarithmic=chart.log_x):
        parts.append(_label(short(tick), float(across(tick)), HEIGHT - BOTTOM + 16, "middle"))
    for x, word in chart.marks:
        if x_low <= x <= x_high:
            parts.append(element("line", x1=across(x), x2=across(x), y1=TOP, y2=HEIGHT - BOTTOM, class_="mark"))
            parts.append(_label(word, float(across(x)) + 3, TOP + 10, "start"))
    bottom = HEIGHT - BOTTOM
    parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"))
    parts.append(_label(chart.x, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "middle"))
    for number, series in enumerate(chart.series):
        parts.append(_drawn(series, number % len(COLOURS), across, down))
    label = f"{chart.title}: {chart.y}" if chart.title else chart.y
    names = {"class_": "lines", "role": "img", "aria_label": label}
    if not alone:
        return element("svg", parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", **names)
    dark = f"@media(prefers-color-scheme:dark){{svg{{background:#14171b}}text{{fill:#a4adb8}}{_colours(DARK_COLOURS)}}}"
    head = [element("style", Markup(STYLE + _colours(COLOURS) + dark)), _label(label, 10, -16, "start")]
    place = WIDTH - RIGHT
    for number, series in reversed(list(enumerate(chart.series)) if len(chart.series) > 1 else []):
        head.append(_label(series.name, place, -16, "end", class_=f"f{number % len(COLOURS)}"))
        place -= 12 + 9 * len(series.name)
    size = {"xmlns": "http://www.w3.org/2000/svg", "width": WIDTH, "height": HEIGHT + HEAD}
    return element("svg", head, parts, viewBox=f"0 -{HEAD} {WIDTH} {HEIGHT + HEAD}", **size, **names)


def _label(text: str, x: float, y: float, anchor: str, class_: str | None = None) -> Markup:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=class_)


def _drawn(series: Series, number: int, across: Any, down: Any) -> list[Markup]:
    parts: list[Markup] = []
    if series.band:
        upper = [f"{across(x)},{down(high)}" for x, _, high in series.band]
        lower = [f"{across(x)},{down(low)}" for x, low, _ in reversed(series.band)]
        parts.append(element("polygon", points=" ".join(upper + lower), class_=f"band f{number}"))
    points = thinned(series.points, 600)
    if len(points) > 1:
        line = " ".join(f"{across(x)},{down(y)}" for x, y in points)
        parts.append(element("polyline", points=line, class_=f"curve c{number}"))
    if series.dots or len(points) == 1:
        parts += [element("circle", cx=across(x), cy=down(y), r="3", class_=f"f{number}") for x, y in points]
    return parts
