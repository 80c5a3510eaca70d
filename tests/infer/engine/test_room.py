"""The memory of a cache: zeros at cache lines, which take memory only where they are written."""

import psutil
import pytest
import torch

from textmill.hardware.allocator import keep_freed_memory
from textmill.infer.engine.room import LINE, room


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_zeros_of_that_shape(dtype: torch.dtype) -> None:
    made = room((3, 5, 7), dtype, torch.device("cpu"))
    assert (made.shape, made.dtype, made.data_ptr() % LINE) == ((3, 5, 7), dtype, 0)
    assert torch.equal(made, torch.zeros(3, 5, 7, dtype=dtype))
    made[1] = 2.0
    assert made.sum() == 70


def test_memory_is_taken_where_it_is_written() -> None:
    keep_freed_memory()  # as in a process that has trained
    torch.ones(512, 1 << 18)
    process, megabyte = psutil.Process(), 1 << 20
    before = process.memory_info().rss
    made = room((512, megabyte // 4), torch.float32, torch.device("cpu"))
    assert process.memory_info().rss - before < 64 * megabyte
    made[:256] = 1.0
    assert process.memory_info().rss - before > 192 * megabyte
