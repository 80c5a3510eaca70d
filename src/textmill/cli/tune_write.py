"""`textmill tune write`: a model learns a kind of article and its voice from a folder of examples.

Beside the run's checkpoints lie ``kind.toml`` (``textmill write --kind NAME`` finds it) and ``examples.jsonl``, what
was learned. The document of ``--json`` is that of ``tune sft`` with ``kind, articles {before, after}`` (bits per byte
of the articles held out).
"""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.tuning import ARGUMENTS, SECTIONS, tune
from textmill.errors import InputError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.write.examples import Example
    from textmill.config import Settings
    from textmill.infer.resolve import LoadedModel
    from textmill.tune.start import Task

EXAMPLES_FILE = "examples.jsonl"


def run(context: Context, *, data: tuple[str, ...], **given: Any) -> dict[str, Any]:
    """Tunes a model on articles; returns the run's summary."""
    from textmill.apps.write.examples import held_out, read_examples
    from textmill.apps.write.kinds import KIND_FILE
    from textmill.apps.write.learning import conversations, counts, make_kind_of, write_kind
    from textmill.files import write_bytes
    from textmill.train.events import read_events

    if not data:
        raise InputError("cli_tune_write.no_data")
    examples, unread = read_examples([Path(each).expanduser() for each in data])
    kept_out = held_out(examples, context.settings.tune.held_out_share)
    told = ", ".join(f"{language} {count}" for language, count in sorted(counts(examples).items()))
    context.say(t("cli_tune_write.read", articles=told, held_out=len(kept_out), unread=unread))
    folder = context.need_project().runs / given["name"]
    kind = make_kind_of(given["name"], examples)
    rows = conversations(examples, kind, kept_out)

    def make_task(base: "LoadedModel", settings: "Settings") -> "tuple[Task, Settings]":
        write_kind(kind, folder / KIND_FILE)
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_bytes(folder / EXAMPLES_FILE, "".join(lines).encode())
        return task_of(context, base, settings, folder / EXAMPLES_FILE, [e for e in examples if e.place in kept_out])

    result = tune(context, make_task, onward="cli_tune_write.next", **given)
    scored = {event["when"]: event["bits_per_byte"] for event in read_events(folder) if event["type"] == "articles"}
    if "before" in scored and "after" in scored:
        before, after = scored["before"], scored["after"]
        context.print(t("cli_tune_write.articles", before=before, after=after, change=after / before - 1))
    return result | {"kind": str(folder / KIND_FILE), "articles": scored}


def task_of(
    context: Context, base: "LoadedModel", settings: "Settings", file: Path, kept_out: "list[Example]"
) -> "tuple[Task, Settings]":
    """Returns the task and the settings of the run."""
    from textmill.apps.write.learning import WritingLooks
    from textmill.tune.looks import TuningLooks
    from textmill.tune.plan import laid_out
    from textmill.tune.sft import supervised

    config = base.model.config
    with context.progress(t("cli_tune_check.reading")) as progress:
        task, stream, found = supervised([file], base.tokenizer, settings, config, progress=progress)
    settings = laid_out(settings, context.chosen, config, context=task.context, epoch_rows=stream.epoch_rows)
    counts = {"examples": len(found.training), "held_out": len(found.held_out), "rows": stream.epoch_rows}
    fill, learned = stream.fill, stream.epoch_learned_tokens
    context.say(t("cli_tune_sft.read", context=task.context, learned=learned, fill=fill, **counts))
    for finding in found.checked.findings:
        context.say("  " + finding.told())
    assert isinstance(task.looks, TuningLooks)
    looks = WritingLooks(held_out=task.looks.held_out, articles=tuple(each.text for each in kept_out))
    return dataclasses.replace(task, looks=looks), settings


COMMAND = Command(
    words=("tune", "write"),
    run=run,
    example="textmill tune write --model main --data my-columns/ --name column --budget 10m\n"
    'textmill write --model column --kind column --topic "The harbour"',
    arguments=(
        *(argument for argument in ARGUMENTS if argument.name not in ("--general", "--name", "--validation")),
        Argument(name="--name", metavar="NAME", default="voice"),
    ),
    settings=SECTIONS,
)
