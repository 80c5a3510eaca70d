"""Runs foreign programs in the sandbox, several at a time; the side that asks.

    require_sandbox(allowed=…)                       at the beginning of a command, before anything costly
    run_python(code, tests=…, allowed=…)             one program
    run_programs([Program(…), …], allowed=…)         many, as many at a time as there are processors

`allowed` is what the person said with `--allow-code-execution`; without it, and on a machine that cannot hold a
program, nothing runs.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache
from threading import Timer
from typing import Any

from textmill.errors import ResourceError, UsageError
from textmill.sandbox.program import FAILED, KILLED, LEFT, MEMORY, PASSED, TIME, Limits, Outcome, Program

SPARE_SECONDS = 60.0
"""Past the limit by the clock, for a watching process that does not answer any more."""


def require_sandbox(*, allowed: bool) -> None:
    """Raises UsageError without the person's leave, ResourceError where this machine has no sandbox."""
    if not allowed:
        raise UsageError("sandbox.not_allowed")
    problem = _problem()
    if problem:
        raise ResourceError("sandbox.unavailable", detail=problem)


def run_python(code: str, *, tests: str = "", stdin: str = "", allowed: bool, limits: Limits | None = None) -> Outcome:
    """Runs a program and its tests; what `allowed` and the errors are, see `require_sandbox`."""
    return run_programs([Program(code=code, tests=tests, stdin=stdin)], allowed=allowed, limits=limits)[0]


def run_programs(
    programs: Sequence[Program], *, allowed: bool, limits: Limits | None = None, at_a_time: int = 0
) -> list[Outcome]:
    """Returns the outcomes in the order of the programs; `at_a_time` 0: as many as this process has processors."""
    require_sandbox(allowed=allowed)
    running: set[subprocess.Popen[bytes]] = set()
    limits = limits or Limits()
    with ThreadPoolExecutor(at_a_time or len(os.sched_getaffinity(0))) as pool:
        futures = [pool.submit(_run, program, limits, running) for program in programs]
        try:
            return [future.result() for future in futures]
        except BaseException:  # Ctrl-C, or a bug: nothing goes on behind it
            for future in futures:
                future.cancel()
            for process in list(running):
                process.kill()
            raise


@cache
def _problem() -> str:
    """Returns why this machine has no sandbox, "" if it has one: a program is run in it."""
    if not sys.platform.startswith("linux"):
        return sys.platform
    report = _ask(Program(code="answer = 6 * 7", tests="assert answer == 42"), Limits(), set())
    if "refused" in report:
        return report["refused"]
    return "" if report["verdict"] and report["code"] == 0 else f"{report['code']} {report['errors'].strip()}"


def _run(program: Program, limits: Limits, running: set[subprocess.Popen[bytes]]) -> Outcome:
    report = _ask(program, limits, running)
    if "refused" in report:  # although it could be had before: out of memory, of processes
        raise ResourceError("sandbox.unavailable", detail=report["refused"])
    reason = _reason(report, has_tests=bool(program.tests))
    return Outcome(
        passed=reason == PASSED,
        reason=reason,
        output=report["output"],
        errors=report["errors"],
        seconds=report["seconds"],
    )


def _ask(program: Program, limits: Limits, running: set[subprocess.Popen[bytes]]) -> dict[str, Any]:
    """Returns what the watching process reports about a program."""
    # -P: a file called json.py in the folder where the person works is not to be imported
    # A session of its own: Ctrl-C is ours, not its
    words = [sys.executable, "-P", "-m", "textmill.sandbox.jail"]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=null, start_new_session=True) as process:
        running.add(process)
        timer = Timer(limits.waiting + SPARE_SECONDS, process.kill)
        timer.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({**asdict(program), "limits": asdict(limits)}).encode() + b"\n")
            process.stdin.flush()  # and stays open: its end tells the watching process that nobody asks any more
            answer = process.stdout.read()
        except OSError:
            answer = b""
        finally:
            timer.cancel()
            running.discard(process)
    return json.loads(answer) if answer else {"refused": f"exit code {process.returncode}"}


def _reason(report: dict[str, Any], *, has_tests: bool) -> str:
    """Returns the reason of a report, as `Outcome` lists them."""
    code = report["code"]
    if report["stopped"]:
        return report["stopped"]
    if code == 0:
        return PASSED if report["verdict"] or not has_tests else LEFT
    if code < 0:
        return TIME if code == -24 else KILLED  # the kernel's own limit of processor time
    last = report["errors"].strip().rpartition("\n")[2]
    return MEMORY if last.startswith("MemoryError") else FAILED
