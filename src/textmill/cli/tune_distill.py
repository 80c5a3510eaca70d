"""`textmill tune distill`: a model learns a teacher's whole distribution, or a teacher's answers."""

from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.tune_methods import laid_out_for, refuse_division, run_folder, tell, with_rows
from textmill.cli.tune_sft import general_texts
from textmill.cli.tuning import ARGUMENTS, SECTIONS, tune
from textmill.errors import InputError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.config import Settings
    from textmill.infer.resolve import LoadedModel
    from textmill.tune.start import Task


def run(
    context: Context, *, data: tuple[str, ...], teacher: str, general: tuple[str, ...], **given: Any
) -> dict[str, Any]:
    """Tunes the model; returns the run's summary."""
    refuse_division(context, "distill")
    if not data:
        raise InputError("cli_tune_sft.no_data")

    def make_task(base: "LoadedModel", settings: "Settings") -> "tuple[Task, Settings]":
        import torch

        from textmill.infer.resolve import load
        from textmill.tune.distilling import Distilling
        from textmill.tune.plan import method_of

        settings = settings.replace({"tune.method": method_of(settings, base.model.config)})
        loaded = load(teacher, context.project, dtype=torch.float32)
        with context.progress(t("cli_tune_check.reading")) as progress:
            folder = run_folder(context, given["name"])
            options: dict[str, Any] = {"folder": folder, "device": given["device"], "progress": progress}
            distilling = Distilling(base, loaded, settings, **options)
            task, stream, found = distilling.task(data, general=general_texts(general))
        settings = laid_out_for("distill", context, settings, base, row=task.context, epoch_rows=stream.epoch_rows)
        tell(context, found, task, stream.epoch_rows)
        return with_rows(task, settings), settings

    return tune(context, make_task, **given)


COMMAND = Command(
    words=("tune", "distill"),
    run=run,
    example="textmill tune distill --model small --teacher large --data chats.jsonl\n"
    "textmill tune distill --model small --teacher large --data chats.jsonl --distill.top 64",
    arguments=(
        *(argument for argument in ARGUMENTS if argument.name != "--validation"),
        Argument(name="--teacher", required=True, metavar="MODEL"),
    ),
    settings=("distill", *SECTIONS),
)
