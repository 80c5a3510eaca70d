"""`textmill generate --in FILE`: each prompt's samples as a line of JSON, in the order of the prompts, as they finish.

A line is the prompt's row with ``samples`` as in `generate`; ``notes`` where there is something to know (a prompt cut,
a text that outgrew the context); ``error`` in the place of samples where there can be none. All prompts share the
engine, and a seed gives each the text that it would have alone. With ``--out`` the lines are appended, and the same
command goes on where a stopped one ended; ``--json`` then prints ``model, step, folder, device, path, rows,
done_before, failed, tokens, seconds, tokens_per_second, weights_read, out, notes``, and without ``--out`` also
``results``: the lines.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Context, Stopped
from textmill.cli.generate import reading_document, sample_document, say_reading
from textmill.cli.grammar_options import Wish, compiled
from textmill.cli.model_engine import device_of, full_name, load_model, make_engine
from textmill.cli.rows import Row, RowWriter, read_rows
from textmill.errors import UsageError
from textmill.i18n import t
from textmill.infer.answers import Answer, answers
from textmill.infer.context import half_context
from textmill.infer.engine.request import Request
from textmill.infer.generate import cut_prompt
from textmill.infer.native.bandwidth import reading_of
from textmill.infer.prompts import prompt_ids
from textmill.progress import silent

if TYPE_CHECKING:
    from textmill.infer.engine.engine import Engine
    from textmill.infer.engine.request import Grammar
    from textmill.infer.resolve import LoadedModel
    from textmill.infer.sampling import SamplingSettings

FIELD = "prompt"
ADDED = ("samples", "notes", "error")


@dataclass(slots=True, kw_only=True)
class Work:
    """A file of prompts on its way."""

    loaded: "LoadedModel"
    engine: "Engine"
    settings: "SamplingSettings"
    grammar: "Grammar | None"
    rows: list[Row]
    writer: RowWriter
    done: int = 0
    """Lines written by this call."""
    tokens: int = 0
    told: Counter[str] = field(default_factory=Counter)
    """Rows with a note or an error, by its key."""
    notes: dict[int, list[str]] = field(default_factory=dict)
    """Of the rows that are under way."""
    began: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Since the first prompt was read."""
        return time.perf_counter() - self.began


def write_rows(
    context: Context,
    place: str,
    out: Path | None,
    settings: "SamplingSettings",
    wish: Wish | None,
    *,
    model: str | None,
    device: str,
    weights: str,
) -> dict[str, Any]:
    """Answers every prompt of `place`."""
    if out is not None and out.exists() and Path(place).exists() and out.samefile(place):
        raise UsageError("rows.same_file", file=place)
    rows = read_rows(context, place, FIELD)
    writer = RowWriter(context, out, rows, ADDED)
    if writer.done:
        context.say(t("cli_generate.goes_on", file=out, done=writer.done, rows=len(rows)))
    loaded = load_model(context, model, device)
    for note in loaded.notes:
        context.say(note)
    grammar = compiled(wish, loaded.tokenizer)
    engine = make_engine(loaded, weights)
    work = Work(loaded=loaded, engine=engine, settings=settings, grammar=grammar, rows=rows, writer=writer)
    try:
        with writer:
            write_all(context, work)
    except KeyboardInterrupt:
        context.say(t("cli_generate.rows_stopped", done=writer.done + work.done, rows=len(rows)))
        raise Stopped(document(work)) from None
    finish(context, work)
    return document(work)


def write_all(context: Context, work: Work) -> None:
    """Writes a line for each row that has none yet."""
    total = len(work.rows) - work.writer.done
    shown = not context.json and work.writer.out is None and context.output.is_terminal
    bar = nullcontext(silent) if shown else context.progress(t("cli_generate.progress"), t("cli_generate.prompts"))
    with bar as progress:  # none between the lines themselves
        progress(0, total)
        for number, answer in enumerate(answers(work.engine, requests(work)), start=work.writer.done):
            write_one(work, number, answer)
            progress(work.done, total, t("cli_generate.rate", rate=f"{work.tokens / work.seconds:.0f}"))


def requests(work: Work) -> Iterator[Request]:
    """Yields what is asked of the engine for each row that has no line yet."""
    model, tokenizer = work.loaded.model, work.loaded.tokenizer
    for number, row in enumerate(work.rows[work.writer.done :], start=work.writer.done):

        def note(key: str, number: int = number, **values: object) -> None:
            work.told[key] += 1
            work.notes.setdefault(number, []).append(t(key, **values))

        ids = cut_prompt(model, prompt_ids(tokenizer, row[FIELD]), work.settings, note)
        yield Request(ids=tuple(ids), settings=work.settings.seeded(), grammar=work.grammar)


def write_one(work: Work, number: int, answer: Answer) -> None:
    """Writes one row's line."""
    more: Row = {"samples": list(map(sample_document, answer.samples))}
    notes = work.notes.pop(number, [])
    if answer.slid:
        context = work.loaded.model.config.context
        work.told["infer.context_slid"] += 1
        notes.append(t("infer.context_slid", context=context, kept=half_context(context)))
    if notes:
        more["notes"] = notes
    if answer.error is not None:
        work.told["error"] += 1
        more["error"] = {"code": answer.error.key} | answer.error.parts()
    work.writer.write(work.rows[number], more)
    work.done += 1
    work.tokens += sum(len(sample.ids) for sample in answer.samples)


def finish(context: Context, work: Work) -> None:
    """Says what was done, and how many rows there is something to know about."""
    for key, name in (("infer.prompt_cut", "cut"), ("infer.context_slid", "slid"), ("error", "failed")):
        if work.told[key]:
            context.say(t(f"cli_generate.rows_{name}", count=work.told[key]))
    values = {"model": full_name(work.loaded), "path": work.engine.runner.path, "rows": work.done}
    rate = f"{work.tokens / work.seconds:.0f}"
    context.say(t("cli_generate.rows_done", tokens=work.tokens, seconds=f"{work.seconds:.1f}", rate=rate, **values))
    say_reading(context, reading_of(work.engine))


def document(work: Work) -> dict[str, Any]:
    """Returns what ``--json`` prints."""
    seconds, writer = work.seconds, work.writer
    told = {
        "model": work.loaded.name,
        "step": work.loaded.step,
        "folder": str(work.loaded.folder),
        "device": device_of(work.loaded),
        "path": work.engine.runner.path,
        "rows": work.done,
        "done_before": writer.done,
        "failed": work.told["error"],
        "tokens": work.tokens,
        "seconds": seconds,
        "tokens_per_second": work.tokens / seconds,
        "weights_read": reading_document(reading_of(work.engine)),
        "out": str(writer.out) if writer.out is not None else None,
        "notes": list(work.loaded.notes),
    }
    return told if writer.out is not None else told | {"results": writer.kept}
