"""Which tokens a step sees is a function of (seed, global token index) and of nothing else."""

import numpy as np
import pytest
import torch

from textmill.tokenizer.tokens import TokenSplit
from textmill.train.batches import TokenStream

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
