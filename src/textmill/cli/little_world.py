"""`textmill little-world OUT`: writes the sample that ships with Textmill, a small town's year, as raw files."""

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.i18n import t
from textmill.progress import Progress


class StageProgress:
    """Shows one progress line a stage: a stage's first report ends the line of the one before."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.stage = ""
        self.lines = ExitStack()
        self.report: Progress | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Takes the state of a stage."""
        if self.report is None or stage != self.stage:
            self.lines.close()
            self.stage = stage
            self.report = self.lines.enter_context(self.context.progress(stage))
        self.report(done, total)


def run(context: Context, *, out: Path, seed: int | None, megabytes: float | None) -> dict[str, Any]:
    """Writes the sample and prints what it made."""
    from textmill.data.little_world import make_little_world

    chosen: dict[str, Any] = {"seed": seed, "megabytes": megabytes}
    given = {name: value for name, value in chosen.items() if value is not None}
    progress = StageProgress(context)
    with progress.lines:
        summary = make_little_world(out, workers=None, progress=progress, **given)
    made = {"out": out.absolute()} | dataclasses.asdict(summary)
    context.print(t("cli_little_world.made", folder=out))
    context.print(table(rows(made)))
    context.print(t("cli_little_world.next", folder=out))
    return made


def rows(made: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns what was made as lines of a table; counts inside counts are indented by their path."""
    lines: list[tuple[str, str]] = []
    for name, value in made.items():
        if isinstance(value, dict):
            lines += [(f"{name} {inner}", text) for inner, text in rows(value)]
        elif name != "out":
            shown = f"{value:,}" if isinstance(value, int) else f"{value:.1f}" if isinstance(value, float) else value
            lines.append((name.replace("_", " "), str(shown)))
    return lines


COMMAND = Command(
    words=("little-world",),
    run=run,
    example="textmill little-world raw --megabytes 5",
    arguments=(
        Argument(name="out", kind=Path, metavar="OUT"),
        Argument(name="--seed", kind=int, metavar="N"),
        Argument(name="--megabytes", kind=float, metavar="M"),
    ),
    reads_project=False,
)
