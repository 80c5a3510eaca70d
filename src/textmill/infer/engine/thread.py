"""Engines on threads of their own, for servers: requests come from any thread, outputs go to callbacks.

    submit, cancel, close ─▶ inbox ─▶ [ take what came, step, tell ] … while there is anything to do

The thread alone touches the engine. If a step fails, every open request is told so, and new ones are taken.

`EngineSwitch` serves at once with what is there and gives new requests a better engine when that is ready; those under
way end on the one they began with.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from textmill.errors import ResourceError
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request, Ticket
from textmill.infer.events import Failed, Output


class Handle:
    """A request that was handed over; its `ticket` is there once the engine has taken it."""

    def __init__(
        self,
        request: Request,
        tell: Callable[[Output], None],
        owner: "EngineThread",
        *,
        on_end: Callable[[], None],
        on_slide: Callable[[], None],
    ) -> None:
        self.request, self._tell, self.owner = request, tell, owner
        self.on_end, self.on_slide = on_end, on_slide
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
        self._open: list[Handle] = []
        self._closing = self._closed = False
        self.holders = 0
        """Pieces of work that go on asking (`EngineSwitch.held`)."""
        self._thread = threading.Thread(target=self._run, name="textmill engine", daemon=True)

    def start(self) -> "EngineThread":
        """Starts the thread."""
        self._thread.start()
        return self

    def submit(
        self,
        request: Request,
        tell: Callable[[Output], None],
        *,
        on_end: Callable[[], None] = lambda: None,
        on_slide: Callable[[], None] = lambda: None,
    ) -> Handle:
        """Queues a request; `tell` is called on the engine's thread and must return at once, `on_end` behind the last.

        What cannot be answered is told as `Failed`; ResourceError once the engine is closing.
        """
        if self._closing:
            raise ResourceError("infer.closing")
        handle = Handle(request, tell, self, on_end=on_end, on_slide=on_slide)
        self._inbox.put(lambda: self._add(handle))
        return handle

    def cancel(self, handle: Handle) -> None:
        """Takes a request back: nothing more is told, and its place is free before the next step."""
        handle.cancelled = True
        handle.owner._inbox.put(lambda: handle.owner._cancel(handle))

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
            handle.ticket = self.engine.add(handle.request, handle.tell, on_slide=handle.on_slide)
            self._open.append(handle)
        except Exception as error:
            handle.tell(Failed(error=error))
            handle.on_end()

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
            self._tell_ends()
        self._tell_ends()

    def _tell_ends(self) -> None:
        """Says of requests that are over that nothing more comes."""
        over = [handle for handle in self._open if handle.ticket is None or handle.ticket.done]
        if over:
            self._open = [handle for handle in self._open if handle.ticket is not None and not handle.ticket.done]
        for handle in over:
            if not handle.cancelled:
                handle.on_end()

    def _take_in(self) -> None:
        """Does what came in; waits for something where there is nothing else to do."""
        if self.engine.idle and not self._closing:
            self._inbox.get()()
        while not self._closed:
            try:
                self._inbox.get_nowait()()
            except queue.Empty:
                return


class EngineSwitch:
    """One engine for new requests, and those before it until their requests are answered."""

    def __init__(self, engine: Engine) -> None:
        self._lock = threading.Condition()
        self._threads = [EngineThread(engine).start()]
        self._closing = False

    @property
    def engine(self) -> Engine:
        """What new requests get."""
        return self._threads[-1].engine

    @property
    def engines(self) -> list[Engine]:
        """All that run, the newest last."""
        with self._lock:
            self._threads = [thread for thread in self._threads[:-1] if thread.alive] + self._threads[-1:]
            return [thread.engine for thread in self._threads]

    @property
    def alive(self) -> bool:
        """True while new requests are taken."""
        return not self._closing and self._threads[-1].alive

    def submit(self, request: Request, tell: Callable[[Output], None]) -> Handle:
        """As `EngineThread.submit`, on the newest engine."""
        with self._lock:
            return self._threads[-1].submit(request, tell)

    @contextmanager
    def held(self) -> Iterator[EngineThread]:
        """Gives a piece of work of many requests one engine, the newest, that does not end before the work does."""
        with self._lock:
            thread = self._threads[-1]
            thread.holders += 1
        try:
            yield thread
        finally:
            with self._lock:
                thread.holders -= 1
                self._lock.notify_all()

    def cancel(self, handle: Handle) -> None:
        """Takes a request back, whichever engine has it."""
        handle.owner.cancel(handle)

    def replace(self, engine: Engine) -> None:
        """Gives new requests `engine`; the one before ends when its requests have."""
        fresh = EngineThread(engine).start()
        with self._lock:
            if self._closing:
                fresh.close(drain=False)
                return
            before = self._threads[-1]
            self._threads.append(fresh)
        threading.Thread(target=self._end, args=(before,), name="textmill engine ends", daemon=True).start()

    def _end(self, thread: EngineThread) -> None:
        """Ends an engine that was replaced, once nobody holds it."""
        with self._lock:
            self._lock.wait_for(lambda: self._closing or not thread.holders)
        thread.close()

    def close(self, *, drain: bool = True, timeout: float | None = None) -> bool:
        """Ends all engines; True when they ended within `timeout` seconds together."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
            threads = list(self._threads)
        end = None if timeout is None else time.monotonic() + timeout
        ended = [
            thread.close(drain=drain, timeout=None if end is None else max(0.0, end - time.monotonic()))
            for thread in threads
        ]
        return all(ended)
