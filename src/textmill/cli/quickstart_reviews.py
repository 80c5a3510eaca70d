"""The quickstart's last stage on Little World: its model reads customers' reviews, and held-out ones are judged.

What is learned is a head on the frozen model, and words beside it, from a few hundred reviews: some seconds.
"""

import dataclasses
from pathlib import Path
from typing import Any

from textmill.cli.command import Context
from textmill.i18n import t
from textmill.project import Project

BASE, RUN_NAME = "main", "reviews"
ROWS, HELD_OUT = 240, 200
SHOWN = 2
"""Reviews that are shown in each language."""
SECONDS = 12.0
"""Kept back from the training's time."""
WIDTH = 100


def judge(context: Context, project: Project) -> dict[str, Any]:
    """Makes the judge and reads held-out reviews with it."""
    from textmill.apps.sentiment.judge import open_judge
    from textmill.apps.sentiment.labelled import read_labelled

    folder = make(context, project)
    ours = open_judge(RUN_NAME, project)
    measured = read_labelled(files_of(project, "held_out"), to_learn=False)
    held_out = spread(measured.rows, HELD_OUT)
    found = ours.judge(held_out.texts)
    labels = [measured.labels[number] for number in held_out.labels]
    right = sum(one.label == label for one, label in zip(found, labels, strict=True))
    half = len(found) // 2
    examples = [
        {"text": held_out.texts[place], "right": labels[place], **found[place].as_dict()}
        for place in (*range(SHOWN), *range(half, half + SHOWN))
    ]
    what = {"right": right / len(found), "rows": len(found)}
    return {"where": str(folder), "what": what, "use": ours.form.use, "reviews": examples}


def make(context: Context, project: Project) -> Path:
    """Makes the judge from the base and training reviews of both languages; returns its folder."""
    from textmill.apps.sentiment.labelled import read_labelled
    from textmill.cli.tune_sentiment import of_frozen

    folder = project.runs / RUN_NAME
    found = read_labelled(files_of(project, "train"))
    found.rows = spread(found.rows, ROWS)
    own = dataclasses.replace(context, json=True)
    of_frozen(own, found, folder, RUN_NAME, BASE, "", resume=True).write(folder)
    return folder


def files_of(project: Project, part: str) -> list[Path]:
    """Returns Little World's files of reviews, English and Chinese."""
    return sorted((project.root / "raw" / "reviews" / part).glob("*.jsonl"))


def spread(rows: Any, count: int) -> Any:
    """Returns so many rows from all over the files."""
    count = min(count, len(rows))
    return rows.rows([place * len(rows) // count for place in range(count)])


def show(context: Context, stage: dict[str, Any] | None) -> None:
    """Prints what some reviews were judged as."""
    if stage is None:
        return
    context.print(t("cli_quickstart.reviews_title"))
    for one in stage["reviews"]:
        text = " ".join(one["text"].split())
        context.print(f"> {text if len(text) <= WIDTH else text[: WIDTH - 1] + '…'}")
        told = one["label"] or t(f"cli_sentiment.{one['abstained']}")
        chance = one["probabilities"].get(one["label"])
        context.print(f"  {told}" + (f" ({chance:.0%})" if chance is not None else ""))
    context.print("")
