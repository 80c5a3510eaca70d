"""Which rows a process reads: together all of them once, in as many micro-batches everywhere."""

import pytest

from textmill.train.parallel.rows import parts_of_rows


@pytest.mark.parametrize("rows", [1, 3, 7, 8, 64])
@pytest.mark.parametrize("readers", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("micro_batch", [1, 3, 64])
def test_every_row_is_read_once_whatever_the_number_of_readers(rows: int, readers: int, micro_batch: int) -> None:
    everywhere = [parts_of_rows(rows, micro_batch, reader, readers) for reader in range(readers)]
    counted = [part for parts in everywhere for part in parts if part.counts]
    assert [row for part in counted for row in range(part.first, part.first + part.count)] == list(range(rows))
    assert len({len(parts) for parts in everywhere}) == 1
    assert all(1 <= part.count <= micro_batch and part.first + part.count <= rows for p in everywhere for part in p)


def test_alone_the_micro_batches_are_those_of_the_settings() -> None:
    parts = parts_of_rows(10, 4)
    assert [(part.first, part.count, part.counts) for part in parts] == [(0, 4, True), (4, 4, True), (8, 2, True)]
