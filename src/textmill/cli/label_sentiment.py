"""`textmill label sentiment FILE`: a person labels texts in the terminal, the most uncertain first.

``--json`` prints ``out, labels, labelled, skipped, counts, left``: all that the file of answers holds, and how many
texts have no answer yet.
"""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.chat_input import Lines
from textmill.cli.command import Argument, Command, Context
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.sentiment.labelling import Answers

SKIP, UNDO, QUIT = "s", "u", "q"
SHOWN = 2000
WIDTH = 100


def run(
    context: Context, *, file: Path, text: str, label: tuple[str, ...], model: str | None, out: Path | None, device: str
) -> dict[str, Any]:
    """Asks for the labels of a file's texts."""
    from textmill.apps.sentiment.labelling import Answers, in_turn

    answers = Answers(out or file.with_name(f"{file.stem}.labels.jsonl"))
    texts, chances, labels = queue(context, file, text, label, model, device)
    if len(labels) < 2:
        raise UsageError("labelling.few_labels", labels=", ".join(labels) or "–")
    waiting = [place for place in in_turn(texts, chances) if texts[place] not in answers.texts]
    context.say(t("cli_label_sentiment.begins", left=len(waiting), done=len(answers.answered), file=answers.file))
    context.say(t("cli_label_sentiment.keys", labels=choices(labels), skip=SKIP, undo=UNDO, quit=QUIT))
    left = ask(context, answers, [(texts[place], chances[place]) for place in waiting], labels)
    labelled = sum(answers.counts.values())
    context.print(t("cli_label_sentiment.done", count=labelled, file=answers.file, left=left))
    return {
        "out": answers.file,
        "labels": list(labels),
        "labelled": labelled,
        "skipped": len(answers.answered) - labelled,
        "counts": dict(answers.counts),
        "left": left,
    }


def choices(labels: tuple[str, ...]) -> str:
    """Returns the labels with their numbers."""
    return "  ".join(f"{number} {label}" for number, label in enumerate(labels, start=1))


def queue(
    context: Context, file: Path, text: str, label: tuple[str, ...], model: str | None, device: str
) -> tuple[list[str], list[Mapping[str, float]], tuple[str, ...]]:
    """Returns the texts, what is thought of each, and the labels to choose from."""
    from textmill.apps.sentiment.judge import judge_folder
    from textmill.apps.sentiment.labelled import TEXT_NAMES, column_of
    from textmill.apps.sentiment.labelling import MOST_TEXTS
    from textmill.apps.sentiment.labels import in_order
    from textmill.apps.sentiment.sentiment_report.totals import PREFIX, chances_of
    from textmill.apps.sentiment.tables import open_table, text_of
    from textmill.cli.sentiment import opened

    texts, chances = list[str](), list[Mapping[str, float]]()
    with open_table(file) as table:
        name = column_of(table, text, TEXT_NAMES)
        for row in table.rows:
            texts.append(text_of(row.get(name)))
            chances.append(chances_of(row.get(f"{PREFIX}probabilities", row.get("probabilities"))))
            if len(texts) == MOST_TEXTS:
                context.say(t("cli_label_sentiment.most", most=MOST_TEXTS))
                break
    tuned = judge_folder(model, context.project) is not None
    if model is not None or (tuned and not any(chances)):
        judge = opened(context, model, () if tuned else label, None, device)
        with context.progress(t("cli_label_sentiment.judging")) as progress:
            for start in range(0, len(texts), 128):
                found = judge.judge(texts[start : start + 128])
                chances[start : start + 128] = [judgement.probabilities for judgement in found]
                progress(start + len(found), len(texts))
        return texts, chances, label or judge.labels
    known = in_order(name for found in chances for name in found)
    if not known:
        context.say(t("cli_label_sentiment.no_judge"))
    return texts, chances, label or known or context.settings.sentiment.labels


def ask(
    context: Context, answers: "Answers", waiting: list[tuple[str, Mapping[str, float]]], labels: tuple[str, ...]
) -> int:
    """Asks for one text after another; returns how many have no answer."""
    lines = Lines(context, history=False, complete=lambda typed: (name for name in labels if name.startswith(typed)))
    place, asked = 0, list[int]()
    try:
        while place < len(waiting):
            show(context, *waiting[place], f"{place + 1}/{len(waiting)}")
            typed = said(context, lines, labels)
            if typed in (None, QUIT):
                break
            if typed == UNDO:
                if asked:
                    answers.undo()
                    place = asked.pop()
                else:
                    context.say(t("cli_label_sentiment.nothing_to_undo"))
                continue
            answers.add(waiting[place][0], "" if typed == SKIP else str(typed))
            asked.append(place)
            place += 1
    except KeyboardInterrupt:
        context.say("")  # every answer is written: to stop in this way is as good as any
    finally:
        lines.close()
    return len(waiting) - place


def show(context: Context, text: str, chances: Mapping[str, float], place: str) -> None:
    """Shows a text and what is thought of it."""
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    context.say("")
    for line in shown.splitlines() or [""]:
        context.say(textwrap.fill(line, WIDTH))
    guess = ", ".join(f"{name} {value:.0%}" for name, value in sorted(chances.items(), key=lambda item: -item[1])[:3])
    context.say(f"[{place}] {guess}")


def said(context: Context, lines: Lines, labels: tuple[str, ...]) -> str | None:
    """Returns a label, SKIP, UNDO or QUIT; None at the end of the input."""
    from textmill.apps.sentiment.labelling import meant

    while True:
        typed = lines.message()
        if typed is None:
            return None
        if (found := meant(typed, labels)) is not None and typed.strip().casefold() not in (SKIP, UNDO, QUIT):
            return found
        if typed.strip().casefold() in (SKIP, UNDO, QUIT):
            return typed.strip().casefold()
        context.say(t("cli_label_sentiment.keys", labels=choices(labels), skip=SKIP, undo=UNDO, quit=QUIT))


COMMAND = Command(
    words=("label", "sentiment"),
    run=run,
    example=(
        "textmill label sentiment reviews.csv --label bad --label good\n"
        "textmill tune sentiment --data reviews.labels.jsonl --name judge"
    ),
    arguments=(
        Argument(name="file", kind=Path),
        Argument(name="--text", default="", metavar="COLUMN"),
        Argument(name="--label", many="*", metavar="LABEL"),
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--out", kind=Path, metavar="FILE.jsonl"),
        Argument(name="--device", default="", metavar="DEVICE"),
    ),
    settings=("sentiment",),
)
