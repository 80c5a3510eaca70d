"""`textmill tune translate`: a model learns to translate from sentence pairs, or begins with nothing but them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.tuning import ARGUMENTS, SECTIONS, checkpoint_of, tune
from textmill.errors import InputError, UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.translate.pairs import Direction, Found, Pair
    from textmill.config import Settings
    from textmill.infer.resolve import LoadedModel
    from textmill.tune.start import Task

FRESH_EPOCHS = 10.0


def run(
    context: Context,
    *,
    data: tuple[str, ...],
    validation: tuple[str, ...],
    languages: str | None,
    directions: tuple[str, ...],
    fresh: bool,
    model: str | None,
    **given: Any,
) -> dict[str, Any]:
    """Tunes a model on pairs; returns the run's summary."""
    from textmill.apps.translate.languages import language_code
    from textmill.apps.translate.learning import hold_out
    from textmill.apps.translate.pairs import Found, both_ways, parse_directions

    if not data:
        raise InputError("cli_tune_translate.no_data")
    if fresh and model is not None:
        raise UsageError("usage.together", options="--fresh, --model")
    project = context.need_project()
    codes = tuple(language_code(code) for code in languages.split(",")) if languages else ()
    if languages and (len(codes) < 2 or not all(codes)):
        raise UsageError("translate.languages", value=languages)
    wanted = parse_directions(directions)
    found = Found()
    pairs = read(context, data, validation, codes, found)
    wanted = wanted or both_ways(found.pairs)
    pairs = hold_out(pairs, context.settings.tune.held_out_share)
    tell(context, found, pairs, wanted)
    newest, _ = checkpoint_of(context, given["name"])
    if newest is None and (fresh or (model is None and not has_runs(project.runs))):
        fresh, model = True, fresh_model(context, pairs, given["name"])

    def make_task(base: "LoadedModel", settings: "Settings") -> "tuple[Task, Settings]":
        return task_of(context, base, settings, pairs, wanted)

    return tune(context, make_task, model=model, onward="cli_tune_translate.next", **given)


def read(
    context: Context, data: tuple[str, ...], validation: tuple[str, ...], codes: tuple[str, ...], found: "Found"
) -> "list[Pair]":
    """Returns the clean pairs of the files; those of `validation` are held out."""
    import dataclasses

    from textmill.apps.translate.cleaning import clean_pairs
    from textmill.apps.translate.pair_files import read_pairs

    with context.progress(t("cli_tune_translate.reading")) as progress:
        progress(0, 1)
        # held-out pairs first: a copy of one among the others is then the duplicate
        held = [
            dataclasses.replace(pair, held_out=True) for pair in read_pairs(validation, languages=codes, found=found)
        ]
        pairs = clean_pairs([*held, *read_pairs(data, languages=codes, found=found)], found)
        progress(1, 1)
    if not pairs:
        raise InputError("cli_tune_translate.none", files=", ".join(data), left_out=reasons(found) or "–")
    return pairs


def reasons(found: "Found") -> str:
    """Returns what was left out and why, in words, the most frequent first."""
    return ", ".join(
        t(f"translate.left_{reason}", count=count, place=found.examples[reason])
        for reason, count in found.left_out.most_common()
    )


def tell(context: Context, found: "Found", pairs: "list[Pair]", directions: "tuple[Direction, ...]") -> None:
    """Says what was read and what was left out."""
    held = sum(pair.held_out for pair in pairs)
    by_languages = ", ".join(f"{name} {count:,}" for name, count in found.pairs.items())
    shown = ", ".join(map(str, directions))
    context.say(
        t("cli_tune_translate.read", read=by_languages, kept=len(pairs) - held, held_out=held, directions=shown)
    )
    if found.left_out:
        context.say(t("cli_tune_translate.left_out", reasons=reasons(found)))


def has_runs(folder: Path) -> bool:
    """True where the project has a model to begin with."""
    return folder.is_dir() and any((each / "checkpoints").is_dir() for each in folder.iterdir())


def fresh_model(context: Context, pairs: "list[Pair]", name: str) -> str:
    """Returns the folder of a model with random weights and a vocabulary of the pairs, made if it is not there."""
    from textmill.apps.translate.fresh import FRESH_FOLDER, make_fresh
    from textmill.model.counts import count_parameters

    folder = context.need_project().runs / name / FRESH_FOLDER
    with context.progress(t("cli_tune_translate.vocabulary"), "MB") as progress:
        tokenizer, config = make_fresh(pairs, context.settings, folder, progress)
    parameters = count_parameters(config).total
    context.say(t("cli_tune_translate.begins", size=tokenizer.vocabulary_size, parameters=parameters))
    return str(folder)


def task_of(
    context: Context, base: "LoadedModel", settings: "Settings", pairs: "list[Pair]", wanted: "tuple[Direction, ...]"
) -> "tuple[Task, Settings]":
    """Returns the task and the settings of the run."""
    from textmill.apps.translate.card import form_for
    from textmill.apps.translate.fresh import FRESH_FOLDER
    from textmill.apps.translate.learning import fresh_settings, make_task, with_dropout
    from textmill.tune.plan import laid_out

    begins = base.folder.name == FRESH_FOLDER
    if begins:
        settings = fresh_settings(settings, context.chosen)
        if not context.chosen("tune.epochs"):
            settings = settings.replace({"tune.epochs": FRESH_EPOCHS})
    if context.chosen("model.dropout"):
        with_dropout(base.model, settings.model.dropout)
    form = form_for(base.tokenizer)
    task, stream, lesson = make_task(pairs, wanted, base.tokenizer, form, settings, base.model)
    settings = laid_out(settings, context.chosen, base.model.config, context=task.context, epoch_rows=stream.epoch_rows)
    settings = fresh_settings(settings, context.chosen) if begins else settings
    context.say(
        t(
            "cli_tune_translate.learns",
            texts=len(lesson.training),
            learned=stream.epoch_learned_tokens,
            rows=stream.epoch_rows,
            context=task.context,
            fill=stream.fill,
            left_out=lesson.training.left_out,
        )
    )
    return task, settings


COMMAND = Command(
    words=("tune", "translate"),
    run=run,
    example="textmill tune translate --data pairs.tsv --budget 10m\n"
    "textmill tune translate --data train.en.gz train.de.gz --directions en-de --name en-de\n"
    "textmill tune translate --model hf:OWNER/NAME --data memory.tmx --method lora",
    arguments=(
        *(argument for argument in ARGUMENTS if argument.name not in ("--general", "--name")),
        Argument(name="--name", metavar="NAME", default="translate"),
        Argument(name="--languages", metavar="CODE,CODE"),
        Argument(name="--directions", many="*", metavar="FROM-TO"),
        Argument(name="--fresh", flag=True, default=False),
    ),
    settings=(*SECTIONS, "model", "tokenizer"),
)
