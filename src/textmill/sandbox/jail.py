"""The process around one foreign program: makes the namespaces, starts it in them, watches it, says how it ended.

    asker (run.py) ─ one line of JSON ─▶ this process ─ fork ─▶ first process of its namespace ─ exec ─▶ the program
                   ◀─ one line of JSON ─               ◀─ stdout, stderr, verdict ─

It is a program of its own, so that a big process with threads never forks. It ends the program when time is up, when
too much is written, and when the asker is gone; when it is killed itself, the kernel ends the program (PDEATHSIG), and
with the first process of a namespace everything in it.
"""

import fcntl
import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textmill.sandbox import inside, linux
from textmill.sandbox.program import OUTPUT, TIME

NAMESPACES = linux.CLONE_NEWUSER | linux.CLONE_NEWPID | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
STDOUT, STDERR, VERDICT, PROGRESS = "output", "errors", "verdict", "progress"
PIPES = (STDOUT, STDERR, VERDICT, PROGRESS)
"""In the order of their numbers in the program: 1, 2, 3; the last one closes as it begins."""
TICK = 0.02
BLOCK = 1 << 16


def main() -> None:
    """Serves one request; a machine that cannot make the namespaces is an answer too."""
    request = json.loads(sys.stdin.buffer.readline())
    try:
        make_namespaces()
        report = Watch(*start(request), request["limits"]).report()
    except (OSError, KeyError) as error:  # KeyError: a processor whose system calls are not listed
        report = {"refused": f"{type(error).__name__}: {error}"}
    sys.stdout.buffer.write(json.dumps(report).encode())
    sys.stdout.buffer.flush()


def make_namespaces() -> None:
    """Leaves user, process, network, IPC and host name behind; children are in new ones."""
    this, user, group = os.getpid(), os.geteuid(), os.getegid()
    ready, go = os.pipe()
    helper = os.fork()  # stays outside, where one may say who is who inside
    if helper == 0:
        failed = 1
        try:
            os.close(go)
            if os.read(ready, 1):
                write_maps(Path(f"/proc/{this}"), user, group)
                failed = 0
        finally:
            os._exit(failed)
    linux.unshare(NAMESPACES)
    os.write(go, b".")
    if os.waitpid(helper, 0)[1] != 0:
        raise PermissionError("uid_map")
    os.close(go)
    os.close(ready)


def write_maps(process: Path, user: int, group: int) -> None:
    """Says who is who in a new user namespace: for root everybody is who they were, so that any Python can be shown.

    An ordinary user may map only themselves, and is nobody inside.
    """
    if user == 0:
        maps = {name: identity(Path("/proc/self", name)) for name in ("uid_map", "gid_map")}
        try:
            if all(maps.values()):
                for name, text in maps.items():
                    (process / name).write_text(text, encoding="ascii")
                return
        except OSError:
            pass  # root without its privileges, as in some containers
    (process / "setgroups").write_text("deny", encoding="ascii")
    (process / "uid_map").write_text(f"{inside.NOBODY} {user} 1\n", encoding="ascii")
    (process / "gid_map").write_text(f"{inside.NOBODY} {group} 1\n", encoding="ascii")


def identity(own: Path) -> str:
    """Returns the map in which everybody of our own namespace is who they are, "" if nobody is not among them."""
    rows = [tuple(map(int, row.split())) for row in own.read_text(encoding="ascii").splitlines()]
    there = any(inner <= inside.NOBODY < inner + count for inner, _, count in rows)
    return "".join(f"{inner} {inner} {count}\n" for inner, _, count in rows) if there else ""


def start(request: Mapping[str, Any]) -> tuple[int, dict[str, int]]:
    """Returns the number of the new process, and the pipes that can be read."""
    pipes = {name: os.pipe() for name in PIPES}
    child = os.fork()
    if child == 0:
        progress = 2
        try:
            high = [fcntl.fcntl(pipes[name][1], fcntl.F_DUPFD_CLOEXEC, 64) for name in PIPES]
            progress = high[-1]
            os.closerange(3, 64)
            for number, writing in enumerate(high[:-1], start=1):
                os.dup2(writing, number)
            inside.become(request, progress)
        except BaseException as error:  # of our own making still: the program has not begun
            os.write(progress, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(1)
    for _, writing in pipes.values():
        os.close(writing)
    return child, {name: reading for name, (reading, _) in pipes.items()}


class Watch:
    """Reads what the program writes until it ends, and ends it beyond a limit."""

    def __init__(self, child: int, pipes: Mapping[str, int], limits: Mapping[str, Any]) -> None:
        self.child, self.limits = child, limits
        self.found = {name: bytearray() for name in pipes}
        self.asker_gone = False
        self.waited = 0.0
        self.selector = selectors.DefaultSelector()
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ, None)
        for name, pipe in pipes.items():
            self.selector.register(pipe, selectors.EVENT_READ, name)

    def report(self) -> dict[str, Any]:
        """Returns how the program ended, once it has."""
        stopped, before = "", time.monotonic()
        while True:
            self.read(TICK)
            ended, status, use = os.wait4(self.child, os.WNOHANG)
            if ended:
                break
            now = time.monotonic()
            self.waited += min(now - before, 10 * TICK)  # a machine that stood still has not waited
            before = now
            stopped = stopped or self.beyond()
            if stopped:
                os.kill(self.child, signal.SIGKILL)
        while self.read(0):
            pass
        refused = self.found[PROGRESS].lstrip(b".").decode(errors="replace")
        if refused:
            return {"refused": refused}
        return {
            "code": os.waitstatus_to_exitcode(status),
            "verdict": bool(self.found[VERDICT]),
            "stopped": stopped or (OUTPUT if self.too_much() else ""),
            **{name: self.found[name][: self.limits["output"]].decode(errors="replace") for name in (STDOUT, STDERR)},
            "seconds": use.ru_utime + use.ru_stime,
        }

    def read(self, patience: float) -> int:
        """Reads what is there, waiting so long for something; returns how many pipes there was something to read in."""
        ready = self.selector.select(patience)
        for key, _ in ready:
            if key.data is None:
                self.asker_gone = True
                self.selector.unregister(key.fileobj)
                continue
            block = os.read(key.fd, BLOCK)
            self.found[key.data] += block
            if not block or self.too_much():
                self.selector.unregister(key.fileobj)
        if len(self.selector.get_map()) <= 1:  # every pipe is closed: the program is ending
            time.sleep(min(patience, TICK / 10))
        return len(ready)

    def beyond(self) -> str:
        """Returns which limit the program went beyond, "" for none; for an asker who is gone time is up."""
        if self.too_much():
            return OUTPUT
        clock = (~self.child << 3) | 2  # of another process's processor time, as clock_getcpuclockid has it
        late = self.asker_gone or self.waited > self.limits["waiting"]
        return TIME if late or time.clock_gettime(clock) > self.limits["seconds"] else ""

    def too_much(self) -> bool:
        """Says whether more was written than may be."""
        return any(len(found) > self.limits["output"] for found in self.found.values())


if __name__ == "__main__":
    main()
