"""How long a document may take and how much memory a worker may have, held by the kernel of the system.

The work is done in libraries that do not let go (a loop in C, an expression that backtracks), so nothing inside the
process can be asked to watch it: timers are armed whose signal ends the process, and its data may not grow beyond a
limit. What happened is read from the way in which it ended (`cause_of`).

Time is the process's own processor time, so that other work on the machine changes nothing; a document that waits
instead of working (for a disk that is gone) has `PATIENCE` times as long by the clock. On Windows there are no such
timers, and only Linux holds the limit of memory.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 20
MEMORY_EXIT = 86
"""Exit code of a worker that was refused memory."""
GIGABYTE = 1 << 30
TIMEOUT, MEMORY, CRASHED = "timeout", "memory", "crashed"


@contextmanager
def countdown(seconds: float) -> Iterator[Callable[..., None]]:
    """Ends this process when one document takes longer than `seconds`; calling what is given begins the next one.

    Called with other seconds, it gives the next one so many; with 0 nothing is counted until it is called again.
    """
    if not hasattr(signal, "setitimer"):  # Windows
        yield lambda left=0.0: None
        return

    def restart(left: float = seconds) -> None:
        signal.setitimer(signal.ITIMER_PROF, left)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE * left)

    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    restart()
    try:
        yield restart
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def limit_memory(gigabytes: float) -> None:
    """Lets this process's data grow by so much and no more; an allocation beyond it fails."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    status = Path("/proc/self/status").read_text(encoding="ascii")
    now = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData:"))
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = now + int(gigabytes * GIGABYTE)
    if soft == resource.RLIM_INFINITY or wanted < soft:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def out_of_memory() -> None:
    """Ends this process with the code that says why; what was left half done by a failed allocation is not trusted."""
    os._exit(MEMORY_EXIT)


def cause_of(exit_code: int | None) -> str:
    """Returns why a worker ended: TIMEOUT, MEMORY (its limit, or the kernel's killer) or CRASHED."""
    if exit_code == MEMORY_EXIT:
        return MEMORY
    if exit_code is None or exit_code >= 0 or not hasattr(signal, "SIGPROF"):
        return CRASHED
    names = {signal.SIGPROF: TIMEOUT, signal.SIGALRM: TIMEOUT, signal.SIGKILL: MEMORY}
    return names.get(signal.Signals(-exit_code), CRASHED)
