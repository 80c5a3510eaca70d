"""What takes for ever is ended, with where: a disk that no longer answers, a process that never comes.

A thread looks at the clock. When what the training thread does has taken longer than allowed, the thread writes down
where that stands and interrupts it with a signal, whose handler raises; a wait that no signal reaches (deep in a
library) is ended with the whole process, after the words are on stderr. What is saved is safe either way.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from textmill.errors import TrainingError

SIGNAL = signal.SIGUSR2
GRACE = 30.0
"""Seconds between the signal and the end of the process."""
EXIT_CODE = 2


class StallWatch:
    """Watches the main thread between `doing` and its end."""

    def __init__(self, seconds: float = 0.0, *, grace: float = GRACE) -> None:
        self.seconds, self.grace = seconds, grace
        """0 seconds: nothing is watched."""
        self._doing: list[tuple[str, float]] = []
        self._ended = threading.Event()
        self._error: TrainingError | None = None

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Marks what the block does; the time of a block inside counts for that one alone."""
        self._doing.append((what, time.monotonic()))
        try:
            yield
        finally:
            self._doing.pop()
            if self._doing:
                self._doing[-1] = (self._doing[-1][0], time.monotonic())

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches while the block runs; outside the main thread, where no signal arrives, it does not."""
        if not self.seconds or threading.current_thread() is not threading.main_thread():
            yield
            return
        self._ended.clear()
        before = signal.signal(SIGNAL, self._raise)
        thread = threading.Thread(target=self._look, name="textmill stalls", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            signal.signal(SIGNAL, before)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if self._error is not None:
            raise self._error

    def _look(self) -> None:
        while not self._ended.wait(min(1.0, self.seconds / 4)):
            now = self._doing[-1:]
            if not now or time.monotonic() - now[0][1] < self.seconds:
                continue
            self._error = TrainingError("train.stalled", what=now[0][0], seconds=self.seconds, where=_where())
            signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)
            if self._ended.wait(self.grace):
                return
            print(f"textmill: {self._error}", file=sys.stderr, flush=True)
            os._exit(EXIT_CODE)


def _where() -> str:
    """Returns the innermost places of the main thread, the last first."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    found = traceback.extract_stack(frame)[-4:] if frame is not None else []
    return " < ".join(f"{os.path.basename(each.filename)}:{each.lineno} {each.name}" for each in reversed(found))
