"""A chart on a run's page."""

from textmill.report.lines import COLOURS, Chart, as_svg
from textmill.report.markup import Markup, element


def figure(chart: Chart) -> Markup:
    """Returns a chart with its caption and the names of its curves; nothing where there are no points."""
    if chart.empty:
        return Markup("")
    names = [
        element("span", element("i", class_=f"key b{number % len(COLOURS)}"), series.name)
        for number, series in enumerate(chart.series)
        if series.name and series.points
    ]
    legend = element("p", names, class_="legend faint") if len(names) > 1 else ""
    return element("figure", element("figcaption", chart.y), as_svg(chart), legend)
