"""Reading bandwidth is that of a machine: not zero, not faster than any memory."""

from native_models import needs_compiler

from textmill.infer.native.bandwidth import read_bandwidth


@needs_compiler
def test_memory_is_read_at_a_rate_that_can_be() -> None:
    assert 1e8 < read_bandwidth(threads=2, seconds=0.05, megabytes=64) < 2e12
