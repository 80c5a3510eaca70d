"""A conversation with a model: messages, of which as many as the context holds are read, and answers as they come.

    messages ─▶ the oldest turns leave view while they do not fit ─▶ chat template ─▶ engine ─▶ events ─▶ the answer

The system message always stays. Turns leave several at a time, down to three quarters of the room: the beginning of the
text then stays the same for some turns, and the engine finds what it has read before in its cache.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from textmill.errors import ModelError
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request, Ticket
from textmill.infer.events import INTERRUPTED, Event
from textmill.infer.generate import ticket_events
from textmill.infer.prompts import turn_stops
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.chat_template import encode_chat

Message = dict[str, Any]
SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
ANSWER_SHARE = 2
"""An answer has room for max_tokens, but no more than the context by this is kept free for it."""
KEPT = 0.75
"""Of the room for messages, what is left taken when the oldest leave."""


@dataclass(slots=True, kw_only=True)
class Turn:
    """One answer on its way, and what it came to."""

    prompt_tokens: int
    seed: int
    left: int = 0
    """How many turns left view for it."""
    text: str = ""
    tokens: int = 0
    reused_tokens: int = 0
    """Of the prompt's, how many were in the cache."""
    finish_reason: str = INTERRUPTED
    first_seconds: float = 0.0
    """Until the first token: the reading of the messages."""
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Tokens a second from the first one on."""
        writing = self.seconds - self.first_seconds
        return (self.tokens - 1) / writing if self.tokens > 1 and writing > 0 else 0.0


@dataclass(slots=True, kw_only=True)
class Conversation:
    """Messages with one model over one engine, which keeps what it has read from turn to turn."""

    engine: Engine
    settings: SamplingSettings
    system: str = ""
    messages: list[Message] = field(default_factory=list)
    """The user's and the model's, in turn."""
    first: int = 0
    """The first message in view."""
    retries: int = 0
    turn: Turn | None = None
    """The last answer."""

    @property
    def context(self) -> int:
        """The most tokens in view, the answer included."""
        return min(self.engine.runner.config.context, self.engine.capacity)

    @property
    def used(self) -> int:
        """How many tokens the messages in view take."""
        return len(self._ids(self.first, ask=False)) if self.messages or self.system else 0

    # ---- messages

    def say(self, text: str) -> None:
        """Adds the user's message; `answer` then answers it."""
        self.messages.append({"role": USER, "content": text})
        self.retries = 0

    def replace(self, messages: list[Message], system: str) -> None:
        """Puts other messages in the place of all."""
        self.messages, self.system, self.first, self.retries, self.turn = messages, system, 0, 0, None

    def undo(self) -> str | None:
        """Takes back the last turn; returns what the user had said, None when there is none."""
        starts = self._starts(0)
        if not starts:
            return None
        said = self.messages[starts[-1]]["content"]
        del self.messages[starts[-1] :]
        self._show_again()
        return said

    def retry(self) -> bool:
        """Takes back the last answer, so that `answer` gives another; False when there is nothing to answer."""
        starts = self._starts(0)
        if not starts:
            return False
        self.retries = self.retries + 1 if len(self.messages) > starts[-1] + 1 else self.retries
        del self.messages[starts[-1] + 1 :]
        self._show_again()
        return True

    def _show_again(self) -> None:
        """Brings turns back into view when there are none after them."""
        starts = self._starts(0)
        if self.first >= len(self.messages):
            self.first = starts[-1] if starts else 0

    # ---- answers

    def answer(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Returns the answer to the last message, as it comes; `turn` tells about it.

        `stop` is asked before each step; what has come until then is kept as the answer. Raises ModelError when the
        message is too long.
        """
        ids, left = self._fitting()
        settings = self.settings.seeded()
        room = self.context - len(ids) + (self.context == self.engine.runner.config.context)
        settings = replace(
            settings,
            n=1,
            slide=False,
            seed=settings.seed + self.retries * (self.settings.seed >= 0),
            max_tokens=min(settings.max_tokens, max(1, room)),
            stop=(*settings.stop, *turn_stops(self.engine.tokenizer)),
        )
        turn = self.turn = Turn(prompt_tokens=len(ids), seed=settings.seed, left=left)
        return self._events(turn, Request(ids=tuple(ids), settings=settings), stop)

    def _events(self, turn: Turn, request: Request, stop: Callable[[], bool]) -> Iterator[Event]:
        began = time.perf_counter()

        def note(ticket: Ticket) -> None:
            turn.reused_tokens = ticket.reused_tokens

        try:
            with closing(ticket_events(self.engine, request, note, stop=stop)) as coming:
                for event in coming:
                    turn.tokens += 1
                    turn.first_seconds = turn.first_seconds or time.perf_counter() - began
                    turn.text += event.text
                    turn.finish_reason = event.finish_reason or turn.finish_reason
                    turn.seconds = time.perf_counter() - began
                    yield event
        finally:
            turn.seconds = time.perf_counter() - began
            self.messages.append({"role": ASSISTANT, "content": turn.text})

    # ---- the context

    def _fitting(self) -> tuple[list[int], int]:
        """Returns the ids of what is read, and how many turns left view for it."""
        answer = min(self.settings.max_tokens, self.context // ANSWER_SHARE)
        room = self.context - answer
        ids = self._ids(self.first)
        if len(ids) <= room:
            return ids, 0
        starts = self._starts(self.first)
        for most in (int(KEPT * room), room):  # the number of tokens falls with each turn that leaves
            at = bisect_left(starts, True, key=lambda start, most=most: len(self._ids(start)) <= most)
            if at < len(starts):
                self.first = starts[at]
                return self._ids(self.first), at
        ids = self._ids(starts[-1])
        if len(ids) > self.context - answer // 4 - 1:
            raise ModelError("infer.message_too_long", tokens=len(ids), context=self.context)
        self.first = starts[-1]
        return ids, len(starts) - 1

    def _starts(self, first: int) -> list[int]:
        """Returns where turns begin, from message `first` on."""
        return [at for at in range(first, len(self.messages)) if self.messages[at]["role"] == USER]

    def _ids(self, first: int, *, ask: bool = True) -> list[int]:
        """Returns what is read where message `first` is the first in view."""
        system = [{"role": SYSTEM, "content": self.system}] if self.system else []
        return encode_chat(self.engine.tokenizer, system + self.messages[first:], add_generation_prompt=ask)
