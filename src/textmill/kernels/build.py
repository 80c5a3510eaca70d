"""Compiles the .cpp files once for this machine and loads them: a plain library, no header of torch or Python in it.

It lies in the user's cache (`XDG_CACHE_HOME`) under a hash of the source, the compiler and torch's version, so that
any change builds anew. Compiling takes two seconds. Whatever is missing is a `Reason`, and training goes on without.
"""

import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from textmill.hardware.choose import Reason, compiler_hint
from textmill.hardware.detect import Hardware, detect

FOLDER = Path(__file__).parent
NEEDED = "avx512_bf16"
"""Every processor with AMX has these too; brgemm takes the better of both."""
FLAGS = (
    *("-O3", "-std=c++17", "-shared", "-fPIC", "-fopenmp"),
    *("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512bf16", "-mfma"),
)


class Unavailable(Exception):
    """Why there are no kernels here; `reason` prints in both languages."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


def can_build(hardware: Hardware | None = None) -> tuple[bool, Reason]:
    """Tells whether this machine can have the kernels, from its features alone: nothing is compiled."""
    hardware = hardware or detect()
    if NEEDED not in hardware.processor.features:
        return False, Reason("kernels_no_units")
    if not sys.platform.startswith("linux"):
        return False, Reason("kernels_not_linux")
    if hardware.compiler is None:
        return False, Reason("kernels_no_compiler", {"hint": compiler_hint()})
    return True, Reason("kernels_yes", {"version": hardware.compiler.version})


def available() -> tuple[bool, Reason]:
    """Tells whether the kernels are here, compiling them if need be."""
    try:
        library()
    except Unavailable as error:
        return False, error.reason
    return can_build()


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """Returns the loaded library; raises Unavailable with the reason."""
    hardware = detect()
    possible, reason = can_build(hardware)
    if not possible or hardware.compiler is None:
        raise Unavailable(reason)
    try:
        file = cache_folder() / f"{_fingerprint(hardware.compiler.version)}.so"
        if not file.is_file():
            _compile(hardware.compiler.path, file)
        return ctypes.CDLL(str(file))
    except OSError as error:
        raise Unavailable(Reason("kernels_failed", {"problem": str(error).strip().splitlines()[-1]})) from error


def cache_folder() -> Path:
    """Returns where compiled kernels lie."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "textmill" / "kernels"


def _fingerprint(compiler: str) -> str:
    import torch

    parts = (
        *(path.read_bytes() for path in _sources()),
        repr(FLAGS).encode(),
        compiler.encode(),
        torch.__version__.encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _sources() -> list[Path]:
    return sorted([*FOLDER.glob("*.cpp"), *FOLDER.glob("*.hpp")])


def _compile(compiler: str, file: Path) -> None:
    """Compiles beside `file` and renames; raises OSError with the compiler's last words."""
    import torch

    libraries = Path(torch.__file__).parent / "lib"
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        fresh = Path(folder) / file.name
        # torch's folder comes first, so that its own libgomp is meant: two of them would keep two sets of threads
        files = [str(path) for path in _sources() if path.suffix == ".cpp"]
        command = [compiler, *FLAGS, "-w", "-o", str(fresh), *files, f"-L{libraries}", "-ltorch_cpu"]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise OSError(done.stderr or f"{compiler}: {done.returncode}")
        os.replace(fresh, file)
