"""What a run's bits depend on besides its settings: the code, torch, and the kernels that torch chooses here."""

import hashlib
import platform
from functools import cache
from pathlib import Path

import torch

import textmill

COMPUTES, SOURCES = ("model", "train", "tokenizer", "kernels"), (".py", ".cpp", ".hpp")
"""The parts of the package that decide what a step computes, and the endings of their sources."""


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
    """Returns the sum over this package's sources."""
    return code_sum(Path(textmill.__file__).parent)


def code_sum(package: Path) -> str:
    """Returns the first digits of a SHA-256 over the sources of `COMPUTES` in a package's folder, with their places."""
    found = hashlib.sha256()
    for part in COMPUTES:
        for path in sorted(path for path in (package / part).rglob("*") if path.suffix in SOURCES):
            found.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def differences(recorded: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Returns {what: (recorded, here)} where they differ; what was not recorded is not compared."""
    here = versions()
    return {name: (was, here[name]) for name, was in recorded.items() if name in here and here[name] != was}
