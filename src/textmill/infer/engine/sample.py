"""One text on its way through the engine: its tokens, its pages, how far it is computed, and what it has told.

    ids       everything in view: the prompt, then what was written; when the context is full, its last half
    computed  how many of ids have keys and values in the pages
    pages     page i holds positions i · page_size …

Shapes: V vocabulary.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from textmill.infer.context import half_context
from textmill.infer.engine.pages import first_key, next_key
from textmill.infer.engine.request import EMBED, SCORE, WRITE, Ticket
from textmill.infer.events import CONTEXT, END, LENGTH, STOP, Event
from textmill.infer.sampler import Draw, Drawer, Sampler, tell
from textmill.infer.stop import StopFilter
from textmill.tokenizer.stream import StreamDecoder
from textmill.tokenizer.tokenizer import Tokenizer


@dataclass(slots=True, kw_only=True)
class Guesses:
    """How well guessing ahead goes for one text; see `speculation`."""

    share: float = 1.0
    """Of the proposals, how many came true, the latest counting most."""
    rest_until: int = 0
    """No proposals before so many tokens are written."""
    rest: int = 0
    """The last pause, in tokens."""


class Sample:
    """The state of one text; the scheduler gives it pages, the engine gives it scores."""

    def __init__(
        self,
        ticket: Ticket,
        number: int,
        tokenizer: Tokenizer,
        ends: frozenset[int],
        on_slide: Callable[[], None],
        drawer: Drawer | None = None,
    ) -> None:
        request = ticket.request
        self.ticket, self.number, self.request, self.on_slide = ticket, number, request, on_slide
        self.settings = request.settings
        self.ids = list(request.ids)
        self.prompt_length = len(self.ids)
        """How many of `ids` are read as a prompt: of a window that slid, all that it began with."""
        self.computed = 0
        self.pages: list[int] = []
        self.keys: list[bytes] = []
        """The keys of its full pages, so far."""
        self.finished = False
        self.settled = False
        """Its scores are taken and what comes next is decided elsewhere: nothing to compute until then."""
        self.written = 0
        self.scores: list[Draw] = []
        self.best: list[int] = []
        self.vector: Tensor | None = None
        self.guesses = Guesses()
        self.ends = (frozenset() if self.settings.ignore_end else ends) | frozenset(self.settings.stop_ids)
        self.decoder = StreamDecoder(tokenizer)
        self.stops = StopFilter(self.settings.stop)
        matcher = request.grammar.matcher() if request.grammar is not None and request.kind == WRITE else None
        self.matcher = matcher
        banned = ends if self.settings.ignore_end else frozenset()
        self.sampler = Sampler(
            self.settings,
            tokenizer,
            request.ids,
            sample=number,
            ends=self.ends,
            banned=banned,
            matcher=matcher,
            drawer=drawer,
        )

    @property
    def waiting_rows(self) -> int:
        """How many of its tokens have to be computed before the next one can be drawn."""
        return len(self.ids) - self.computed

    @property
    def scored(self) -> bool:
        """True where the prompt's own tokens are to be told."""
        return self.request.kind == SCORE or (self.request.scores and self.number == self.written == 0)

    @property
    def reads_all(self) -> bool:
        """True where every token's row is needed, so that no page of another text can stand for it."""
        return self.request.kind == EMBED

    def wanted(self, count: int) -> list[int]:
        """Returns which of the next `count` rows have to be told."""
        if self.request.kind == EMBED:
            return list(range(count))
        last = [count - 1] if self.request.kind == WRITE and self.computed + count >= len(self.ids) else []
        if not self.scored:
            return last
        end = len(self.request.ids) - 1  # the row after the last token scores nothing
        first = max(self.request.score_from - 1 - self.computed, 0)
        return list(range(first, min(count, end - self.computed))) + last

    def score(self, row: int, logits_V: Float[Tensor, " V"]) -> None:
        """Takes the scores after prompt token `row`, which are those of the token behind it."""
        logits_V = logits_V[: self.sampler.known]
        self.scores.append(tell(logits_V, self.request.ids[row + 1], self.settings.logprobs))
        self.best.append(int(logits_V.argmax()))

    def next_event(self, logits_V: Float[Tensor, " V"], context: int) -> Event:
        """Draws the next token from its scores and returns what it tells; the sample is longer by that token."""
        drawn = self.sampler.draw(logits_V)
        self.ids.append(drawn.id)
        self.written += 1
        self.ticket.written_tokens += 1
        is_end = drawn.id in self.ends
        text = "" if is_end else self._text(drawn.id)
        reason = self._reason(drawn.id, is_end, context)
        if reason and not self.stops.stopped:
            text += self.stops.finish()  # an open character stays in the decoder: half of one is never shown
        self.finished = bool(reason)
        return Event(
            sample=self.number,
            text=text,
            id=drawn.id,
            log_probability=drawn.log_probability,
            finish_reason=reason,
            top=drawn.top,
            stop=self.stops.stopped,
        )

    def _text(self, id: int) -> str:
        piece = self.decoder.feed(id)
        return self.stops.feed(piece) if self.written > self.settings.min_tokens else piece

    def _reason(self, id: int, is_end: bool, context: int) -> str:
        """Returns why the sample ends with this token, or ""."""
        if is_end:
            return STOP if id in self.settings.stop_ids else END
        if self.stops.stopped:
            return STOP
        if self.matcher is not None and self.matcher.complete:
            return END
        if self.written >= self.settings.max_tokens:
            return LENGTH
        return CONTEXT if len(self.ids) > context and not self.settings.slide else ""

    def fork(self) -> "Sample":
        """Returns a text with the same tokens that goes its own way; it has no pages yet."""
        other = copy.copy(self)
        other.ids, other.guesses = list(self.ids), Guesses()
        other.sampler = self.sampler.fork()
        other.matcher = other.sampler.matcher
        other.forget()
        return other

    def append(self, id: int) -> None:
        """Adds a token that was chosen elsewhere."""
        self.sampler.take(id)
        self.ids.append(id)
        self.written += 1
        self.settled = False

    def slide(self, context: int) -> None:
        """Keeps the last half of a full context, to be read anew; its pages must have been let go of."""
        self.ids = self.ids[-half_context(context) :]
        self.prompt_length = len(self.ids)
        self.forget()
        self.on_slide()

    def forget(self) -> None:
        """Drops what is computed: its pages are gone."""
        self.computed, self.pages, self.keys = 0, [], []
        if not self.written:
            self.scores, self.best, self.vector = [], [], None

    def key(self, page: int, size: int) -> bytes:
        """Returns the key of its `page`-th page, all of whose tokens are known."""
        while len(self.keys) <= page:
            at = len(self.keys)
            before = self.keys[at - 1] if at else first_key(self.request.adapter)
            self.keys.append(next_key(before, self.ids[at * size : (at + 1) * size]))
        return self.keys[page]
