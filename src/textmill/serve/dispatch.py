"""Between the event loop and the engine's thread: who may ask now, what comes back, and the end of it.

    admit (429) ─▶ submit ─▶ engine's thread: tell ─▶ inbox ─▶ loop: batches of outputs ─▶ close: cancelled, forgotten

An `Answer` is one HTTP request's texts. Whatever ends it (the last output, an error, a client that went away, the time
limit), its `close` takes back what the engine has not finished, and that is gone before the engine's next step.
"""

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from textmill.errors import UsageError
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import WRITE, Request
from textmill.infer.engine.thread import EngineSwitch, Handle
from textmill.infer.events import Event, Failed, Output, Scored
from textmill.serve.refusal import LIMITED, SERVER, Refused

MOST_PENDING = 65_536
"""Outputs that wait for a client which reads more slowly than the engine writes."""
LONGEST_RETRY = 60


class Rate:
    """How much a second, over the last ten seconds or so."""

    MEMORY = 10.0

    def __init__(self) -> None:
        self._value, self._at = 0.0, time.monotonic()

    def add(self, count: float) -> None:
        """Notes that `count` more came."""
        self._value = self.value + count / self.MEMORY
        self._at = time.monotonic()

    @property
    def value(self) -> float:
        """The rate now."""
        return self._value * math.exp((self._at - time.monotonic()) / self.MEMORY)


class Dispatcher:
    """Hands requests to the engine; knows how many are open, and whose."""

    def __init__(self, switch: EngineSwitch, *, most: int, most_per_key: int, seconds: float) -> None:
        self.switch, self.most, self.most_per_key, self.seconds = switch, most, most_per_key, seconds
        self.open: Counter[str] = Counter()
        self.answers: set[Answer] = set()
        self.finished, self.tokens = Rate(), Rate()
        self.draining = False
        self.observe: Callable[[Answer], None] = lambda answer: None
        """Called with each answer when it is over."""
        self.observe_work: Callable[[Engine, float], None] = lambda engine, seconds: None
        """The same of work of many requests: by which engine, and how long it took."""

    @contextmanager
    def place(self, key: str) -> Iterator["Place"]:
        """Gives an HTTP request a place from its beginning to its end; Refused where there is none."""
        self.check(key, 1)
        place = Place(key=key)
        self.open[key] += 1
        try:
            yield place
        finally:
            self.open[key] -= place.count
            if self.open[key] <= 0:
                del self.open[key]
            self.finished.add(place.count)

    def start(self, requests: Sequence[Request], place: "Place") -> "Answer":
        """Hands over an HTTP request's texts, each of which needs a place."""
        count = sum(request.settings.n for request in requests)
        most = min(self.most, self.most_per_key)
        if count > most:
            raise Refused(UsageError("serve.too_many_texts", value=count, most=most), code="too_many_texts")
        self.check(place.key, count - place.count)
        self.open[place.key] += count - place.count
        place.count = count
        return Answer(self, requests)

    def check(self, key: str, count: int) -> None:
        """Raises Refused unless so many more texts may come."""
        if self.draining or not self.switch.alive:
            error = UsageError("serve.stopping")
            raise Refused(error, status=503, code="shutting_down", kind=SERVER, headers={"Retry-After": "5"})
        if self.open[key] + count > self.most_per_key:
            raise self._later(UsageError("serve.key_busy", most=self.most_per_key), self.open[key])
        if self.open.total() + count > self.most:
            raise self._later(UsageError("serve.queue_full", most=self.most), self.open.total())

    def _later(self, error: UsageError, waiting: int) -> Refused:
        seconds = min(LONGEST_RETRY, max(1, math.ceil(waiting / 2 / max(self.finished.value, 0.05))))
        headers = {"Retry-After": str(seconds)}
        return Refused(error, status=429, code="rate_limit_exceeded", kind=LIMITED, headers=headers)


@dataclass(slots=True, kw_only=True)
class Place:
    """An HTTP request's place among the open ones: so many texts of a key."""

    key: str
    count: int = 1


class Answer:
    """What comes of one HTTP request's texts; a context manager."""

    def __init__(self, dispatcher: Dispatcher, requests: Sequence[Request]) -> None:
        self.dispatcher, self.requests = dispatcher, requests
        self.began = time.monotonic()
        self.first_token: float | None = None
        self.last_token = self.began
        self.written = 0
        self.handles: list[Handle] = []
        self._loop = asyncio.get_running_loop()
        self._told: deque[tuple[int, Output]] = deque()
        self._ready = asyncio.Event()
        self._woken = False
        self._left = sum(request.settings.n if request.kind == WRITE else 1 for request in requests)

    def __enter__(self) -> Self:
        self.dispatcher.answers.add(self)
        try:
            for index, request in enumerate(self.requests):
                self.handles.append(self.dispatcher.switch.submit(request, self._teller(index)))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Takes back what is not finished; again and again does no harm."""
        if self not in self.dispatcher.answers:
            return
        self.dispatcher.answers.discard(self)
        for handle in self.handles:
            if handle.ticket is None or not handle.ticket.done:
                self.dispatcher.switch.cancel(handle)
        self.dispatcher.observe(self)

    def _teller(self, index: int) -> Callable[[Output], None]:
        def tell(output: Output) -> None:  # on the engine's thread
            self._told.append((index, output))
            if not self._woken:
                self._woken = True
                try:
                    self._loop.call_soon_threadsafe(self._ready.set)
                except RuntimeError:
                    pass  # the loop is closed: nobody listens any more

        return tell

    async def outputs(self) -> AsyncIterator[list[tuple[int, Output]]]:
        """Yields what came since the last time, as (which request, output), until all is told.

        Raises what a request failed with, and Refused past the time limit.
        """
        while self._left > 0:
            await self._wait()
            batch: list[tuple[int, Output]] = []
            while self._told:
                batch.append(self._told.popleft())
            failed = next((place for place, (_, output) in enumerate(batch) if isinstance(output, Failed)), None)
            for _, output in batch[:failed]:
                self._count(output)
            if batch[:failed]:
                yield batch[:failed]
            if failed is not None:
                raise batch[failed][1].error  # type: ignore[union-attr]

    async def _wait(self) -> None:
        left = self.began + self.dispatcher.seconds - time.monotonic()
        try:
            async with asyncio.timeout(left):
                await self._ready.wait()
        except TimeoutError:
            error = UsageError("serve.late", seconds=f"{self.dispatcher.seconds:g}")
            raise Refused(error, status=504, code="timeout", kind=SERVER) from None
        self._ready.clear()
        self._woken = False
        if len(self._told) > MOST_PENDING:
            raise Refused(UsageError("serve.reader_slow"), status=408, code="reader_too_slow")

    def _count(self, output: Output) -> None:
        if isinstance(output, Event):
            self.last_token = time.monotonic()
            self.first_token = self.first_token or self.last_token
            self.written += 1
            self.dispatcher.tokens.add(1)
            self._left -= bool(output.finish_reason)
        elif not isinstance(output, Scored) or self.requests[0].kind != WRITE:
            self._left -= 1

    @property
    def path(self) -> str:
        """Names the weights and kernels that answer; "" before the engine has taken the request."""
        tickets = [handle.ticket for handle in self.handles if handle.ticket is not None]
        return tickets[0].path if tickets else ""

    @property
    def reused(self) -> int:
        """How many of the prompts' tokens were in the cache."""
        return sum(handle.ticket.reused_tokens for handle in self.handles if handle.ticket is not None)
