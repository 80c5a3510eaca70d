"""`textmill runs list`: the project's runs, how far each is and how well it does.

The document of ``--json``: ``runs [{name, step, checkpoints [step], damaged [step], bytes, loss, bits_per_byte,
held_out_bits_per_byte, updated}], newest``. ``loss`` and ``bits_per_byte`` are those of the last training step logged,
``held_out_bits_per_byte`` of the last evaluation; null where there is none yet. ``damaged`` is null without
``--verify``. ``updated`` is Unix seconds; ``newest`` is the run that commands take when none is named; it stands last.
"""

import time
from pathlib import Path
from typing import Any

from textmill.checkpoints import list_checkpoints, verify_checksums
from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.errors import CheckpointError
from textmill.i18n import t

COLUMNS = ("name", "step", "checkpoint", "size", "loss", "held_out", "updated")


def run(context: Context, *, verify: bool) -> dict[str, Any]:
    """Lists the runs of the project."""
    project = context.need_project()
    folders = [path for path in project.runs.iterdir() if path.is_dir()] if project.runs.is_dir() else []
    runs = [describe(folder, verify) for folder in folders if not folder.name.startswith(".")]
    runs.sort(key=lambda run: (bool(run["checkpoints"]), run["updated"]))
    newest = runs[-1]["name"] if runs and runs[-1]["checkpoints"] else None
    if not runs:
        context.print(t("cli_runs_list.none", folder=project.runs))
    else:
        heading = [t(f"cli_runs_list.{column}_column") for column in COLUMNS]
        context.print(table([heading, *(row(run) for run in runs)]))
        for damaged in (run for run in runs if run["damaged"]):
            steps = ", ".join(map(str, damaged["damaged"]))
            context.print(t("cli_runs_list.damaged", run=damaged["name"], steps=steps))
    return {"runs": runs, "newest": newest}


def describe(folder: Path, verify: bool) -> dict[str, Any]:
    """Returns what is known of one run."""
    from textmill.train.events import read_events

    checkpoints = list_checkpoints(folder)
    events = read_events(folder)
    steps = [event for event in events if event["type"] == "step"]
    evaluations = [event for event in events if event["type"] == "evaluation"]
    reached = [event["step"] for event in steps[-1:]] + [checkpoint.step for checkpoint in checkpoints[-1:]]
    written = [checkpoint.folder.stat().st_mtime for checkpoint in checkpoints]
    return {
        "name": folder.name,
        "step": max(reached, default=0),
        "checkpoints": [checkpoint.step for checkpoint in checkpoints],
        "damaged": [checkpoint.step for checkpoint in checkpoints if is_damaged(checkpoint.folder)] if verify else None,
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "loss": last(steps, "loss"),
        "bits_per_byte": last(steps, "bits_per_byte"),
        "held_out_bits_per_byte": last(evaluations, "bits_per_byte"),
        "updated": max(written, default=folder.stat().st_mtime),
    }


def last(events: list[dict[str, Any]], name: str) -> float | None:
    """Returns a value of the last event that has it."""
    return next((event[name] for event in reversed(events) if event.get(name) is not None), None)


def is_damaged(folder: Path) -> bool:
    """True when the checkpoint is not as it was written."""
    try:
        verify_checksums(folder)
    except CheckpointError:
        return True
    return False


def row(run: dict[str, Any]) -> list[str]:
    """Returns a run's line in the table."""
    none = "–"
    return [
        run["name"],
        str(run["step"]),
        str(run["checkpoints"][-1]) if run["checkpoints"] else none,
        f"{run['bytes'] / 1e6:.1f} MB",
        none if run["loss"] is None else f"{run['loss']:.3f}",
        none if run["held_out_bits_per_byte"] is None else f"{run['held_out_bits_per_byte']:.3f}",
        time.strftime("%Y-%m-%d %H:%M", time.localtime(run["updated"])),
    ]


COMMAND = Command(
    words=("runs", "list"),
    run=run,
    example="textmill runs list\ntextmill runs list --verify",
    arguments=(Argument(name="--verify", flag=True, default=False),),
)
