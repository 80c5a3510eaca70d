"""`textmill generate`: a model goes on writing from a prompt, shown as it writes; or from each prompt of a file.

stdout gets the prompt and the text, stderr the model's name and the speed. The document of ``--json``: ``model, step,
folder, device, path, prompt, samples [{text, finish_reason, tokens, seed, logprob}], seconds, tokens_per_second,
weights_read {achieved, measured}, notes``; with ``--in`` see `generate_rows`. ``path`` names weights and kernels;
``weights_read`` is in bytes/s, ``measured`` what the memory gives, null where compiled kernels do not run.
``finish_reason`` is "stop" (a stop string), "length" (max_tokens), "end" (the model ended the document, or its grammar
is complete) or "interrupted" (Ctrl-C; exit code 130); ``tokens`` counts them and ``logprob`` is the sum of their
natural log-probabilities under the model; ``seed`` gives the sample again with ``--n 1``.
"""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.grammar_options import GRAMMAR_ARGUMENTS, Wish, compiled, take_wish
from textmill.cli.model_engine import MODEL_ARGUMENTS, SAMPLING_ARGUMENTS, device_of, full_name, load_model, make_engine
from textmill.cli.text_input import read_prompt
from textmill.cli.text_output import SampleWriter
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.infer.events import Generation
    from textmill.infer.native.bandwidth import Reading
    from textmill.infer.resolve import LoadedModel
    from textmill.infer.sampling import SamplingSettings

MOST_TEXTS = 16
"""Samples that have room in the cache at a time; more of them wait."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of the command for one prompt, and what came of it."""

    loaded: "LoadedModel"
    prompt: str
    settings: "SamplingSettings"
    path: str = ""
    samples: "list[Generation]" = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    reading: "Reading | None" = None

    @property
    def tokens(self) -> int:
        """How many tokens were written."""
        return sum(len(sample.ids) for sample in self.samples)

    @property
    def rate(self) -> float:
        """Tokens a second, the reading of the prompt included."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def document(self) -> dict[str, Any]:
        """Returns what ``--json`` prints."""
        return {
            "model": self.loaded.name,
            "step": self.loaded.step,
            "folder": str(self.loaded.folder),
            "device": device_of(self.loaded),
            "path": self.path,
            "prompt": self.prompt,
            "samples": list(map(sample_document, self.samples)),
            "seconds": self.seconds,
            "tokens_per_second": self.rate,
            "weights_read": reading_document(self.reading),
            "notes": self.notes,
        }


def sample_document(sample: "Generation") -> dict[str, Any]:
    """Returns what ``--json`` and ``--out`` say of a sample."""
    return {
        "text": sample.text,
        "finish_reason": sample.finish_reason,
        "tokens": len(sample.ids),
        "seed": sample.seed,
        "logprob": sample.log_probability,
    }


def run(
    context: Context,
    *,
    prompt: str | None,
    model: str | None,
    n: int,
    stop: tuple[str, ...],
    device: str,
    weights: str,
    out: Path | None,
    **more: Any,
) -> dict[str, Any]:
    """Writes `n` continuations of `prompt`, or of each prompt of a file."""
    wish, rows = take_wish(more), more.pop("in")
    # what is left are the short forms of [generate] settings
    changes = {f"generate.{name}": value for name, value in more.items() if value is not None}
    chosen = context.settings.replace(changes).generate
    if out is not None and rows is None:
        raise UsageError("usage.goes_with", option="--out", other="--in")
    if rows is not None and prompt is not None:
        raise UsageError("usage.together", options="PROMPT, --in")

    if rows is not None:
        from textmill.cli.generate_rows import write_rows
        from textmill.infer.sampling import SamplingSettings

        settings = SamplingSettings.of(chosen, n=n, stop=stop)
        return write_rows(context, rows, out, settings, wish, model=model, device=device, weights=weights)
    text = read_prompt(context, prompt)

    from textmill.infer.sampling import SamplingSettings

    settings = SamplingSettings.of(chosen, n=n, stop=stop).seeded()
    call = Call(loaded=load_model(context, model, device), prompt=text, settings=settings)
    for note in call.loaded.notes:
        tell(context, call, note)
    try:
        write(context, call, weights, wish)
    except KeyboardInterrupt:
        context.say(t("cli_generate.stopped", tokens=call.tokens))
        raise Stopped(call.document()) from None
    values = {"model": full_name(call.loaded), "tokens": call.tokens, "seed": settings.seed, "path": call.path}
    context.say(t("cli_generate.done", seconds=f"{call.seconds:.1f}", rate=f"{call.rate:.0f}", **values))
    say_reading(context, call.reading)
    return call.document()


def reading_document(reading: "Reading | None") -> dict[str, float] | None:
    """Returns what ``--json`` says of it."""
    return None if reading is None else asdict(reading)


def say_reading(context: Context, reading: "Reading | None") -> None:
    """Says how near to the memory's rate the weights were read."""
    if reading is not None:
        achieved, measured = reading.achieved / 1e9, reading.measured / 1e9
        context.say(t("cli_generate.weights_read", achieved=f"{achieved:.1f}", measured=f"{measured:.1f}"))


def tell(context: Context, call: Call, note: str) -> None:
    """Says a note on stderr and keeps it for the document."""
    call.notes.append(note)
    context.say(note)


def write(context: Context, call: Call, weights: str, wish: Wish | None) -> None:
    """Streams all samples; the call has them (also part of them) whatever ends it."""
    from textmill.infer.context import half_context
    from textmill.infer.engine.request import Request
    from textmill.infer.events import Collector
    from textmill.infer.generate import cut_prompt, events, once
    from textmill.infer.native.bandwidth import reading_of
    from textmill.infer.prompts import prompt_ids

    loaded, settings = call.loaded, call.settings
    note = once(lambda text: tell(context, call, text))
    ids = cut_prompt(loaded.model, prompt_ids(loaded.tokenizer, call.prompt), settings, note)
    grammar = compiled(wish, loaded.tokenizer)
    length = len(ids) + settings.max_tokens
    engine = make_engine(loaded, weights, texts=min(settings.n, MOST_TEXTS), length=length)
    call.path = engine.runner.path
    window = loaded.model.config.context
    request = Request(ids=tuple(ids), settings=settings, grammar=grammar)
    collector, began = Collector(seed=settings.seed), time.perf_counter()
    try:
        with SampleWriter(context, call.prompt, settings.n) as writer:
            for event in events(
                engine, request, lambda: note("infer.context_slid", context=window, kept=half_context(window))
            ):
                collector.add(event)
                writer.show(event.sample, event.text, ended=bool(event.finish_reason))
    finally:
        call.seconds = time.perf_counter() - began
        call.samples = collector.generations()
    call.reading = reading_of(engine)


COMMAND = Command(
    words=("generate",),
    run=run,
    example=(
        'textmill generate "One morning"\n'
        'textmill generate "一天早上" --n 3 --temperature 0.7 --stop "。"\n'  # text data
        "textmill generate - --model main@1000 --json < prompt.txt\n"
        "textmill generate --in prompts.jsonl --out texts.jsonl\n"
        'textmill generate "Tom has a" --choice cat --choice dog'
    ),
    arguments=(
        Argument(name="prompt", many="?"),
        Argument(name="--in", metavar="FILE"),
        Argument(name="--out", kind=Path, metavar="FILE.jsonl"),
        Argument(name="--n", kind=int, default=1),
        Argument(name="--stop", many="*"),
        *SAMPLING_ARGUMENTS,
        *GRAMMAR_ARGUMENTS,
        *MODEL_ARGUMENTS,
    ),
    settings=("generate",),
)
