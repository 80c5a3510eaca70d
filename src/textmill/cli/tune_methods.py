"""What the commands of tuning by comparison, reward and teacher share beside `tuning`: layout, arguments, messages."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Context
from textmill.cli.tune_sft import general_texts
from textmill.cli.tuning import tune
from textmill.errors import InputError, TrainingError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.config import Settings
    from textmill.infer.resolve import LoadedModel
    from textmill.tune.prepare import Prepared
    from textmill.tune.start import Task

GENTLE = {"dpo": 0.1, "kto": 0.1, "orpo": 0.3, "grpo": 0.1, "distill": 1.0}
"""Each method's learning rate in those of supervised tuning: what compares the model with itself moves it fast."""
ONCE = ("dpo", "kto", "orpo")
"""Methods that read their data once unless told otherwise: a second time they mostly learn it by heart."""


def laid_out_for(
    method: str, context: Context, settings: "Settings", base: "LoadedModel", *, row: int, epoch_rows: int
) -> "Settings":
    """Returns the settings of a run: what the user chose, and for the rest a method's own defaults."""
    from textmill.tune.plan import laid_out

    chosen = context.chosen
    if method in ONCE and not chosen("tune.epochs"):
        settings = settings.replace({"tune.epochs": 1.0})
    settings = laid_out(settings, chosen, base.model.config, context=row, epoch_rows=epoch_rows)
    changes: dict[str, Any] = {"train.skip_spikes": 0.0} if method == "grpo" else {}
    if not chosen("train.learning_rate"):
        changes["train.learning_rate"] = settings.train.learning_rate * GENTLE[method]
    return settings.replace({name: value for name, value in changes.items() if not chosen(name)})


def refuse_division(context: Context, method: str) -> None:
    """Raises TrainingError where a run would be cut other than by its rows: these methods look at whole texts."""
    parallel = context.settings.parallel
    if max(parallel.shard, parallel.tensor, parallel.context, parallel.pipeline) > 1:
        raise TrainingError("tune_preference.divided", method=method)


def tell(context: Context, found: "Prepared", task: "Task", rows: int) -> None:
    """Says what was read."""
    counts = {"examples": len(found.training), "held_out": len(found.held_out)}
    context.say(t("tune_events.read", rows=rows, context=task.context, **counts))
    for finding in found.checked.findings:
        context.say("  " + finding.told())


def compare(
    context: Context,
    way: str,
    /,
    *,
    data: tuple[str, ...],
    validation: tuple[str, ...],
    general: tuple[str, ...],
    **given: Any,
) -> dict[str, Any]:
    """Runs dpo, orpo or kto, whichever `way` is."""
    refuse_division(context, way)
    if not data:
        raise InputError("cli_tune_sft.no_data")

    def make_task(base: "LoadedModel", settings: "Settings") -> "tuple[Task, Settings]":
        from textmill.tune.comparing import Comparing
        from textmill.tune.plan import method_of

        settings = settings.replace({"tune.method": method_of(settings, base.model.config)})
        with context.progress(t("cli_tune_check.reading")) as progress:
            folder = run_folder(context, given["name"])
            comparing = Comparing(way, base, settings, folder=folder, device=given["device"], progress=progress)
            texts = general_texts(general)
            task, stream, found = comparing.task(data, validation=validation, general=texts)
        settings = laid_out_for(way, context, settings, base, row=task.context, epoch_rows=stream.epoch_rows)
        tell(context, found, task, stream.epoch_rows)
        return with_rows(task, settings), settings

    return tune(context, make_task, **given)


def with_rows(task: "Task", settings: "Settings") -> "Task":
    """Returns the task with the rows that each step reads."""
    from dataclasses import replace

    return replace(task, rows_a_step=max(1, settings.train.batch_tokens // task.context))


def run_folder(context: Context, name: str) -> Path:
    """Returns where the run lies."""
    return context.need_project().runs / name
