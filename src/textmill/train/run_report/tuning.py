"""What a tuned run's page has besides: its base, the loss of what is learned, and what was forgotten."""

from pathlib import Path

from textmill.i18n import t
from textmill.report.charts import Column, table
from textmill.report.lines import Chart, Series, thinned
from textmill.report.markup import Markup, element, joined
from textmill.report.numbers import count
from textmill.train.record import Record, smoothed
from textmill.train.run_report.figures import figure


def tuning(record: Record) -> Markup:
    """Returns the section."""
    start, losses = record.start, record.curve("loss")
    base = start["base"]["reference"]
    told = {"base": Path(base).name if Path(base).exists() else base, "method": start["settings"]["tune"]["method"]}
    held_out = record.of("held_out")
    series = [
        Series(name=t("run_report.tuning_training"), points=thinned(smoothed(losses, 0.8), 600)),
        Series(
            name=t("run_report.tuning_held_out"),
            points=[(float(event["step"]), event["loss"]) for event in held_out],
            dots=True,
            band=[(float(event["step"]), event["low"], event["high"]) for event in held_out],
        ),
    ]
    chart = Chart(title="", x=t("runs.axis_step"), y=t("run_report.tuning_score"), series=series, marks=[])
    return joined(
        element("p", t("run_report.tuning_base", learned=count(start["learned"]), **told)),
        figure(chart),
        forgotten(record),
    )


def forgotten(record: Record) -> Markup:
    """Returns the table of general text before and after; nothing where it was not measured."""
    rows = [
        (
            t(f"run_report.tuning_{event['when']}"),
            f"{event['bits_per_byte']:.3f}",
            f"{event['low']:.3f}–{event['high']:.3f}",
            count(event["documents"]),
        )
        for event in record.of("general")
    ]
    titles = ("tuning_when", "score", "interval", "documents")
    columns = [Column(title=t(f"run_report.{title}"), number=place > 0) for place, title in enumerate(titles)]
    return table(t("run_report.tuning_general"), columns, rows) if rows else Markup("")
