"""`textmill runs export`: a run's events for TensorBoard, Weights & Biases or trackio.

The document of ``--json``: ``run, to, folder, events``.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.i18n import t

TOOLS = ("tensorboard", "wandb", "trackio")
NEXT = {
    "tensorboard": "tensorboard --logdir {folder}",
    "wandb": "wandb sync {folder}/wandb/offline-run-*",
    "trackio": "TRACKIO_DIR={folder} trackio show --project textmill",
}


def run(context: Context, *, name: str | None, to: str, out: Path | None, follow: bool, online: bool) -> dict[str, Any]:
    """Exports the run `name`, by default the one that was written to last."""
    from textmill.train.exporters import TARGETS, export
    from textmill.train.record import read_record, run_names

    project = context.need_project()
    record = read_record(project.runs, name or (run_names(project.runs) or [""])[-1])
    folder = out or project.root / "exports" / to
    with TARGETS[to](record, folder, online=online) as target:
        count = export(record, target, follow=follow)
    context.print(t("cli_runs_export.done", count=count, name=record.name, folder=folder))
    if not (to == "wandb" and online):
        context.print(t("cli_runs_export.next", command=NEXT[to].format(folder=folder)))
    return {"run": record.name, "to": to, "folder": folder, "events": count}


COMMAND = Command(
    words=("runs", "export"),
    run=run,
    example="textmill runs export --to tensorboard\ntextmill runs export main --to wandb --online --follow",
    arguments=(
        Argument(name="name", many="?"),
        Argument(name="--to", required=True, choices=TOOLS, metavar="TOOL"),
        Argument(name="--out", kind=Path, metavar="DIR"),
        Argument(name="--follow", flag=True, default=False),
        Argument(name="--online", flag=True, default=False),
    ),
)
