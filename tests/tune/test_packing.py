"""Packed rows: a function of (seed, row) alone, every example whole and alone in its document, nothing else learned."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textmill.train.batches import IGNORED
from textmill.tune.encoded import Encoded, EncodedSet, encoded_set
from textmill.tune.packing import PackedStream, best_fit

PADDING = 0
CONTEXT = 16


def encoded(first: int, prompt: int, answer: int) -> Encoded:
    size = prompt + answer
    ids = np.arange(first, first + size, dtype=np.int32)
    return Encoded(ids=ids, learned=np.arange(size) >= prompt)


def make_set(sizes: list[tuple[int, int]], too_long: str = "cut") -> EncodedSet:
    texts = [encoded(100 * (number + 1), *size) for number, size in enumerate(sizes)]
    return encoded_set(texts, context=CONTEXT, too_long=too_long)


def make_stream(sizes: list[tuple[int, int]], seed: int = 3, **more) -> PackedStream:
    return PackedStream(make_set(sizes), seed=seed, context=CONTEXT, padding_id=PADDING, **more)


SIZES = [(3, 5), (2, 2), (9, 8), (1, 4), (6, 3), (4, 4), (2, 7), (5, 1)]


@given(st.lists(st.integers(1, 50), max_size=80))
def test_best_fit_places_everything_once_and_within_the_row(sizes: list[int]) -> None:
    sizes = sorted(sizes, reverse=True)
    layout = best_fit(np.array(sizes, dtype=np.int64), 50)
    assert sorted(layout.places.tolist()) == list(range(len(sizes)))
    filled = [sum(sizes[p] for p in layout.places[a:b]) for a, b in zip(layout.starts, layout.starts[1:], strict=False)]
    assert all(0 < each <= 50 for each in filled)
    # best fit opens a row only when no other has room: at most one is half empty
    assert sum(each <= 25 for each in filled) <= 1


def test_an_epoch_holds_every_learned_token_once() -> None:
    stream = make_stream(SIZES)
    expected = sorted(
        id for number, (p, a) in enumerate(SIZES) for id in range(100 * (number + 1) + p, 100 * (number + 1) + p + a)
    )
    for epoch in range(3):
        targets_BT = stream.batch(epoch * stream.epoch_rows, stream.epoch_rows, CONTEXT).targets_BT
        assert sorted(targets_BT[targets_BT != IGNORED].tolist()) == expected
    assert stream.epoch_learned_tokens == len(expected)


def test_each_example_has_its_own_document_and_padding_too() -> None:
    batch = make_stream(SIZES).batch(0, 5, CONTEXT)
    for inputs_T, targets_T, documents_T in zip(batch.inputs_BT, batch.targets_BT, batch.documents_BT, strict=True):
        for document in documents_T.unique():
            inside = documents_T == document
            owners = {int(id) // 100 for id in inputs_T[inside]}
            assert len(owners) == 1
            learned = inside & (targets_T != IGNORED)
            assert torch.equal(targets_T[learned], inputs_T[learned] + 1)
            assert owners != {0} or not learned.any()
    assert bool((batch.documents_BT.diff(dim=1) >= 0).all())


def test_rows_are_a_function_of_seed_and_number() -> None:
    stream = make_stream(SIZES)
    whole = stream.batch(0, 11, CONTEXT)
    for size in (1, 2, 5):
        fresh = make_stream(SIZES)
        parts = [fresh.batch(row, min(size, 11 - row), CONTEXT) for row in range(0, 11, size)]
        assert torch.equal(torch.cat([part.inputs_BT for part in parts]), whole.inputs_BT)
        assert torch.equal(torch.cat([part.targets_BT for part in parts]), whole.targets_BT)
        assert torch.equal(torch.cat([part.documents_BT for part in parts]), whole.documents_BT)
    late = make_stream(SIZES).batch(7, 3, CONTEXT)
    assert torch.equal(late.inputs_BT, whole.inputs_BT[7:10])


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    sizes = [(2, 4)] * 60
    stream, other = make_stream(sizes), make_stream(sizes, seed=4)
    rows = stream.epoch_rows
    first, second = stream.batch(0, rows, CONTEXT).inputs_BT, stream.batch(rows, rows, CONTEXT).inputs_BT
    assert not torch.equal(first, second)
    assert not torch.equal(first, other.batch(0, rows, CONTEXT).inputs_BT)
    together = [set(stream.row_examples(row)) for row in range(rows)]
    again = [set(stream.row_examples(rows + row)) for row in range(rows)]
    assert sum(each in again for each in together) < rows // 2  # other neighbours too


@pytest.mark.parametrize(("row", "rows"), [(0, 1), (2, 3), (0, 9), (3, 14)])
def test_learned_tokens_are_those_of_the_batch(row: int, rows: int) -> None:
    stream = make_stream(SIZES)
    batch = stream.batch(row, rows, CONTEXT)
    assert stream.learned_tokens(row, rows) == int((batch.targets_BT != IGNORED).sum())


def test_copies_repeat_and_leave_out() -> None:
    stream = make_stream(SIZES, copies=np.array([2, 0, 1, 1, 0, 3, 1, 1]))
    counts = np.bincount([e for row in range(stream.epoch_rows) for e in stream.row_examples(row)], minlength=8)
    assert counts.tolist() == [2, 0, 1, 1, 0, 3, 1, 1]


def test_what_is_too_long_is_cut_or_left_out() -> None:
    sizes = [(3, 40), (30, 5), (2, 2)]
    cut = make_set(sizes)
    assert (len(cut), cut.cut, cut.left_out) == (2, 1, 1)  # of the second no learned token is left
    assert cut[0].ids.tolist() == list(range(100, 100 + CONTEXT + 1))
    dropped = make_set(sizes, too_long="drop")
    assert (len(dropped), dropped.cut, dropped.left_out) == (1, 0, 2)
    assert dropped.learned_tokens == 2


def test_another_context_is_our_bug() -> None:
    with pytest.raises(ValueError, match="packed for a context"):
        make_stream(SIZES).batch(0, 1, 8)
