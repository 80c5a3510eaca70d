"""What a run's bits depend on besides its settings: the code, torch, and the kernels that torch chooses here."""

import hashlib
import platform
from functools import cache
from pathlib import Path

import torch

import textmill

COMPUTES = ("model", "train", "tokenizer")
"""The parts of the package that decide what a step computes."""


def versions() -> dict[str, str]:
    """Returns {what: version} of this process, as a checkpoint records it."""
    return {
        "textmill": textmill.__version__,
        "code": _code(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }


@cache
def _code() -> str:
    """Returns the first digits of a SHA-256 over the sources of `COMPUTES`."""
    found = hashlib.sha256()
    for part in COMPUTES:
        for path in sorted((Path(textmill.__file__).parent / part).rglob("*.py")):
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()[:16]


def differences(recorded: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Returns {what: (recorded, here)} where they differ; what was not recorded is not compared."""
    here = versions()
    return {name: (was, here[name]) for name, was in recorded.items() if name in here and here[name] != was}
