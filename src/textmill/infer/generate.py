"""Writing text with a model in memory: one prompt, one or several samples, told token by token as they come.

    prompt ─▶ <|endoftext|> + ids ─▶ engine: read once, drawn token by token ─▶ whole characters ─▶ stop strings ─▶ text

Every training document begins with <|endoftext|>, so every prompt does. Samples are written one after another, which
costs torch's kernels nothing: see `engine.torch_runner`. A seed gives the same text however many were asked for.
"""

from collections.abc import Callable, Generator, Iterator, Sequence

from textmill.i18n import t
from textmill.infer.context import half_context, kept_prompt
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request, Ticket
from textmill.infer.engine.scheduler import Limits
from textmill.infer.engine.torch_runner import PAGE, TorchRunner
from textmill.infer.events import Collector, Event, Failed, Generation, Output
from textmill.infer.prompts import check_ids, prompt_ids
from textmill.infer.sampling import SamplingSettings
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer


def generate(
    model: GPT,
    tokenizer: Tokenizer,
    prompt: str | Sequence[int],
    settings: SamplingSettings,
    *,
    on_text: Callable[[int, str], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> list[Generation]:
    """Returns `settings.n` continuations of `prompt`; `on_text` gets (sample, text) as it comes.

    See `stream` for the prompt and the notes.
    """
    settings = settings.seeded()
    collector = Collector(seed=settings.seed)
    for event in stream(model, tokenizer, prompt, settings, on_note=on_note):
        collector.add(event)
        if on_text is not None and event.text:
            on_text(event.sample, event.text)
    return collector.generations()


def stream(
    model: GPT,
    tokenizer: Tokenizer,
    prompt: str | Sequence[int],
    settings: SamplingSettings,
    *,
    on_note: Callable[[str], None] | None = None,
) -> Iterator[Event]:
    """Yields an event a token, sample after sample.

    A prompt of ids is read as it is; a text gets the beginning of a document before it, and special tokens spelled in
    it are plain text. `on_note` gets what the user should know (a prompt cut, a context that slid), each once.
    """
    note = once(on_note)
    ids = cut_prompt(model, prompt_ids(tokenizer, prompt), settings, note)
    context = model.config.context
    pages = -(-min(len(ids) + settings.max_tokens, context) // PAGE)
    engine = Engine(TorchRunner(model, page_count=pages), tokenizer, limits=Limits(running=1))
    request = Request(ids=tuple(ids), settings=settings.seeded())
    yield from events(engine, request, lambda: note("infer.context_slid", context=context, kept=half_context(context)))


def cut_prompt(model: GPT, ids: Sequence[int], settings: SamplingSettings, note: Callable[..., None]) -> Sequence[int]:
    """Returns the last tokens of a prompt that is longer than the model's context, with a note."""
    context = model.config.context
    check_ids(model.config, ids)
    kept = kept_prompt(len(ids), context, settings.max_tokens)
    if kept < len(ids):
        note("infer.prompt_cut", tokens=len(ids), context=context, kept=kept)
    return ids[-kept:]


def events(engine: Engine, request: Request, on_slide: Callable[[], None] = lambda: None) -> Iterator[Event]:
    """Yields what comes of one request, stepping the engine; raises what went wrong with it."""
    return ticket_events(engine, request, on_slide=on_slide)


def ticket_events(
    engine: Engine,
    request: Request,
    on_ticket: Callable[[Ticket], None] = lambda ticket: None,
    *,
    on_slide: Callable[[], None] = lambda: None,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Event, None, None]:
    """As `events`; `on_ticket` gets the ticket before each event, `stop` is asked before each step."""
    told: list[Output] = []
    ticket = engine.add(request, told.append, on_slide=on_slide)
    try:
        while (told or not ticket.done) and not stop():
            if not told:
                engine.step()
            waiting, told[:] = list(told), []
            for output in waiting:
                if isinstance(output, Failed):
                    raise output.error
                if isinstance(output, Event):
                    on_ticket(ticket)
                    yield output
    finally:
        engine.cancel(ticket)


def once(on_note: Callable[[str], None] | None) -> Callable[..., None]:
    """Returns a function that tells each note of the catalogue at most once."""
    told: set[str] = set()

    def note(key: str, **values: object) -> None:
        if on_note is not None and key not in told:
            told.add(key)
            on_note(t(key, **values))

    return note
