"""`textmill tune sft`: a model learns from examples what to answer."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Command, Context
from textmill.cli.tuning import ARGUMENTS, SECTIONS, tune
from textmill.errors import InputError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.config import Settings
    from textmill.infer.resolve import LoadedModel
    from textmill.tune.start import Task


def run(
    context: Context,
    *,
    data: tuple[str, ...],
    validation: tuple[str, ...],
    general: tuple[str, ...],
    **given: Any,
) -> dict[str, Any]:
    """Tunes `model` on `data`; returns the run's summary."""
    if not data:
        raise InputError("cli_tune_sft.no_data")

    def make_task(base: "LoadedModel", settings: "Settings") -> "tuple[Task, Settings]":
        from textmill.tune.plan import laid_out
        from textmill.tune.sft import supervised

        config = base.model.config
        with context.progress(t("cli_tune_check.reading")) as progress:
            task, stream, found = supervised(
                data,
                base.tokenizer,
                settings,
                config,
                validation=validation,
                general=general_texts(general),
                progress=progress,
            )
        settings = laid_out(settings, context.chosen, config, context=task.context, epoch_rows=stream.epoch_rows)
        counts = {"examples": len(found.training), "held_out": len(found.held_out), "rows": stream.epoch_rows}
        learned, fill = stream.epoch_learned_tokens, stream.fill
        context.say(t("cli_tune_sft.read", context=task.context, learned=learned, fill=fill, **counts))
        for finding in found.checked.findings:
            context.say("  " + finding.told())
        return task, settings

    return tune(context, make_task, **given)


def general_texts(files: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the paragraphs of files of general text."""
    texts: list[str] = []
    for file in files:
        try:
            text = Path(file).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("cli_tune_sft.no_general", file=file, detail=error) from error
        texts += [part for part in text.split("\n\n") if part.strip()]
    if files and not texts:
        raise InputError("cli_tune_sft.no_general", file=files[0], detail="0")
    return tuple(texts)


COMMAND = Command(
    words=("tune", "sft"),
    run=run,
    example="textmill tune sft --model main --data chats.jsonl --budget 10m\n"
    "textmill tune sft --model hf:OWNER/NAME --data chats.jsonl --method lora --name helper",
    arguments=ARGUMENTS,
    settings=SECTIONS,
)
