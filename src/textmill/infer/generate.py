"""Writing text: the prompt is read once, then each sample is drawn token by token and told as it comes.

    prompt ─▶ <|endoftext|> + ids ─▶ read ─▶ [ filter and draw ─▶ bytes ─▶ whole characters ─▶ stop strings ─▶ text ] …

Every training document begins with <|endoftext|>, so every prompt does. Samples are written one after another, each
at batch 1: fp32 matrix kernels round differently for another number of rows (measured: logits differ by up to 6e-6
between 1 and 4 rows), and a seed must give the same text however many samples were asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from textmill.errors import ModelError
from textmill.i18n import t
from textmill.infer.context import ReadContext, half_context, kept_prompt
from textmill.infer.sampling import SamplingSettings, sample_tokens, uniform
from textmill.infer.stop import StopFilter
from textmill.model.gpt import GPT
from textmill.model.modes import evaluating
from textmill.tokenizer.special_tokens import TURN_ENDS
from textmill.tokenizer.stream import StreamDecoder
from textmill.tokenizer.tokenizer import Tokenizer

STOP, LENGTH, END, CONTEXT, INTERRUPTED = "stop", "length", "end", "context", "interrupted"
"""Finish reasons: a stop string came, max_tokens were written, the model ended its document or turn, the context is
full and may not slide, the user stopped it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One token was drawn. `text` is what may be printed now: it can be empty, or more than this token's text."""

    sample: int
    text: str
    id: int
    log_probability: float
    """Under the model itself, before temperature and filters."""
    finish_reason: str = ""
    """Set in a sample's last event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One finished sample; `text` is the continuation without the prompt."""

    sample: int
    text: str
    ids: tuple[int, ...]
    finish_reason: str
    seed: int
    """Gives this text again as the seed of a request with n = 1."""
    log_probability: float
    """The sum over `ids`."""


@dataclass(slots=True, kw_only=True)
class Collector:
    """Makes generations of events; also of those of a stream that was broken off."""

    seed: int
    events: dict[int, list[Event]] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Takes an event."""
        self.events.setdefault(event.sample, []).append(event)

    def generations(self) -> list[Generation]:
        """Returns the samples so far."""
        return [
            Generation(
                sample=sample,
                text="".join(event.text for event in events),
                ids=tuple(event.id for event in events),
                finish_reason=events[-1].finish_reason or INTERRUPTED,
                seed=self.seed + sample,
                log_probability=sum(event.log_probability for event in events),
            )
            for sample, events in self.events.items()
        ]


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
    settings = settings.seeded()
    note = _once(on_note)
    ids = prompt_ids(tokenizer, prompt)
    check_ids(model, ids)
    kept = kept_prompt(len(ids), model.config.context, settings.max_tokens)
    if kept < len(ids):
        note("infer.prompt_cut", tokens=len(ids), context=model.config.context, kept=kept)
    with evaluating(model):
        read = ReadContext(model, capacity=kept + settings.max_tokens - 1)
        logits_1V = read.read(ids[-kept:])
        for sample in range(settings.n):
            last = sample == settings.n - 1
            writer = _Writer(read if last else read.fork(), tokenizer, settings, sample, note)
            yield from writer.write(logits_1V, ids)


def prompt_ids(tokenizer: Tokenizer, prompt: str | Sequence[int]) -> list[int]:
    """Returns the ids that a model is given for `prompt`; never none, as something must be read to be continued.

    A text begins as the model's tokenizer has it: ours with <|endoftext|>, Llama's and Gemma's with their own token,
    Qwen's and GPT-2's with nothing.
    """
    ids = [*tokenizer.start_ids, *tokenizer.encode(prompt)] if isinstance(prompt, str) else list(prompt)
    return ids or [document_start(tokenizer)]


def document_start(tokenizer: Tokenizer) -> int:
    """Returns the token before each document: an imported model's own beginning of text, else <|endoftext|>."""
    name = tokenizer.special_variables.get("bos_token", "")
    if name in tokenizer.special:
        return tokenizer.special[name]
    return tokenizer.end_of_text_id  # raises where there is neither


def end_ids(tokenizer: Tokenizer) -> frozenset[int]:
    """Returns the tokens that end a sample: the document's end and a chat turn's, by whatever name."""
    names = (*TURN_ENDS, tokenizer.special_variables.get("eos_token", ""))
    return frozenset(
        (tokenizer.end_of_text_id, *(tokenizer.special[name] for name in names if name in tokenizer.special))
    )


def check_ids(model: GPT, ids: Sequence[int]) -> None:
    """Raises ModelError unless the model knows all tokens of the prompt."""
    size = model.config.vocabulary_size
    if not 0 <= min(ids) <= max(ids) < size:
        raise ModelError("infer.foreign_ids", size=size, got=max(ids) if max(ids) >= size else min(ids))


def _once(on_note: Callable[[str], None] | None) -> Callable[..., None]:
    """Returns a function that tells each note of the catalogue at most once."""
    told: set[str] = set()

    def note(key: str, **values: object) -> None:
        if on_note is not None and key not in told:
            told.add(key)
            on_note(t(key, **values))

    return note


class _Writer:
    """Writes one sample."""

    def __init__(
        self,
        context: ReadContext,
        tokenizer: Tokenizer,
        settings: SamplingSettings,
        sample: int,
        note: Callable[..., None],
    ) -> None:
        self.context, self.settings, self.sample, self.note = context, settings, sample, note
        self.ends = end_ids(tokenizer)
        self.known = tokenizer.vocabulary_size
        self.decoder = StreamDecoder(tokenizer)
        self.stops = StopFilter(settings.stop)

    def write(self, logits_1V: Float[Tensor, "1 V"], prompt: Sequence[int]) -> Iterator[Event]:
        """Yields an event a token until there is a reason to finish."""
        seen_1V = self._seen(logits_1V, prompt)
        for place in range(self.settings.max_tokens):
            id, log_probability = self._draw(logits_1V, place, seen_1V)
            text = "" if id in self.ends else self.stops.feed(self.decoder.feed(id))
            reason = self._reason(id, place)
            if reason and reason != STOP:
                text += self.stops.finish()  # an open character stays in the decoder: half of one is never shown
            yield Event(sample=self.sample, text=text, id=id, log_probability=log_probability, finish_reason=reason)
            if reason:
                return
            if self.context.full:
                context = self.context.capacity
                self.note("infer.context_slid", context=context, kept=half_context(context))
            logits_1V = self.context.read([id])

    def _draw(self, logits_1V: Tensor, place: int, seen_1V: Tensor | None) -> tuple[int, float]:
        """Returns the next token, one that the tokenizer knows, and its log-probability."""
        uniform_1 = torch.tensor([uniform(self.settings.seed + self.sample, place)], dtype=torch.float64)
        with torch.inference_mode():
            id_1, log_probability_1 = sample_tokens(logits_1V[:, : self.known], self.settings, uniform_1, seen_1V)
            if seen_1V is not None:
                seen_1V[0, id_1] = True
        return int(id_1), float(log_probability_1)

    def _reason(self, id: int, place: int) -> str:
        """Returns why the sample ends with this token, or ""."""
        if id in self.ends:
            return END
        if self.stops.stopped:
            return STOP
        if place + 1 == self.settings.max_tokens:
            return LENGTH
        return CONTEXT if self.context.full and not self.settings.slide else ""

    def _seen(self, logits_1V: Tensor, prompt: Sequence[int]) -> Bool[Tensor, "1 V"] | None:
        """Returns which tokens the prompt has, where the repetition penalty wants to know."""
        if self.settings.repetition_penalty == 1:
            return None
        seen_1V = torch.zeros_like(logits_1V[:, : self.known], dtype=torch.bool)
        seen_1V[0, [id for id in prompt if id < self.known]] = True
        return seen_1V
