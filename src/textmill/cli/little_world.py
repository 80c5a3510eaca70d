"""`textmill little-world OUT`: writes the sample that ships with Textmill, a small town's year, as raw files."""

import dataclasses
import json
import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.cli.progress import duration
from textmill.errors import InputError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.data.little_world import Summary

ROWS_PER_MEGABYTE, USUAL_MEGABYTES = 600, 32
"""Conversations for each megabyte of the sample, and its usual size."""


def size(text: str) -> float:
    """Returns the size in megabytes; more than 10 GB of one town is a slip of the finger."""
    number = float(text)
    if not math.isfinite(number) or not 0 < number <= 10_000:
        raise ValueError(text)
    return number


def refuse_foreign_folder(out: Path) -> None:
    """Raises an error where the sample would take the place of files that are not an earlier sample."""
    if out.resolve() == Path.cwd() or out.resolve() in Path.cwd().parents:
        raise InputError("cli_little_world.working_folder", folder=out)
    if not out.exists():
        return
    if out.is_dir() and not any(out.iterdir()):
        return
    try:
        ours = json.loads((out / "manifest.json").read_text(encoding="utf-8")).get("name") == "little-world"
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise InputError("cli_little_world.taken", folder=out)


def run(
    context: Context, *, out: Path, seed: int | None, megabytes: float | None, instructions: Path | None
) -> dict[str, Any]:
    """Writes the sample, and conversations to tune on where they are wanted, and prints what it made."""
    from textmill.data.little_world import make_little_world

    folder = out.absolute()
    for wanted in (folder, *([instructions] if instructions else [])):
        refuse_foreign_folder(wanted)
    chosen: dict[str, Any] = {"seed": seed, "megabytes": megabytes}
    given = {name: value for name, value in chosen.items() if value is not None}
    with context.progress(t("cli_little_world.writing"), t("cli_little_world.parts")) as report:

        def progress(kind: str, done: int, total: int) -> None:
            report(done, total, kind_name(kind))

        summary = make_little_world(folder, workers=None, progress=progress, **given)
    context.print(t("cli_little_world.made", folder=out, seed=summary.seed) + "\n")
    context.print(table(rows(summary)))
    document = dataclasses.asdict(summary)
    if instructions is not None:
        document["instructions"] = write_instructions(context, instructions, summary.seed, megabytes)
    context.print("\n" + t("cli_little_world.next", folder=shlex.quote(str(out))))
    return document


def write_instructions(context: Context, out: Path, seed: int, megabytes: float | None) -> dict[str, Any]:
    """Writes conversations to tune on, in proportion to the sample."""
    from textmill.data.little_world import make_instructions

    rows = round(ROWS_PER_MEGABYTE * (megabytes or USUAL_MEGABYTES))
    with context.progress(t("cli_little_world.writing"), t("cli_little_world.parts")) as report:
        counts = make_instructions(
            out.absolute(),
            seed=seed,
            rows=rows,
            progress=lambda kind, done, total: report(done, total, kind_name(kind)),
        )
    total = sum(counts.values())
    context.print("\n" + t("cli_little_world.instructions_made", rows=total, folder=out))
    return {"folder": out, "rows": counts}


def kind_name(kind: str) -> str:
    """Returns what a kind of document is called."""
    from textmill.i18n import catalog

    return t(f"cli_little_world.kind_{kind}") if f"kind_{kind}" in catalog("cli_little_world") else kind


def rows(summary: "Summary") -> list[tuple[str, str]]:
    """Returns what was made as lines of a table."""
    text = {"en": t("cli_little_world.english"), "zh": t("cli_little_world.chinese")}
    return [
        *((kind_name(kind), f"{count:,}") for kind, count in summary.documents.items()),
        *((text.get(name, name), f"{count / 1e6:.1f} MB") for name, count in summary.text_bytes.items()),
        (t("cli_little_world.files"), f"{summary.files:,}"),
        (t("cli_little_world.seconds"), duration(summary.seconds)),
    ]


COMMAND = Command(
    words=("little-world",),
    run=run,
    example="textmill little-world raw --megabytes 5",
    arguments=(
        Argument(name="out", kind=Path, metavar="OUT"),
        Argument(name="--seed", kind=int, metavar="N"),
        Argument(name="--megabytes", kind=size, metavar="M"),
        Argument(name="--instructions", kind=Path, metavar="DIR"),
    ),
    reads_project=False,
)
