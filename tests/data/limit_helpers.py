"""What the workers of test_limits.py do; in a module that a fresh process finds by its name."""

import os
import signal
import time

from textmill.data import limits


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
