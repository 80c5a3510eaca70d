"""Which rows of a step's batch a process reads, in how many micro-batches: a function of the numbers alone.

All processes make the same number of micro-batches, because each of them is a meeting of all. Where rows do not divide
evenly, a process with fewer reads a row again that does not count.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One micro-batch: `count` rows from the row `first` of the batch; `counts` False: only to be there."""

    first: int
    count: int
    counts: bool = True


def parts_of_rows(rows: int, micro_batch: int, reader: int = 0, readers: int = 1) -> list[Part]:
    """Returns the micro-batches of one of `readers`, of `micro_batch` rows each but for the last."""
    begin, end = rows * reader // readers, rows * (reader + 1) // readers
    most = -(-rows // readers)
    parts = []
    for start in range(begin, begin + most, micro_batch):
        count = min(micro_batch, end - start)
        parts.append(Part(first=start, count=count) if count > 0 else Part(first=begin % rows, count=1, counts=False))
    return parts
