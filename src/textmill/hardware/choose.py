"""What Textmill uses on this machine, and why. Every decision comes with a `Reason` that prints in both languages.

The precision rule: bf16 autocast only where the hardware multiplies bf16 matrices itself. Without such units the
processor converts to fp32 and back around every product, and autocast is slower than plain fp32.
"""

import math
import sys
from dataclasses import dataclass, field
from typing import Any

from textmill.errors import ResourceError
from textmill.hardware.detect import Gpu, Hardware, detect
from textmill.i18n import t

BF16_FEATURES = ("amx_bf16", "avx512_bf16", "bf16")
"""Best first: Intel's matrix tiles, the AVX-512 dot products (Intel, AMD Zen 4 on), ARM's BFMMLA."""
DEVICES = ("cpu", "cuda", "mps")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was chosen: a catalogue key and its values; `str` gives the words in the interface's language."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return t(f"hardware.{self.key}", **self.values)


def bf16_units(hardware: Hardware) -> tuple[bool, Reason]:
    """Tells whether the processor multiplies bf16 matrices natively, and with what or why not."""
    for feature in BF16_FEATURES:
        if feature in hardware.processor.features:
            return True, Reason("bf16_yes", {"feature": feature})
    return False, Reason("bf16_no", {"model": hardware.processor.model})


def default_device(hardware: Hardware | None = None) -> tuple[str, Reason]:
    """Returns cuda, mps or cpu: the fastest that torch can use."""
    hardware = hardware or detect()
    for kind in ("cuda", "mps"):
        gpu = find_gpu(kind, hardware)
        if gpu:
            return kind, Reason("device_gpu", {"name": gpu.name})
    if "NVIDIA" in hardware.gpu_makers and not hardware.torch_build.startswith("cuda"):
        return "cpu", Reason("device_nvidia_unused", {"build": hardware.torch_build or "?"})
    if hardware.gpu_problem:
        return "cpu", Reason("device_problem", {"problem": hardware.gpu_problem})
    if hardware.gpu_makers:
        return "cpu", Reason("device_other_gpu", {"makers": ", ".join(hardware.gpu_makers)})
    return "cpu", Reason("device_cpu")


def find_gpu(device: str, hardware: Hardware) -> Gpu | None:
    """Returns the GPU that `device` ("cuda", "cuda:1", "mps") means, or None."""
    return next((gpu for gpu in hardware.gpus if device in (gpu.device, gpu.device.partition(":")[0])), None)


def check_device(device: str, hardware: Hardware | None = None) -> str:
    """Returns `device` ("" chooses), or raises the error that says which devices there are."""
    hardware = hardware or detect()
    if not device:
        return default_device(hardware)[0]
    if device != "cpu" and find_gpu(device, hardware) is None:
        usable = ", ".join(["cpu", *(gpu.device for gpu in hardware.gpus)])
        raise ResourceError("hardware.no_device", device=device, usable=usable)
    return device


def default_precision(device: str, hardware: Hardware | None = None) -> tuple[str, Reason]:
    """Returns "bf16" (autocast over fp32 masters) or "fp32" for training on `device`, and why."""
    hardware = hardware or detect()
    if device == "cpu":
        native, reason = bf16_units(hardware)
        return ("bf16" if native else "fp32"), reason
    gpu = find_gpu(device, hardware)
    if gpu is None or gpu.capability is None:
        return "fp32", Reason("fp32_unmeasured", {"device": device})
    capability = ".".join(map(str, gpu.capability))
    if gpu.bf16:
        return "bf16", Reason("bf16_gpu", {"name": gpu.name, "capability": capability})
    return "fp32", Reason("fp32_old_gpu", {"name": gpu.name, "capability": capability})


def default_threads(hardware: Hardware | None = None) -> int:
    """Returns how many threads arithmetic gets: one a physical core that this process may use.

    Two threads on one core share its multipliers and gain nothing in matrix products. The exception is a machine that
    shows one core as two processors and nothing else: there the second thread fills the first one's waiting.
    """
    processor = (hardware or detect()).processor
    if processor.usable_physical_cores == 1:
        return max(1, min(2, math.floor(processor.usable_cores)))
    return processor.usable_physical_cores


def can_compile(device: str = "cpu", hardware: Hardware | None = None) -> tuple[bool, Reason]:
    """Tells whether torch.compile has what it needs on `device`, and what is missing.

    On the CPU, inductor writes C++ that includes Python.h and calls the compiler; on CUDA it needs triton and, for the
    launching stub, a C compiler.
    """
    hardware = hardware or detect()
    if device == "mps":
        return False, Reason("compile_mps")
    if device.startswith("cuda"):
        from importlib.util import find_spec

        return (True, Reason("compile_triton")) if find_spec("triton") else (False, Reason("compile_no_triton"))
    if hardware.compiler is None:
        return False, Reason("compile_no_compiler", {"hint": compiler_hint()})
    if not hardware.compiler.python_headers:
        return False, Reason("compile_no_headers", {"hint": headers_hint()})
    return True, Reason("compile_yes", {"version": hardware.compiler.version})


def compiler_hint() -> str:
    """Returns the command that usually brings a C++ compiler to this system; Textmill never runs it itself."""
    return "xcode-select --install" if sys.platform == "darwin" else "sudo apt install g++"


def headers_hint() -> str:
    """Returns the command that usually brings Python.h."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return "brew install python" if sys.platform == "darwin" else f"sudo apt install python{version}-dev"
