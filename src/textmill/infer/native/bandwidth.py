"""How fast this machine's memory can be read by the threads that read weights: what decoding is held against.

A model that writes one token reads all its weights; what it reads a second, over what the memory gives, is the share of
the roofline that it reaches.
"""

import ctypes
import time
from dataclasses import dataclass
from functools import lru_cache

import torch

from textmill.infer.engine.engine import Engine
from textmill.kernels.build import Unavailable, inference_library


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Weights read, in bytes/s over all steps so far, and what the memory gives."""

    achieved: float
    measured: float


def read_bandwidth(*, threads: int, seconds: float = 0.3, megabytes: int = 512) -> float:
    """Returns the best rate in bytes/s of reading memory that no cache holds; raises Unavailable."""
    sweep = inference_library().sweep
    sweep.restype = ctypes.c_int64
    memory = torch.zeros(megabytes * 1_000_000, dtype=torch.uint8)
    best, end = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        sweep(ctypes.c_void_p(memory.data_ptr()), ctypes.c_int64(len(memory)), ctypes.c_int64(threads))
        now = time.perf_counter()
        best = min(best, now - start)
        if now >= end:
            return len(memory) / best


@lru_cache(maxsize=4)
def quick_bandwidth(threads: int) -> float:
    """Returns the same within a tenth of a second, once a process."""
    return read_bandwidth(threads=threads, seconds=0.1, megabytes=256)


def reading_of(engine: Engine) -> Reading | None:
    """Returns how fast an engine has read its weights; None where it has not, or not by the compiled kernels."""
    weights, totals = getattr(engine.runner, "weight_bytes", None), engine.totals
    if not isinstance(weights, int) or not totals.seconds:
        return None
    try:
        measured = quick_bandwidth(engine.runner.threads)  # type: ignore[attr-defined]
    except Unavailable:
        return None
    return Reading(achieved=weights * totals.steps / totals.seconds, measured=measured)
