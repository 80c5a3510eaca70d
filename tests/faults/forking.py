"""Starts `textmill` commands as real processes without the seconds of importing torch: a process that has it forks.

Run as a script it reads a JSON list of words a line, forks a child that does them as `textmill` would, prints its
process id, waits for its end and prints its exit code (negative: the signal). `Forker` is the other side.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType


class Forker:
    """Runs commands one after another in a folder; their output goes to `log`."""

    def __init__(self, folder: Path, log: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEXTMILL_", "LC_"))}
        environment = kept | {"LANG": "C.UTF-8", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
        with open(log, "ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, __file__],
                cwd=folder,
                env=environment,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
            )

    def __enter__(self) -> "Forker":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.communicate()

    def start(self, *words: str) -> int:
        """Starts a command; returns its process id."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return int(self._line())

    def wait(self) -> int:
        """Waits for the command's end; returns its exit code."""
        return int(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    @staticmethod
    def runs(pid: int) -> bool:
        """True until the process has ended (a zombie has)."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
        except OSError:
            return False


def serve() -> None:
    """The process that forks."""
    import torch  # noqa: F401 - the seconds that children need not wait

    import textmill.train.loop
    import textmill.train.start  # noqa: F401
    from textmill.cli.main import main

    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.dup2(2, 1)
            code = main(json.loads(line))
            sys.stdout.flush()
            os._exit(code)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
