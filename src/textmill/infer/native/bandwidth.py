"""How fast this machine's memory can be read by the threads that read weights: what decoding is held against."""

import ctypes
import time

import torch

from textmill.kernels.build import inference_library


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
