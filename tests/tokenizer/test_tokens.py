import json
from pathlib import Path

import numpy as np
import pytest
from tokenizer_samples import CHINESE, ENGLISH, FakeCorpus

from textmill.errors import CorpusError
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.tokens import Tokens, tokens_are_fresh, write_tokens


@pytest.fixture
def corpus() -> FakeCorpus:
    train = [(ENGLISH, "en"), ("", "und"), (CHINESE, "zh"), ("<|endoftext|> 👍", "en"), (ENGLISH * 50, "en")]
    return FakeCorpus(train, [(CHINESE, "zh")])


def test_round_trip(tokenizer: Tokenizer, corpus: FakeCorpus, tmp_path: Path) -> None:
    tokens = write_tokens(corpus, tokenizer, tmp_path / "tokens")
    for name, rows in (("train", corpus.train), ("validation", corpus.validation)):
        split = tokens.split(name)
        assert len(split) == len(rows)
        assert split.array.dtype == np.dtype("<u2")
        assert split.offsets[0] == 0
        assert split.offsets[-1] == split.tokens == len(split.array)
        for number, (text, language) in enumerate(rows):
            ids = split.document(number).tolist()
            assert ids[0] == tokenizer.end_of_text_id
            assert tokenizer.end_of_text_id not in ids[1:]
            assert tokenizer.decode(ids[1:], skip_special=False) == text
            assert split.document_bytes[number] == len(text.encode())
            assert split.document_id(number) == f"{number:032x}"
            assert tokens.languages[split.document_languages[number]] == language
        counts = tokens.manifest["splits"][name]
        assert counts["bytes"] == split.total_bytes == corpus.measure("bytes", name)
        assert counts["tokens"] == split.tokens
        assert sum(part["tokens"] for part in counts["languages"].values()) == split.tokens


def test_empty_splits(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokens = write_tokens(FakeCorpus([]), tokenizer, tmp_path / "tokens")
    split = tokens.split("validation")
    assert len(split) == split.tokens == 0
    assert split.offsets.tolist() == [0]


def test_wide_ids_past_two_bytes(tokenizer: Tokenizer, corpus: FakeCorpus, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Tokenizer, "vocabulary_size", property(lambda self: 65537))
    tokens = write_tokens(corpus, tokenizer, tmp_path / "tokens")
    assert tokens.dtype == np.dtype("<u4")
    assert tokenizer.decode(tokens.split("train").document(0)[1:].tolist()) == ENGLISH


def test_stale_tokens_are_noticed(tokenizer: Tokenizer, corpus: FakeCorpus, tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    assert not tokens_are_fresh(folder, "corpus-1", tokenizer.hash)
    write_tokens(corpus, tokenizer, folder)
    assert tokens_are_fresh(folder, "corpus-1", tokenizer.hash)
    assert not tokens_are_fresh(folder, "corpus-2", tokenizer.hash)
    assert not tokens_are_fresh(folder, "corpus-1", "another")
    (folder / "train.bin").unlink()
    assert not tokens_are_fresh(folder, "corpus-1", tokenizer.hash)


@pytest.mark.parametrize("name", ["train.bin", "train.offsets.bin", "validation.ids.bin"])
def test_a_cut_off_file_is_an_error(tokenizer: Tokenizer, corpus: FakeCorpus, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "tokens"
    write_tokens(corpus, tokenizer, folder)
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[:-1])
    with pytest.raises(CorpusError, match=r"damaged.*textmill train"):
        Tokens.open(folder)


def test_missing_and_newer_tokens(tokenizer: Tokenizer, corpus: FakeCorpus, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no tokens"):
        Tokens.open(tmp_path)
    write_tokens(corpus, tokenizer, tmp_path / "tokens")
    manifest = json.loads((tmp_path / "tokens/manifest.json").read_text())
    (tmp_path / "tokens/manifest.json").write_text(json.dumps(manifest | {"format_version": 99}))
    with pytest.raises(CorpusError, match="newer"):
        Tokens.open(tmp_path / "tokens")
    (tmp_path / "tokens/manifest.json").write_text("[1]")
    with pytest.raises(CorpusError, match="no tokens"):
        Tokens.open(tmp_path / "tokens")
    (tmp_path / "tokens/manifest.json").write_text(json.dumps(manifest | {"format_version": 1}))
    assert not tokens_are_fresh(tmp_path / "tokens", "corpus-1", tokenizer.hash)


def test_an_interrupted_write_leaves_the_old_tokens(tokenizer: Tokenizer, corpus: FakeCorpus, tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    write_tokens(corpus, tokenizer, folder)

    def stop(done: float, total: float | None = None, note: str = "") -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tokens(FakeCorpus([("new", "en")], content_hash="corpus-2"), tokenizer, folder, progress=stop)
    assert tokens_are_fresh(folder, "corpus-1", tokenizer.hash)
    assert [path.name for path in tmp_path.iterdir()] == ["tokens"]


def test_several_batches(tokenizer: Tokenizer, corpus: FakeCorpus, tmp_path: Path, monkeypatch) -> None:
    whole = write_tokens(corpus, tokenizer, tmp_path / "whole").split("train")
    monkeypatch.setattr("textmill.tokenizer.tokens.BATCH_BYTES", 1)
    parts = write_tokens(corpus, tokenizer, tmp_path / "parts").split("train")
    assert np.array_equal(whole.array, parts.array)
    assert np.array_equal(whole.offsets, parts.offsets)
