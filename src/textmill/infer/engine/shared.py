"""A server's engine for those who step an engine themselves: a translator, a writer.

    add ─▶ the engine's thread, whose steps hold everybody's texts ─▶ inbox ─▶ step: told on the worker's own thread

To the worker it is an engine like its own, and what comes of a request is the same to the bit: it depends on the
request alone. `end` (from any thread) takes back what is under way and lets the worker out of whatever it does next.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import replace

from textmill.errors import ResourceError
from textmill.infer.answers import AHEAD
from textmill.infer.engine.request import Request, Ticket
from textmill.infer.engine.thread import EngineThread, Handle
from textmill.infer.events import Event, Failed, Output

SECONDS = 1.0
"""Between two looks whether the engine's thread still lives."""


class WorkEnded(Exception):
    """Nobody waits for the work any more."""


class SharedEngine:
    """One worker's share of the engine on `thread`; `key` is whose work it is, `adapter` what answers."""

    def __init__(self, thread: EngineThread, *, key: str = "", adapter: str = "") -> None:
        self.thread, self.key, self.adapter = thread, key, adapter
        self.tokenizer = thread.engine.tokenizer
        self.written = 0
        """Tokens that the engine wrote for this work."""
        self._told: queue.SimpleQueue[tuple[Ticket, Output | None] | None] = queue.SimpleQueue()
        self._handles: dict[Ticket, Handle] = {}
        self._lock = threading.Lock()
        self._ended = False

    @property
    def capacity(self) -> int:
        """The most tokens that one text can have in view."""
        return self.thread.engine.capacity

    @property
    def context(self) -> int:
        """The model's context."""
        return self.thread.engine.context

    @property
    def at_once(self) -> int:
        """How many texts run for this work: with `AHEAD`, it has no more in the queue than a step holds."""
        return max(1, self.thread.engine.at_once // AHEAD)

    def add(
        self, request: Request, tell: Callable[[Output], None], *, on_slide: Callable[[], None] = lambda: None
    ) -> Ticket:
        """Hands a request over; raises UserError for what cannot be answered."""
        request = replace(request, key=self.key, adapter=self.adapter)
        self.thread.engine.check(request)
        ticket = Ticket(
            request=request, path=self.thread.engine.runner.path, tell=tell, prompt_tokens=len(request.ids), open={0}
        )
        with self._lock:
            if self._ended:
                raise WorkEnded
            self._handles[ticket] = self.thread.submit(
                request,
                lambda output: self._told.put((ticket, output)),
                on_end=lambda: self._told.put((ticket, None)),
                on_slide=on_slide,
            )
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Takes a request back."""
        ticket.cancelled = True
        with self._lock:
            handle = self._handles.pop(ticket, None)
        if handle is not None:
            self.thread.cancel(handle)

    def step(self) -> bool:
        """Waits for the engine's next news and tells all that there is; False when nothing is under way."""
        if self._ended:
            raise WorkEnded
        if not self._handles:
            return False
        self._tell(self._next())
        while not self._told.empty():
            self._tell(self._told.get())
        return True

    def end(self) -> None:
        """Ends the work: the engine drops its requests before its next step."""
        with self._lock:
            self._ended = True
            handles = list(self._handles.values())
            self._handles.clear()
        for handle in handles:
            self.thread.cancel(handle)
        self._told.put(None)

    def _next(self) -> tuple[Ticket, Output | None] | None:
        while True:
            try:
                return self._told.get(timeout=SECONDS)
            except queue.Empty:
                if not self.thread.alive and self._told.empty():
                    raise ResourceError("infer.closing") from None

    def _tell(self, news: tuple[Ticket, Output | None] | None) -> None:
        if news is None or self._ended:
            raise WorkEnded
        ticket, output = news
        if output is None or isinstance(output, Failed):
            ticket.open.clear()
            with self._lock:
                self._handles.pop(ticket, None)
        if output is None or ticket.cancelled:
            return
        self.written += isinstance(output, Event)
        ticket.tell(output)
