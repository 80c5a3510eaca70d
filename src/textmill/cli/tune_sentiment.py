"""`textmill tune sentiment`: a judge of texts, of a user's labels, beside the cheap way and never worse.

``--json`` prints ``run, folder, labels, rows, held_out, left_out, method, use, coverage``, ``figures`` by way (words,
model, both) and, where weights were tuned, ``tuning``: the run's summary as `tune sft` has it.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.cli.tuning import METHODS, SECTIONS, tune
from textmill.errors import InputError, TrainingError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.sentiment.labelled import Found
    from textmill.apps.sentiment.making import Made
    from textmill.apps.sentiment.tuning import Labelled
    from textmill.config import Settings
    from textmill.infer.resolve import LoadedModel
    from textmill.tune.start import Task

FROZEN, WORDS_ONLY = "head", "words"
WAYS = ("model", "words", "both")


def run(
    context: Context,
    *,
    data: tuple[str, ...],
    text_column: str,
    label_column: str,
    model: str | None,
    method: str | None,
    name: str,
    budget: str | None,
    resume: bool,
    device: str,
) -> dict[str, Any]:
    """Makes a judge of labelled rows."""
    from textmill.apps.sentiment.labelled import read_labelled

    if not data:
        raise InputError("cli_tune_sft.no_data")
    folder = context.need_project().runs / name
    found = read_labelled(data, text_column=text_column, label_column=label_column)
    tell(context, found)
    if method is None and len(found.rows) <= context.settings.sentiment.frozen_up_to:
        method = FROZEN
    if method == WORDS_ONLY:
        made, tuning = of_words(context, found), None
    elif method == FROZEN:
        made, tuning = of_frozen(context, found, folder, name, model, device, resume=resume), None
    else:
        given = {"name": name, "model": model, "method": method, "budget": budget, "resume": resume, "device": device}
        made, tuning = of_tuned(context, found, **given)
    if method in (WORDS_ONLY, FROZEN):
        made.write(folder)
    return summary(context, found, made, name=name, method=method or "", tuning=tuning)


def tell(context: Context, found: "Found") -> None:
    """Says what was read."""
    counts = ", ".join(f"{label} {count:,}" for label, count in found.counts.items())
    context.say(t("cli_tune_sentiment.read", rows=len(found.rows), counts=counts))
    for why, count in found.left_out.items():
        context.say(t(f"cli_tune_sentiment.left_out_{why}", count=count))


def of_words(context: Context, found: "Found") -> "Made":
    """Returns a judge that needs no model."""
    from textmill.apps.sentiment.labels import form_of
    from textmill.apps.sentiment.making import made_of_words

    return made_of_words(form_of(found.labels, context.settings.sentiment), found.rows)


def of_frozen(
    context: Context, found: "Found", folder: Path, name: str, model: str | None, device: str, *, resume: bool
) -> "Made":
    """Returns a judge whose model stays as it is."""
    from textmill.apps.sentiment.form import FORM_FILE
    from textmill.apps.sentiment.labels import form_of, told_apart
    from textmill.apps.sentiment.making import made_of_few
    from textmill.apps.sentiment.reading import LabelReader
    from textmill.cli.tuning import base_reference, checkpoint_of
    from textmill.hardware import check_device
    from textmill.infer.resolve import load
    from textmill.model.hub.base import fingerprint

    checkpoint, _ = checkpoint_of(context, name)
    if checkpoint is not None or ((folder / FORM_FILE).is_file() and not resume):
        raise TrainingError("train.exists", run=name, checkpoint=Path(checkpoint or FORM_FILE).name)
    base = load(base_reference(context, name, model, None), context.project, check_device(device))
    form = told_apart(form_of(found.labels, context.settings.sentiment), base.tokenizer)
    reference = base.name if base.step is None else f"{base.name}@{base.step}"
    known = {"model": reference, "model_folder": str(base.folder.absolute()), "fingerprint": fingerprint(base.model)}
    reader = LabelReader(base, replace(form, **known))
    with context.progress(t("cli_tune_sentiment.reading"), t("cli_sentiment.texts")) as progress:
        return made_of_few(replace(form, **known), reader, found.rows, progress=progress)


def of_tuned(context: Context, found: "Found", **given: Any) -> "tuple[Made, dict[str, Any]]":
    """Returns a judge whose model was tuned, written into its run, and the run's summary."""
    from textmill.apps.sentiment.labelled import split
    from textmill.apps.sentiment.labels import form_of, told_apart
    from textmill.apps.sentiment.tuning import label_task

    ours = context.settings.sentiment
    training, held_out = split(found.rows, ours.held_out_share)
    form = form_of(found.labels, ours)

    def make_task(base: "LoadedModel", settings: "Settings") -> "tuple[Task, Settings]":
        nonlocal form
        form = told_apart(form, base.tokenizer)
        return label_task(base, form, training, held_out, settings, context.chosen)

    tuning = tune(replace(context, json=True), make_task, **given)
    made = calibrated(context, form, training, held_out, given["name"], given["device"])
    made.write(context.need_project().runs / given["name"])
    return made, tuning


def calibrated(
    context: Context, form: Any, training: "Labelled", held_out: "Labelled", name: str, device: str
) -> "Made":
    """Returns the judge of the best checkpoint of a run."""
    from textmill.apps.sentiment.making import made_of_many
    from textmill.apps.sentiment.reading import LabelReader
    from textmill.hardware import check_device
    from textmill.infer.resolve import load
    from textmill.model.hub.base import fingerprint

    loaded = load(f"{name}@best", context.project, check_device(device))
    step = f"{name}@{loaded.step}"
    known = {"model": step, "model_folder": str(loaded.folder.absolute()), "fingerprint": fingerprint(loaded.model)}
    form = replace(form, **known)
    with context.progress(t("cli_tune_sentiment.calibrating"), t("cli_sentiment.texts")) as progress:
        return made_of_many(form, LabelReader(loaded, form), training, held_out, progress=progress)


def summary(
    context: Context, found: "Found", made: "Made", *, name: str, method: str, tuning: dict[str, Any] | None
) -> dict[str, Any]:
    """Prints what each way is worth and which one is used; returns the document."""
    form = made.form
    names = ("way", "accuracy", "interval", "likelihood", "error")
    lines = [tuple(t(f"cli_tune_sentiment.column_{column}") for column in names)]
    for way in (way for way in WAYS if way in form.figures):
        row = form.figures[way]
        mark = "→ " if way == form.use else "  "
        interval = f"{row['low']:.1%} – {row['high']:.1%}"
        numbers = (f"{row['negative_log_likelihood']:.3f}", f"{row['calibration_error']:.3f}")
        lines.append((mark + t(f"cli_tune_sentiment.way_{way}"), f"{row['accuracy']:.1%}", interval, *numbers))
    context.print(table(lines))
    use = "words_only" if method == WORDS_ONLY else form.use
    context.print(t(f"cli_tune_sentiment.use_{use}"))
    context.print(t("cli_tune_sentiment.done", name=name, rows=form.calibrated_on, coverage=form.coverage))
    return {
        "run": name,
        "folder": str(context.need_project().runs / name),
        "labels": list(form.labels),
        "rows": len(found.rows),
        "held_out": form.calibrated_on,
        "left_out": dict(found.left_out),
        "method": method,
        "use": form.use,
        "coverage": form.coverage,
        "figures": form.figures,
    } | ({"tuning": tuning} if tuning else {})


COMMAND = Command(
    words=("tune", "sentiment"),
    run=run,
    example="textmill tune sentiment --data reviews.csv --text-column review --label-column stars\n"
    "textmill tune sentiment --model hf:OWNER/NAME --data labelled.jsonl --method full --name judge",
    arguments=(
        Argument(name="--data", many="*", metavar="FILE"),
        Argument(name="--text-column", default="", metavar="NAME"),
        Argument(name="--label-column", default="", metavar="NAME"),
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--method", choices=(FROZEN, WORDS_ONLY, *METHODS)),
        Argument(name="--name", metavar="NAME", default="judge"),
        Argument(name="--budget", metavar="BUDGET"),
        Argument(name="--resume", flag=True, default=False),
        Argument(name="--device", default="", metavar="DEVICE"),
    ),
    settings=("sentiment", *SECTIONS),
)
