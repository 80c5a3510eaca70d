"""A template that came with a model is somebody else's program: it renders in a process that can be killed.

Inside one process nothing stops a template that loops over range(99999) in range(99999), or makes a text a gigabyte
wide: a thread cannot be killed, and a signal is not looked at while C code runs. So one process a program stands by,
with limits that the kernel keeps: processor time a text, memory, and characters out. It speaks JSON, a line each way.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Any

from textmill.errors import TokenizerError

MOST_SECONDS = 2
"""Of processor time; the longest real templates take a thousandth of that for a conversation of a hundred messages."""
MOST_WAITING = 120
"""Seconds of wall time, also where the system has no timer of processor time."""
MOST_BYTES = 512 << 20
MOST_CHARACTERS = 1 << 24
"""In the rendered text: sixteen million, four times a context of a million tokens."""


class TemplateProcess:
    """The process that renders, and the thread that listens to it; another `module` may do other work so."""

    def __init__(
        self, module: str = "textmill.tokenizer.template_process", *, most_waiting: float | int = MOST_WAITING
    ) -> None:
        self.owner, self.most_waiting = os.getpid(), most_waiting
        # -P: a file called jinja2.py in the folder where the person works is not to be imported
        words = [sys.executable, "-P", "-m", module]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(words, **pipes, start_new_session=True)  # Ctrl-C is ours, not its
        self.lines: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, request: bytes) -> bytes:
        """Returns the answer to a line, b"" if the process ended or was ended over it."""
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(request + b"\n")
            self.process.stdin.flush()
            return self.lines.get(timeout=self.most_waiting)
        except (OSError, Empty):
            return b""

    def close(self) -> None:
        """Kills the process and waits until it is gone."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass  # what it was being told when it ended

    def _listen(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                self.lines.put(line)
        except (OSError, ValueError):
            pass
        self.lines.put(b"")


_lock = threading.Lock()
_standing_by: list[TemplateProcess] = []


def render_apart(template: str, variables: Mapping[str, Any]) -> str:
    """Returns what `template` makes of `variables`, which hold what JSON can; TokenizerError past any of the limits."""
    try:
        request = json.dumps({"template": template, "variables": variables}).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TokenizerError("tokenizer.template", detail=error) from error
    with _lock:
        line = _process().ask(request)
        if not line:
            _end()
    if not line:
        raise TokenizerError("tokenizer.template_limit", seconds=MOST_SECONDS, megabytes=MOST_BYTES >> 20)
    answer = json.loads(line)
    if "text" not in answer:
        raise TokenizerError("tokenizer.template", detail=answer["error"])
    return answer["text"]


def _process() -> TemplateProcess:
    """Returns the process that stands by, a new one if there is none or this program was forked since."""
    if _standing_by and (_standing_by[0].owner != os.getpid() or _standing_by[0].process.poll() is not None):
        forked = _standing_by[0].owner != os.getpid()
        if forked:
            _standing_by.clear()  # the parent's, which goes on using it
        else:
            _end()
    if not _standing_by:
        _standing_by.append(TemplateProcess())
        atexit.register(_end)
    return _standing_by[0]


def _end() -> None:
    while _standing_by:
        process = _standing_by.pop()
        if process.owner == os.getpid():
            process.close()


def answer(request: Mapping[str, Any]) -> dict[str, str]:
    """Returns the text of a request, or the error that the template made."""
    from textmill.tokenizer.template_environment import compile_template

    parts, length = [], 0
    try:
        for part in compile_template(request["template"]).generate(request["variables"]):
            length += len(part)
            if length > MOST_CHARACTERS:
                return {"error": f"> {MOST_CHARACTERS} characters"}
            parts.append(part)
    except MemoryError:
        return {"error": f"> {MOST_BYTES >> 20} MB"}
    except Exception as error:  # whatever a template's own code runs into is its error
        return {"error": f"{type(error).__name__}: {error}"[:2000]}
    return {"text": "".join(parts)}


def serve() -> None:
    """Renders line by line; a text past its time ends the process, which the other side sees."""
    limit_memory()
    for line in sys.stdin.buffer:
        limit_time(MOST_SECONDS)
        reply = json.dumps(answer(json.loads(line))).encode()
        limit_time(0)
        sys.stdout.buffer.write(reply + b"\n")
        sys.stdout.buffer.flush()


def limit_memory() -> None:
    """Asks the kernel to refuse memory past the limit; where it cannot be asked, time and characters still bound."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    except (ImportError, OSError, ValueError):
        pass


def limit_time(seconds: int) -> None:
    """Has the kernel end this process after so much processor time, also in the middle of C code; 0: no longer."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)  # nobody handles its signal, so it ends the process


if __name__ == "__main__":
    serve()
