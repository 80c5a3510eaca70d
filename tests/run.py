"""`./textmill test`: runs the whole suite; style, types and import directions are tests in it like any other.

    ./textmill test                      what a change must pass
    ./textmill test --slow --browser     with the checks that take minutes, with those that need Chromium
    ./textmill test --long [NAME]        only the full counts (kills, fuzz, soak) whose small form is in the suite
    ./textmill test tests/model -x       other words go to pytest as they are

Exits with pytest's status; nothing collected (5) counts as a failure like any other.
"""

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ("TEXTMILL_PYTHON", "TEXTMILL_JAXTYPING")


def pytest_words(words: list[str]) -> list[str]:
    """Returns pytest's arguments for the words after `./textmill test`."""
    rest: list[str] = []
    chosen: set[str] = set()
    names: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word in ("--slow", "--browser"):
            chosen.add(word[2:])
        elif word == "--long":
            chosen.add("long")
            if waiting and not waiting[0].startswith("-") and not (ROOT / waiting[0]).exists():
                names = ["-k", waiting.pop(0)]
        else:
            rest.append(word)
    left_out = [mark for mark in ("slow", "browser", "long") if mark not in chosen]
    marks = "long" if "long" in chosen else " and ".join(f"not {mark}" for mark in left_out)
    return ["-q", *(["-m", marks] if marks else []), *names, *workers(rest), *rest]


def workers(rest: list[str]) -> list[str]:
    """Returns xdist's option: a process a core, at most four, unless the words say otherwise or name single tests."""
    if any(word.startswith(("-n", "--numprocesses", "--pdb", "-s")) or "::" in word for word in rest):
        return []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ["-n", str(min(4, cores)), "--dist", "loadgroup"] if cores > 1 else []


def main() -> int:
    """Runs pytest at the root with an environment that is the same everywhere."""
    os.chdir(ROOT)
    # A shell starts what it puts into the background with Ctrl-C ignored, and children inherit that: tests that press
    # Ctrl-C would wait for ever. A handler is not inherited, it becomes the default in every child.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # One thread a worker: two workers with two threads each on two cores spend their time on waiting for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name in [name for name in os.environ if name.startswith("TEXTMILL_") and name not in KEPT]:
        del os.environ[name]  # settings of the person's own must not change what is tested
    import pytest

    return int(pytest.main(pytest_words(sys.argv[1:])))


if __name__ == "__main__":
    sys.exit(main())
