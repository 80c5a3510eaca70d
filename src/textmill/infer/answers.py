"""Many requests over one engine, each with all that came of it, told in the order in which they were given.

    requests ─▶ at most `ahead` of them in the engine ─▶ the first one's answer as soon as it is whole, then the next

The engine works on all that are in it, so a long answer at the front holds back the telling, not the work.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from textmill.errors import UserError
from textmill.infer.engine.interface import TextEngine
from textmill.infer.engine.request import Request, Ticket
from textmill.infer.events import Collector, Event, Failed, Generation, Output

AHEAD = 4
"""Requests in the engine for each that runs: enough for the queue never to be empty behind a long answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one request."""

    request: Request
    samples: tuple[Generation, ...] = ()
    slid: bool = False
    """A sample has outgrown the model's context and went on with half of it in view."""
    error: UserError | None = None
    """Why there are no samples."""


class _Open:
    """A request on its way."""

    def __init__(self, engine: TextEngine, request: Request) -> None:
        self.request, self.slid, self.error = request, False, None
        self._collector = Collector(seed=request.settings.seed)
        self.ticket: Ticket | None = None
        try:
            self.ticket = engine.add(request, self._take, on_slide=self._slide)
        except UserError as error:
            self.error: UserError | None = error

    @property
    def done(self) -> bool:
        return self.ticket is None or self.ticket.done

    def _take(self, output: Output) -> None:
        if isinstance(output, Event):
            self._collector.add(output)
        elif isinstance(output, Failed):
            if not isinstance(output.error, UserError):
                raise output.error  # a bug of ours is no property of one request
            self.error = output.error

    def _slide(self) -> None:
        self.slid = True

    def answer(self) -> Answer:
        samples = () if self.error else tuple(self._collector.generations())
        return Answer(request=self.request, samples=samples, slid=self.slid, error=self.error)


def answers(engine: TextEngine, requests: Iterable[Request]) -> Iterator[Answer]:
    """Yields the answer to each request, in their order; `requests` is read only as far ahead as keeps the engine busy.

    Requests need a seed of their own (`SamplingSettings.seeded`). What is under way when the caller stops is cancelled.
    """
    source, waiting = iter(requests), deque[_Open]()
    ahead = AHEAD * engine.at_once
    try:
        while True:
            while len(waiting) < ahead and (request := next(source, None)) is not None:
                waiting.append(_Open(engine, request))
            if not waiting:
                return
            while waiting and waiting[0].done:
                yield waiting.popleft().answer()
            if waiting:
                engine.step()
    finally:
        for left in waiting:
            if left.ticket is not None:
                engine.cancel(left.ticket)
