"""The engine on a thread of its own, for servers: requests come from any thread, outputs go to callbacks.

    submit, cancel, close ─▶ inbox ─▶ [ take what came, step, tell ] … while there is anything to do

The thread alone touches the engine. If a step fails, every open request is told so, and new ones are taken.
"""

import queue
import threading
from collections.abc import Callable

from textmill.errors import ResourceError
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request, Ticket
from textmill.infer.events import Failed, Output


class Handle:
    """A request that was handed over; its `ticket` is there once the engine has taken it."""

    def __init__(self, request: Request, tell: Callable[[Output], None]) -> None:
        self.request, self._tell = request, tell
        self.ticket: Ticket | None = None
        self.cancelled = False

    def tell(self, output: Output) -> None:
        """Passes an output on, unless the request was taken back."""
        if not self.cancelled:
            self._tell(output)


class EngineThread:
    """Runs `engine` until `close`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closing = self._closed = False
        self._thread = threading.Thread(target=self._run, name="textmill engine", daemon=True)

    def start(self) -> "EngineThread":
        """Starts the thread."""
        self._thread.start()
        return self

    def submit(self, request: Request, tell: Callable[[Output], None]) -> Handle:
        """Queues a request; `tell` is called on the engine's thread and must return at once.

        What cannot be answered is told as `Failed`; ResourceError once the engine is closing.
        """
        if self._closing:
            raise ResourceError("infer.closing")
        handle = Handle(request, tell)
        self._inbox.put(lambda: self._add(handle))
        return handle

    def cancel(self, handle: Handle) -> None:
        """Takes a request back: nothing more is told, and its place is free before the next step."""
        handle.cancelled = True
        self._inbox.put(lambda: self._cancel(handle))

    def close(self, *, drain: bool = True, timeout: float | None = None) -> bool:
        """Ends the thread, with `drain` after the open requests; True when it ended within `timeout` seconds."""
        self._closing = True
        self._inbox.put((lambda: None) if drain else self._break_off)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """True while the thread runs."""
        return self._thread.is_alive()

    def _add(self, handle: Handle) -> None:
        if handle.cancelled:
            return
        try:
            handle.ticket = self.engine.add(handle.request, handle.tell)
        except Exception as error:
            handle.tell(Failed(error=error))

    def _cancel(self, handle: Handle) -> None:
        if handle.ticket is not None:
            self.engine.cancel(handle.ticket)

    def _break_off(self) -> None:
        self._closed = True
        self.engine.fail(ResourceError("infer.closing"))

    def _run(self) -> None:
        while not self._closed:
            self._take_in()
            if self.engine.idle:
                if self._closing and self._inbox.empty():
                    return
                continue
            try:
                self.engine.step()
            except Exception as error:
                self.engine.fail(error)

    def _take_in(self) -> None:
        """Does what came in; waits for something where there is nothing else to do."""
        if self.engine.idle and not self._closing:
            self._inbox.get()()
        while not self._closed:
            try:
                self._inbox.get_nowait()()
            except queue.Empty:
                return
