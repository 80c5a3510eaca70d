"""What the workers of test_limits.py do; in a module that a fresh process finds by its name."""

import os
import signal
import time
from collections.abc import Callable, Iterator

from textmill.config import CorpusSettings
from textmill.data import limits
from textmill.data.opening import Found, opened
from textmill.data.sources import SourceFile
from textmill.errors import MissingExtraError


def work(item: str) -> str:
    """Is what the workers of these tests do."""
    if item == "loop":
        with limits.countdown(0.2):
            while True:
                pass
    if item == "wait":
        with limits.countdown(0.02):
            time.sleep(60)
    if item == "eat":
        return "x" * (1 << 33)
    if item == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if item == "fail":
        raise KeyError("a bug")
    return item.upper()


def work_all(items: list[str]) -> list[str]:
    """Is what a worker does with a list."""
    return [work(item) for item in items]


def open_all(
    file: SourceFile, settings: CorpusSettings, alive: Callable[[], None]
) -> Iterator[tuple[SourceFile, Found]]:
    """Opens files as usual, but after its third piece one whose name says so does what a hostile one may do."""
    for number, piece in enumerate(opened(file, settings, alive)):
        if number == 3:
            if "needs" in file.name:
                raise MissingExtraError("corpus.missing_extra", file=file.name, package="zstandard")
            for harm in ("loop", "eat", "crash"):
                if harm in file.name:
                    misbehave(harm)
            if "goes_on" in file.name:
                spend(2.5 * settings.document_seconds, alive)
        yield piece


def misbehave(harm: str) -> None:
    """Loops without end, takes all memory or crashes."""
    if harm == "loop":
        spend(1e9, lambda: None)
    work(harm)


def spend(seconds: float, alive: Callable[[], None]) -> None:
    """Takes so much processor time, and says now and then that it goes on."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        alive()
