"""`textmill runs compare`: runs side by side: how well each does at the end and after equal work, and what differs.

The document of ``--json``: ``runs [{what `runs show` has}], equal [{axis, at, held_out {run: value}, bits_per_byte
{run: value}}], settings {name: {run: value}}``. ``equal`` compares at the last place that all have reached.
"""

from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.errors import UsageError
from textmill.i18n import t


def run(context: Context, *, names: tuple[str, ...]) -> dict[str, Any]:
    """Compares the runs `names`, by default all there are."""
    from textmill.cli.runs_show import facts
    from textmill.train.record import read_record, run_names

    runs = context.need_project().runs
    names = names or tuple(run_names(runs))
    if len(names) < 2:
        raise UsageError("cli_runs_compare.too_few", known=", ".join(run_names(runs)) or "–")
    records = [read_record(runs, name) for name in names]
    found = [facts(record) for record in records]
    equal = [at_equal(records, axis) for axis in ("tokens", "seconds") if all(record.steps for record in records)]
    settings = differing(records)
    context.print(table([[t("runs.run_row"), *names], *overview(found)]))
    for row in equal:
        context.print("\n" + t(f"cli_runs_compare.equal_{row['axis']}", at=row["at"]))
        context.print(
            table([[t(f"runs.{key}"), *map(three, row[key].values())] for key in ("bits_per_byte", "held_out")])
        )
    if settings:
        context.print("\n" + t("cli_runs_compare.differing"))
        context.print(table([[name, *map(str, values.values())] for name, values in settings.items()]))
    return {"runs": found, "equal": equal, "settings": settings}


def overview(found: list[dict[str, Any]]) -> list[list[str]]:
    """Returns the lines of the first table."""
    lines = {
        "parameters": [f"{run['parameters'] or 0:,}" for run in found],
        "state": [t(f"runs.state_{run['state']}", step=run["step"], total=run["total_steps"]) for run in found],
        "tokens": [f"{run['tokens']:,}" for run in found],
        "time": [t("runs.minutes", minutes=run["seconds"] / 60) for run in found],
        "speed": ["–" if run["tokens_per_second"] is None else f"{run['tokens_per_second']:,.0f}" for run in found],
        "held_out": [three(run["held_out"]) for run in found],
        "best": [
            "–" if not run["best"] else f"{run['best']['bits_per_byte']:.3f} @ {run['best']['step']}" for run in found
        ],
    }
    return [[t(f"runs.{key}_row"), *values] for key, values in lines.items()]


def three(value: float | None) -> str:
    """Returns a value with three places, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def at_equal(records: list[Any], axis: str) -> dict[str, Any]:
    """Returns the scores of all runs at the last place on an axis that all have reached."""
    from textmill.train.record import smoothed

    place = float(min(record.last[axis] for record in records))
    training = {}
    for record in records:
        curve = [point for point in smoothed(record.curve("bits_per_byte", axis), 0.95) if point[0] <= place]
        training[record.name] = curve[-1][1] if curve else None
    held_out = {record.name: record.at(axis, place, "held_out") for record in records}
    return {"axis": axis, "at": place, "bits_per_byte": training, "held_out": held_out}


def differing(records: list[Any]) -> dict[str, dict[str, Any]]:
    """Returns {setting: {run: value}} of the settings in which the runs differ; None: the default."""
    names = sorted({name for record in records for name in record.changed_settings})
    values = {name: {record.name: record.changed_settings.get(name) for record in records} for name in names}
    return {name: found for name, found in values.items() if len({repr(value) for value in found.values()}) > 1}


COMMAND = Command(
    words=("runs", "compare"),
    run=run,
    example="textmill runs compare main other",
    arguments=(Argument(name="names", many="*"),),
)
