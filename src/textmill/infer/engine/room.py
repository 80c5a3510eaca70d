"""Memory for keys and values: zeros that the system hands out page by page as they are first written.

A cache is as large as texts may ever need, most of it is never used. `torch.zeros` writes all of it at once: 6 GB of a
small model with a long context took seconds of every start, and lay in memory for nothing. The pages are asked of the
system itself: a C library that keeps freed memory (as training has it, `hardware.allocator`) would write zeros over it.
"""

import math
import mmap
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

LINE = 64
"""Bytes of a cache line: where rows begin."""


def room(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Returns zeros; on a CPU they take memory only where they have been written."""
    if device.type != "cpu":
        return torch.zeros(tuple(shape), dtype=dtype, device=device)
    size = math.prod(shape) * dtype.itemsize
    if not size or sys.platform == "win32":
        return torch.zeros(tuple(shape), dtype=dtype)
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # begin at a page, so at a line
    return torch.frombuffer(pages, dtype=dtype).view(tuple(shape))
