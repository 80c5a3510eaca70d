"""`textmill runs plot`: curves of one run or several, as text in the terminal or as an SVG or PNG file.

The document of ``--json``: ``quantity, by, series [{name, points [[x, y]]}], file``.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.errors import TrainingError, UsageError
from textmill.i18n import t
from textmill.train.record import AXES, QUANTITIES


def run(
    context: Context, *, names: tuple[str, ...], quantity: str, by: str, smooth: float, log: bool, out: Path | None
) -> dict[str, Any]:
    """Draws a quantity of the runs `names`, by default of the one that was written to last."""
    from textmill.report.lines import as_text
    from textmill.train.chart_files import write_chart
    from textmill.train.record import read_record, run_names

    if not 0 <= smooth < 1:
        raise UsageError("cli_runs_plot.smooth_range", value=smooth)
    if out is not None and out.suffix.lower() not in (".svg", ".png"):
        raise UsageError("cli_runs_plot.kind", file=out)
    runs = context.need_project().runs
    records = [read_record(runs, name) for name in names or tuple((run_names(runs) or [""])[-1:])]
    chart = draw(records, quantity, by, smooth, log)
    if chart.empty:
        raise TrainingError("cli_runs_plot.nothing", quantity=t(f"runs.{quantity}"), names=", ".join(names) or "–")
    if out is None:
        context.print(as_text(chart, columns=min(context.output.width, 120)))
    else:
        write_chart(chart, out)
        context.print(t("cli_runs_plot.done", file=out))
    series = [{"name": one.name, "points": one.points} for one in chart.series]
    return {"quantity": quantity, "by": by, "series": series, "file": out}


def draw(records: list[Any], quantity: str, by: str, smooth: float, log: bool = False) -> Any:
    """Returns the chart of a quantity of some runs."""
    from textmill.report.lines import Chart, Series, thinned
    from textmill.train.record import smoothed

    series = []
    for record in records:
        points = [point for point in record.curve(quantity, by) if not log or point[1] > 0]
        sparse = quantity == "held_out"
        shown = points if sparse else thinned(smoothed(points, smooth), 2000)
        series.append(Series(name=record.name, points=shown, dots=sparse))
    title = records[0].name if len(records) == 1 else ""
    return Chart(title=title, x=t(f"runs.axis_{by}"), y=t(f"runs.{quantity}"), series=series, log_y=log)


COMMAND = Command(
    words=("runs", "plot"),
    run=run,
    example="textmill runs plot\ntextmill runs plot main other --quantity held_out --by seconds --out curves.svg",
    arguments=(
        Argument(name="names", many="*"),
        Argument(name="--quantity", default="bits_per_byte", choices=tuple(QUANTITIES), metavar="NAME"),
        Argument(name="--by", default="step", choices=AXES, metavar="AXIS"),
        Argument(name="--smooth", kind=float, default=0.9, metavar="0…1"),
        Argument(name="--log", flag=True, default=False),
        Argument(name="--out", kind=Path, metavar="FILE"),
    ),
)
