"""Compiles the .cpp files once for this machine and loads them: plain libraries, no header of torch or Python in them.

They lie in the user's cache (`XDG_CACHE_HOME`) under a hash of the source, the flags, the compiler and torch's version,
so that any change builds anew. Compiling takes seconds. Whatever is missing is a `Reason`, and torch does the work.

There are two: `library` for training, which needs bf16 matrix units, and `inference_library`, whose vectors GCC lowers
to what the processor has.
"""

import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from textmill.hardware.choose import Reason, compiler_hint
from textmill.hardware.detect import Hardware, detect

FOLDER = Path(__file__).parent
NEEDED = "avx512_bf16"
"""Every processor with AMX has these too; brgemm takes the better of both."""
COMMON = ("-O3", "-std=c++17", "-shared", "-fPIC", "-fopenmp")
AVX512 = ("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSet:
    """Files that become one library."""

    folder: Path
    flags: tuple[str, ...]
    links: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """Returns the sources, headers too."""
        return sorted([*self.folder.glob("*.cpp"), *self.folder.glob("*.hpp")])


TRAINING = SourceSet(folder=FOLDER, flags=(*COMMON, *AVX512, "-mavx512bf16"), links=("-ltorch_cpu",))


class Unavailable(Exception):
    """Why there are no kernels here; `reason` prints in both languages."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


def can_build(hardware: Hardware | None = None) -> tuple[bool, Reason]:
    """Tells whether this machine can have training's kernels, from its features alone: nothing is compiled."""
    hardware = hardware or detect()
    if NEEDED not in hardware.processor.features:
        return False, Reason("kernels_no_units")
    return _can_compile(hardware, Reason("kernels_no_compiler", {"hint": compiler_hint()}))


def can_build_inference(hardware: Hardware | None = None) -> tuple[bool, Reason]:
    """Tells whether this machine can have inference's kernels: any processor, a compiler on Linux."""
    return _can_compile(hardware or detect(), Reason("inference_no_compiler", {"hint": compiler_hint()}))


def _can_compile(hardware: Hardware, without: Reason) -> tuple[bool, Reason]:
    if not sys.platform.startswith("linux"):
        return False, Reason("kernels_not_linux")
    if hardware.compiler is None:
        return False, without
    return True, Reason("kernels_yes", {"version": hardware.compiler.version})


def available() -> tuple[bool, Reason]:
    """Tells whether training's kernels are here, compiling them if need be."""
    try:
        library()
    except Unavailable as error:
        return False, error.reason
    return can_build()


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """Returns training's library, loaded; raises Unavailable with the reason."""
    hardware = detect()
    return _load(TRAINING, hardware, can_build(hardware))


@lru_cache(maxsize=4)
def inference_library(units: str = "") -> ctypes.CDLL:
    """Returns inference's library for `units` (see `inference_units`; empty: the best); raises Unavailable."""
    hardware = detect()
    return _load(_inference(units, hardware), hardware, can_build_inference(hardware))


def inference_is_compiled() -> bool:
    """Tells whether inference's library lies there already, so that loading it takes no time."""
    hardware = detect()
    if hardware.compiler is None:
        return False
    return (cache_folder() / f"{_fingerprint(_inference('', hardware), hardware.compiler.version)}.so").is_file()


def _inference(units: str, hardware: Hardware) -> SourceSet:
    flags = (*COMMON, "-ffp-contract=off", *UNITS[units or inference_units(hardware)])
    return SourceSet(folder=FOLDER / "inference", flags=flags)


UNITS = {
    "AVX512-VNNI, AVX512-BF16": (*AVX512, "-mf16c", "-mavx512vnni", "-mavx512bf16"),
    "AVX512-VNNI": (*AVX512, "-mf16c", "-mavx512vnni"),
    "AVX2": ("-mavx2", "-mfma", "-mf16c"),
    "C++": (),
}
"""What inference's kernels are compiled for, by the name that a response says."""


def inference_units(hardware: Hardware | None = None) -> str:
    """Returns the best of `UNITS` that the processor has; VNNI has come with the older parts of AVX512 always."""
    features = (hardware or detect()).processor.features
    if "avx512_vnni" in features:
        return "AVX512-VNNI, AVX512-BF16" if "avx512_bf16" in features else "AVX512-VNNI"
    return "AVX2" if "avx2" in features else "C++"


def cache_folder() -> Path:
    """Returns where compiled kernels lie."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "textmill" / "kernels"


def _load(sources: SourceSet, hardware: Hardware, possible: tuple[bool, Reason]) -> ctypes.CDLL:
    if not possible[0] or hardware.compiler is None:
        raise Unavailable(possible[1])
    try:
        file = cache_folder() / f"{_fingerprint(sources, hardware.compiler.version)}.so"
        if not file.is_file():
            _compile(sources, hardware.compiler.path, file)
        return ctypes.CDLL(str(file))
    except OSError as error:
        raise Unavailable(Reason("kernels_failed", {"problem": str(error).strip().splitlines()[-1]})) from error


def _fingerprint(sources: SourceSet, compiler: str) -> str:
    import torch

    parts = (
        *(path.read_bytes() for path in sources.files()),
        repr((sources.flags, sources.links)).encode(),
        compiler.encode(),
        torch.__version__.encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _compile(sources: SourceSet, compiler: str, file: Path) -> None:
    """Compiles beside `file` and renames; raises OSError with the compiler's last words."""
    import torch

    libraries = Path(torch.__file__).parent / "lib"
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        fresh = Path(folder) / file.name
        # torch's folder comes first, so that its own libgomp is meant: two of them would keep two sets of threads
        files = [str(path) for path in sources.files() if path.suffix == ".cpp"]
        command = [compiler, *sources.flags, "-w", "-o", str(fresh), *files, f"-L{libraries}", *sources.links]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise OSError(done.stderr or f"{compiler}: {done.returncode}")
        os.replace(fresh, file)
