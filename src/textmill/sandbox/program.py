"""What runs in the sandbox, within which limits, and how it ended."""

from dataclasses import dataclass

PASSED, FAILED, LEFT, TIME, MEMORY, OUTPUT, KILLED = "passed", "failed", "left", "time", "memory", "output", "killed"
REASONS = (PASSED, FAILED, LEFT, TIME, MEMORY, OUTPUT, KILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one program may use. Time is the processor's, so that other work on the machine changes no verdict."""

    seconds: float = 4.0
    """Of processor time, with the 0.03 s that Python takes to start."""
    waiting: float = 20.0
    """By the clock: sleeping is no way around."""
    memory: int = 512 << 20
    """Of address space, in bytes; Python itself takes some 30 MB of it."""
    disk: int = 16 << 20
    """In /tmp, which lies in memory."""
    output: int = 64 << 10
    """Bytes to stdout, and as many to stderr; one more ends the program."""
    threads: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Python text, and what judges it: `tests` run after it in its own names; `stdin` is what it may read.

    With tests the code is imported (its `if __name__ == "__main__"` does not run); without, it is the main program.
    """

    code: str
    tests: str = ""
    stdin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a program ended.

    `reason` is one of
        passed   it ran to the end, its tests too
        failed   an exception, or an exit code other than 0
        left     it ended with code 0 before its tests did
        time, memory, output   it went beyond a limit
        killed   a signal ended it (a crash)
    """

    passed: bool
    reason: str
    output: str
    """What it wrote to stdout."""
    errors: str
    """What it wrote to stderr."""
    seconds: float
    """Of processor time."""

    @property
    def detail(self) -> str:
        """The last line on stderr: of an exception, its name and message."""
        return next((line.strip() for line in reversed(self.errors.splitlines()) if line.strip()), "")
