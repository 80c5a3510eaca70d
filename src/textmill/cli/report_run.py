"""`textmill report run`: one self-contained HTML page about a run.

The document of ``--json`` is what the page shows (see `textmill.train.run_report.gather`) and ``file``, where it is.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.errors import UsageError
from textmill.i18n import t


def run(
    context: Context,
    *,
    name: str | None,
    out: Path | None,
    watts: float,
    price_per_hour: float,
    price_per_kwh: float,
    currency: str,
) -> dict[str, Any]:
    """Reads the run's events and writes the page."""
    from textmill.train.record import read_record, run_names
    from textmill.train.run_report.gather import Prices, gather
    from textmill.train.run_report.page import write_page

    for value in (watts, price_per_hour, price_per_kwh):
        if not 0 <= value < float("inf"):
            raise UsageError("cli_report_run.negative", value=value)
    runs = context.need_project().runs
    record = read_record(runs, name or (run_names(runs) or [""])[-1])
    prices = Prices(watts=watts, an_hour=price_per_hour, a_kilowatt_hour=price_per_kwh, currency=currency)
    file = write_page(record, prices, out)
    context.print(t("cli_report_run.done", file=file))
    return {"file": file, **gather(record, prices)}


COMMAND = Command(
    words=("report", "run"),
    run=run,
    example="textmill report run\ntextmill report run main --price-per-hour 2.50 --currency EUR",
    arguments=(
        Argument(name="name", many="?"),
        Argument(name="--out", kind=Path, metavar="FILE"),
        Argument(name="--watts", kind=float, default=0.0, metavar="W"),
        Argument(name="--price-per-hour", kind=float, default=0.0, metavar="X"),
        Argument(name="--price-per-kwh", kind=float, default=0.0, metavar="X"),
        Argument(name="--currency", default="", metavar="NAME"),
    ),
)
