"""What the machine really does, measured in a second: the ceiling for MFU and the base of the plan's predictions."""

import time


def gemm_peak(dtype: str = "fp32", *, seconds: float = 0.5, size: int = 1024, device: str = "cpu") -> float:
    """Returns the best rate of square matrix products in FLOP/s (2·size³ each) in "fp32", "bf16" or "fp64".

    The best of several short rounds, not the mean: a neighbour's work on the same machine only ever slows it down.
    """
    import torch

    kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp64": torch.float64}[dtype]
    left = torch.ones(size, size, dtype=kind, device=device)
    right = torch.ones(size, size, dtype=kind, device=device)
    out = torch.empty(size, size, dtype=kind, device=device)
    torch.mm(left, right, out=out)  # the first call packs and allocates
    best, end = float("inf"), time.perf_counter() + seconds
    rounds = 1 if device == "cpu" else 16  # a GPU's single product is shorter than the wait for it
    while True:
        synchronize(device)
        start = time.perf_counter()
        for _ in range(rounds):
            torch.mm(left, right, out=out)
        synchronize(device)
        now = time.perf_counter()
        best = min(best, (now - start) / rounds)
        if now >= end:
            return 2 * size**3 / best


def memory_bandwidth(*, seconds: float = 0.3, megabytes: int = 128, device: str = "cpu") -> float:
    """Returns the best rate of a large copy in bytes/s, reading and writing counted."""
    import torch

    source = torch.ones(megabytes * 1_000_000 // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    best, end = float("inf"), time.perf_counter() + seconds
    while True:
        synchronize(device)
        start = time.perf_counter()
        target.copy_(source)
        synchronize(device)
        now = time.perf_counter()
        best = min(best, now - start)
        if now >= end:
            return 2 * source.numel() * source.element_size() / best


def synchronize(device: str) -> None:
    """Waits until a GPU has done what it was given; a CPU already has."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()
