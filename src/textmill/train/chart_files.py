"""Charts as files: SVG by ourselves, PNG by matplotlib, which is an extra."""

import io
from pathlib import Path

from textmill.errors import MissingExtraError
from textmill.files import write_bytes
from textmill.report.lines import COLOURS, Chart, as_svg, thinned

FONTS = ("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "SimHei")
"""Those that have Chinese, as far as they are installed."""


def write_chart(chart: Chart, file: Path) -> None:
    """Writes the chart as SVG or, where the name ends in .png, as PNG; raises MissingExtraError without matplotlib."""
    if file.suffix.lower() != ".png":
        write_bytes(file, f'<?xml version="1.0" encoding="UTF-8"?>\n{as_svg(chart, alone=True)}\n'.encode())
        return
    write_bytes(file, _png(chart))


def _png(chart: Chart) -> bytes:
    try:
        import matplotlib
    except ImportError:
        raise MissingExtraError("runs.missing_extra", what="PNG", package="matplotlib", extra="plots") from None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    families = [name for name in FONTS if name in known]
    with matplotlib.rc_context({"font.family": ["DejaVu Sans", *families], "axes.spines.top": False}):
        figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
        axes = FigureCanvasAgg(figure).figure.add_subplot()
        for number, series in enumerate(chart.series):
            points, colour = thinned(series.points, 2000), COLOURS[number % len(COLOURS)]
            marker = "o" if series.dots else ""
            axes.plot([x for x, _ in points], [y for _, y in points], label=series.name, color=colour, marker=marker)
            if series.band:
                x, low, high = ([place[n] for place in series.band] for n in range(3))
                axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.set(title=chart.title, xlabel=chart.x, ylabel=chart.y)
        axes.set_xscale("log" if chart.log_x else "linear")
        axes.set_yscale("log" if chart.log_y else "linear")
        axes.grid(alpha=0.3)
        if len(chart.series) > 1:
            axes.legend()
        out = io.BytesIO()
        figure.savefig(out, format="png")
    return out.getvalue()
