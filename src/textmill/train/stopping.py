"""How Ctrl-C and a scheduler's SIGTERM end a run: saved, and soon.

The loop ends behind the step under way; between the micro-batches of a long step it ends before it, and that step is
done again when the run goes on. What nothing depends on (an evaluation, samples) is left at once. So what passes before
the last save is one micro-batch. A second signal ends without a save.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Left(Exception):
    """Work was left where it stood because a signal asks for the end."""


class Stop:
    """Whether the loop must end early, and by which signal."""

    def __init__(self) -> None:
        self.signal = ""
        """"" or a signal's name."""
        self.again_ends = True
        """False: a second signal changes nothing, as torchrun passes a first one on a second time."""
        self._may_be_left = False

    @property
    def number(self) -> int:
        """The signal's number; 0: none."""
        return signal.Signals[self.signal].value if self.signal else 0

    @number.setter
    def number(self, number: int) -> None:
        self.signal = signal.Signals(number).name if number else ""

    def __bool__(self) -> bool:
        return bool(self.signal)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes SIGINT and SIGTERM while the block runs; outside the main thread whoever started it decides."""
        try:
            old = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:
            yield
            return
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.signal and self.again_ends:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number).name
        if self._may_be_left:
            self._may_be_left = False
            raise Left

    @contextmanager
    def leaves(self) -> Iterator[None]:
        """Runs a block that a signal cuts short by `Left`, also one that has come already."""
        if self:
            raise Left
        self._may_be_left = True
        try:
            yield
        finally:
            self._may_be_left = False

    def leave_if_asked(self) -> None:
        """Raises `Left` where a signal has come."""
        if self:
            raise Left
