"""Memory for keys and values: zeros that the system hands out page by page as they are first written.

A cache is as large as texts may ever need, most of it is never used. `torch.zeros` writes all of it at once: 6 GB of a
small model with a long context took seconds of every start, and lay in memory for nothing.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

LINE = 64
"""Bytes of a cache line: where rows begin."""


def room(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Returns zeros; on a CPU they take memory only where they have been written."""
    if device.type != "cpu":
        return torch.zeros(tuple(shape), dtype=dtype, device=device)
    size = math.prod(shape) * dtype.itemsize
    memory = np.zeros(size + LINE, dtype=np.uint8)
    first = -memory.ctypes.data % LINE
    return torch.from_numpy(memory[first : first + size]).view(dtype).view(tuple(shape))
