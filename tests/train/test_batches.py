"""Which tokens a step sees is a function of (seed, global token index) and of nothing else."""

import numpy as np
import pytest
import torch

from textmill.tokenizer.tokens import TokenSplit
from textmill.train.batches import StagedStream, TokenStream

END = 0


def make_split(lengths: list[int]) -> TokenSplit:
    documents = [[END, *range(10 * (i + 1), 10 * (i + 1) + length - 1)] for i, length in enumerate(lengths)]
    return TokenSplit(
        array=np.array([token for document in documents for token in document], dtype=np.uint16),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.uint64),
        document_bytes=np.array(lengths, dtype=np.uint64),
        document_languages=np.zeros(len(lengths), dtype=np.uint8),
        document_ids=np.zeros((len(lengths), 16), dtype=np.uint8),
    )


@pytest.fixture
def stream() -> TokenStream:
    return TokenStream(make_split([5, 3, 8, 2, 7]), seed=3, end_of_text_id=END)


def test_an_epoch_holds_every_document_once(stream: TokenStream) -> None:
    for epoch in range(3):
        tokens = stream.read(epoch * 25, 25)
        assert sorted(tokens.tolist()) == sorted(stream.array.tolist())


def test_epochs_and_seeds_have_orders_of_their_own(stream: TokenStream) -> None:
    long = TokenStream(make_split([4] * 50), seed=3, end_of_text_id=END)
    other = TokenStream(make_split([4] * 50), seed=4, end_of_text_id=END)
    assert long.read(0, 200).tolist() != long.read(200, 200).tolist()
    assert long.read(0, 200).tolist() != other.read(0, 200).tolist()


def test_reading_in_pieces_equals_reading_at_once(stream: TokenStream) -> None:
    whole = stream.read(0, 90)
    for size in (1, 7, 25, 26):
        pieces = [stream.read(start, min(size, 90 - start)) for start in range(0, 90, size)]
        assert np.concatenate(pieces).tolist() == whole.tolist()
    fresh = TokenStream(make_split([5, 3, 8, 2, 7]), seed=3, end_of_text_id=END)
    assert fresh.read(60, 30).tolist() == whole[60:].tolist()  # no state from what was read before


@pytest.mark.parametrize("micro", [1, 2, 3, 6])
def test_micro_batches_are_slices_of_the_batch(stream: TokenStream, micro: int) -> None:
    whole = stream.batch(12, 6, 8)
    parts = [stream.batch(12 + start, min(micro, 6 - start), 8) for start in range(0, 6, micro)]
    assert torch.equal(torch.cat([part.inputs_BT for part in parts]), whole.inputs_BT)
    assert torch.equal(torch.cat([part.documents_BT for part in parts]), whole.documents_BT)


def test_targets_are_the_next_tokens_and_documents_begin_at_boundaries(stream: TokenStream) -> None:
    batch = stream.batch(0, 4, 8)
    assert torch.equal(batch.inputs_BT.flatten(), torch.from_numpy(stream.read(0, 32)))
    assert torch.equal(batch.targets_BT.flatten(), torch.from_numpy(stream.read(1, 32)))
    for inputs, documents in zip(batch.inputs_BT.tolist(), batch.documents_BT.tolist(), strict=True):
        index = 0
        for token, document in zip(inputs, documents, strict=True):
            index += token == END
            assert document == index
    assert batch.tokens == 32


def test_masking_replaces_a_share_of_what_is_read_and_nothing_else() -> None:
    lengths = [40] * 200
    plain = TokenStream(make_split(lengths), seed=3, end_of_text_id=END)
    masked = TokenStream(make_split(lengths), seed=3, end_of_text_id=END, masking=0.2)
    before, after = plain.batch(0, 100, 60), masked.batch(0, 100, 60)
    assert torch.equal(before.targets_BT, after.targets_BT)
    assert torch.equal(before.documents_BT, after.documents_BT)
    changed = before.inputs_BT != after.inputs_BT
    assert 0.17 < float(changed.float().mean()) < 0.22
    assert not changed[before.inputs_BT == END].any()
    assert set(after.inputs_BT.unique().tolist()) <= set(plain.array.tolist())
    again = torch.cat([masked.batch(row, 10, 60).inputs_BT for row in range(0, 100, 10)])
    assert torch.equal(again, after.inputs_BT), "whatever the micro-batch"
    epoch = 200 * 40 // 60
    assert not torch.equal(masked.batch(epoch, 1, 60).inputs_BT, after.inputs_BT[:1]), "another time, other places"


@pytest.mark.parametrize("later_from", [0, 8, 20, 24, 1000])
def test_a_second_stage_begins_at_its_token(later_from: int) -> None:
    first = TokenStream(make_split([5, 3, 8, 2, 7]), seed=3, end_of_text_id=END)
    later = TokenStream(make_split([5, 3, 8, 2, 7]), seed=3, end_of_text_id=END, copies=np.array([0, 1, 2, 0, 0]))
    staged = StagedStream(first, later, later_from=later_from)
    whole, border = staged.batch(0, 12, 8), -(-later_from // 8)
    for row in range(12):
        expected = first.batch(row, 1, 8) if row < border else later.batch(row - border, 1, 8)
        assert torch.equal(whole.inputs_BT[row], expected.inputs_BT[0])
        assert torch.equal(whole.targets_BT[row], expected.targets_BT[0])
        assert torch.equal(staged.batch(row, 1, 8).documents_BT, expected.documents_BT)
    assert staged.epoch_tokens == first.epoch_tokens
