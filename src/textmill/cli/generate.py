"""`textmill generate`: a model goes on writing from a prompt, shown as it writes.

stdout gets the prompt and the text, stderr the model's name and the speed. The document of ``--json``: ``model, step,
folder, device, prompt, samples [{text, finish_reason, tokens, seed, logprob}], seconds, tokens_per_second, notes``.
``finish_reason`` is "stop" (a stop string), "length" (max_tokens), "end" (the model ended the document) or
"interrupted" (Ctrl-C; exit code 130); ``tokens`` counts them and ``logprob`` is the sum of their natural
log-probabilities under the model; ``seed`` gives the sample again with ``--n 1``.
"""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.text_input import read_prompt
from textmill.cli.text_output import SampleWriter
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.infer.events import Generation
    from textmill.infer.resolve import LoadedModel
    from textmill.infer.sampling import SamplingSettings

SHORT = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens", "seed")
"""The [generate] settings that have a short option of the same name."""


@dataclass(slots=True, kw_only=True)
class Request:
    """One call of the command, and what came of it."""

    loaded: "LoadedModel"
    prompt: str
    settings: "SamplingSettings"
    device: str
    samples: "list[Generation]" = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

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
            "device": self.device,
            "prompt": self.prompt,
            "samples": [
                {
                    "text": sample.text,
                    "finish_reason": sample.finish_reason,
                    "tokens": len(sample.ids),
                    "seed": sample.seed,
                    "logprob": sample.log_probability,
                }
                for sample in self.samples
            ],
            "seconds": self.seconds,
            "tokens_per_second": self.rate,
            "notes": self.notes,
        }


def run(
    context: Context, *, prompt: str | None, model: str | None, n: int, stop: tuple[str, ...], device: str, **short: Any
) -> dict[str, Any]:
    """Writes `n` continuations of `prompt`."""
    changes = {f"generate.{name}": value for name, value in short.items() if value is not None}
    chosen = context.settings.replace(changes).generate
    text = read_prompt(context, prompt)

    from textmill.infer.sampling import SamplingSettings

    settings = SamplingSettings.of(chosen, n=n, stop=stop).seeded()
    request = load(context, model, text, settings, device)
    try:
        write(context, request)
    except KeyboardInterrupt:
        context.say(t("cli_generate.stopped", tokens=request.tokens))
        raise Stopped(request.document()) from None
    place = request.loaded.name if request.loaded.step is None else f"{request.loaded.name}@{request.loaded.step}"
    values = {"model": place, "tokens": request.tokens, "seed": settings.seed, "device": request.device}
    context.say(t("cli_generate.done", seconds=f"{request.seconds:.1f}", rate=f"{request.rate:.0f}", **values))
    return request.document()


def load(context: Context, model: str | None, prompt: str, settings: "SamplingSettings", device: str) -> Request:
    """Loads the model onto the device, and tells what the user should know about it."""
    import torch

    from textmill.hardware import check_device, default_threads
    from textmill.infer.resolve import load as load_model

    place = check_device(device)
    if place == "cpu":
        torch.set_num_threads(default_threads())
    loaded = load_model(model, context.project, device=place)
    request = Request(loaded=loaded, prompt=prompt, settings=settings, device=place)
    for note in loaded.notes:
        tell(context, request, note)
    return request


def tell(context: Context, request: Request, note: str) -> None:
    """Says a note on stderr and keeps it for the document."""
    request.notes.append(note)
    context.say(note)


def write(context: Context, request: Request) -> None:
    """Streams all samples; the request has them (also part of them) whatever ends it."""
    from textmill.infer.events import Collector
    from textmill.infer.generate import stream

    loaded, collector = request.loaded, Collector(seed=request.settings.seed)
    began = time.perf_counter()
    events = stream(
        loaded.model,
        loaded.tokenizer,
        request.prompt,
        request.settings,
        on_note=lambda note: tell(context, request, note),
    )
    try:
        with SampleWriter(context, request.prompt, request.settings.n) as writer:
            for event in events:
                collector.add(event)
                writer.show(event.sample, event.text)
    finally:
        request.seconds = time.perf_counter() - began
        request.samples = collector.generations()


COMMAND = Command(
    words=("generate",),
    run=run,
    example=(
        'textmill generate "One morning"\n'
        'textmill generate "一天早上" --n 3 --temperature 0.7 --stop "。"\n'  # text data
        "textmill generate - --model main@1000 --json < prompt.txt"
    ),
    arguments=(
        Argument(name="prompt", many="?"),
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--n", kind=int, default=1),
        Argument(name="--stop", many="*"),
        Argument(name="--max-tokens", kind=int),
        Argument(name="--temperature", kind=float),
        Argument(name="--top-k", kind=int),
        Argument(name="--top-p", kind=float),
        Argument(name="--min-p", kind=float),
        Argument(name="--repetition-penalty", kind=float),
        Argument(name="--seed", kind=int),
        Argument(name="--device", default="", metavar="DEVICE"),
    ),
    settings=("generate",),
)
