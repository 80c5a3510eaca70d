"""Commands as torchrun starts them, and a small project to train in."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from matrix import make_tokens


@pytest.fixture(scope="session")
def tokens_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with tokens; runs in it must have names of their own."""
    return make_tokens(tmp_path_factory.mktemp("distributed"))


@pytest.fixture
def start_torchrun() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``textmill`` under torchrun, ``start_torchrun(2, "train", …, cwd=…, options=[…])``; ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(processes: int, *words: object, cwd: Path, options: list[str] | None = None) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TEXTMILL_")}
        environment = kept | {"OMP_NUM_THREADS": "1", "LANG": "C.UTF-8", "NO_COLOR": "1"}
        command = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *(options or [])]
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "-m", "textmill", *map(str, words)],
            cwd=cwd,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()  # torchrun ends its processes, which are in sessions of their own
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
