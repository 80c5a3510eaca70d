"""A mixture of tokens: how many times each document stands in an epoch, and the stream that comes of it."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tokenizer_samples import FakeDocument

from textmill.config import MixSettings
from textmill.errors import CorpusError
from textmill.tokenizer.mixture import mixture
from textmill.tokenizer.tokens import Tokens, write_tokens
from textmill.train.batches import TokenStream


class MixedCorpus:
    content_hash = "corpus-1"

    def __init__(self) -> None:
        self.rows = [
            FakeDocument(
                id=f"{number:032x}",
                text=f"document number {number} ",
                language="zh" if number % 2 else "en",
                source=f"web/{number % 5}/x",
                meta={"quality": number / 40} if number % 4 else {},
            )
            for number in range(40)
        ]

    def documents(self, split=None, columns=()):
        yield from self.rows if split == "train" else []

    def measure(self, measure, split=None):
        return len(self.rows) if split == "train" else 0


@pytest.fixture
def tokens(tmp_path: Path, tokenizer) -> Tokens:
    return write_tokens(MixedCorpus(), tokenizer, tmp_path / "tokens")


def test_origins_are_kept(tokens: Tokens):
    origins = tokens.origins("train")
    assert [tokens.sources[place] for place in origins.sources[:6]] == [f"web/{n % 5}" for n in range(6)]
    assert np.isnan(origins.quality[::4]).all()
    assert origins.quality[3] == np.float32(3 / 40)
    assert len(tokens.origins("validation").sources) == 0


def test_no_rules_no_mixture(tokens: Tokens):
    assert mixture(tokens, MixSettings()) is None


def test_whole_weights_are_exact(tokens: Tokens):
    found = mixture(tokens, MixSettings(weights=("language:zh=2", "source:web/3=0", "quality:0.9-1=3")))
    assert found is not None
    expected = [(2 if n % 2 else 1) * (n % 5 != 3) * (3 if n % 4 and n >= 36 else 1) for n in range(40)]
    assert found.copies.tolist() == expected
    lengths = np.diff(tokens.split("train").offsets).astype(int)
    assert found.tokens == int((lengths * expected).sum())
    zh = next(part for part in found.shares["language"] if part["name"] == "zh")
    assert zh["mixed"] == pytest.approx((lengths * expected)[1::2].sum() / found.tokens)


def test_nothing_left_is_an_error(tokens: Tokens):
    with pytest.raises(CorpusError) as error:
        mixture(tokens, MixSettings(weights=("source:*=0",)))
    assert error.value.key == "mixing.nothing_left"


def test_an_epoch_of_the_stream_holds_each_copy(tokens: Tokens, tokenizer):
    found = mixture(tokens, MixSettings(weights=("language:zh=2.5", "language:en=0.5")))
    assert found is not None
    split = tokens.split("train")
    end = tokenizer.end_of_text_id
    stream = TokenStream(split, seed=1, end_of_text_id=end, copies=found.copies)
    assert stream.epoch_tokens == found.tokens
    for epoch in range(2):
        read = stream.read(epoch * found.tokens, found.tokens)
        pieces = np.split(read, np.flatnonzero(read == end))[1:]
        texts = Counter(tuple(piece) for piece in pieces)
        assert texts == Counter(
            {tuple(split.document(n).astype(np.int64)): int(k) for n, k in enumerate(found.copies) if k}
        )
    again = TokenStream(split, seed=1, end_of_text_id=end, copies=found.copies)
    assert (again.read(57, 300) == stream.read(0, 400)[57:357]).all()


def test_one_copy_each_is_the_stream_as_it_was(tokens: Tokens, tokenizer):
    split = tokens.split("train")
    plain = TokenStream(split, seed=1, end_of_text_id=tokenizer.end_of_text_id)
    ones = TokenStream(split, seed=1, end_of_text_id=tokenizer.end_of_text_id, copies=np.ones(40, dtype=int))
    assert (plain.read(0, 500) == ones.read(0, 500)).all()
