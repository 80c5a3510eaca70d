"""What this machine has, and what Textmill makes of it.

    detect      the facts: processor, memory, disk, GPU, compiler, versions        → `Hardware`
    choose      the decisions: device, precision, threads, compiling, and why      → value and `Reason`
    measure     what the machine really does: matrix products and memory traffic   → numbers per second

Nothing is looked at when this is imported; torch is imported only by the functions that need it.
"""

from textmill.hardware.choose import (
    Reason,
    bf16_units,
    can_compile,
    check_device,
    default_device,
    default_precision,
    default_threads,
)
from textmill.hardware.detect import Compiler, Gpu, Hardware, Processor, detect
from textmill.hardware.measure import gemm_peak, memory_bandwidth

__all__ = [
    "Compiler",
    "Gpu",
    "Hardware",
    "Processor",
    "Reason",
    "bf16_units",
    "can_compile",
    "check_device",
    "default_device",
    "default_precision",
    "default_threads",
    "detect",
    "gemm_peak",
    "memory_bandwidth",
]
