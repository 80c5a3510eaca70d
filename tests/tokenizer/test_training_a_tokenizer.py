import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizer_samples import CHINESE, ENGLISH, TEXTS, FakeCorpus

import textmill
from textmill.config import TokenizerSettings
from textmill.errors import CorpusError, TokenizerError
from textmill.i18n import set_language
from textmill.tokenizer.special_tokens import SPECIAL_TOKENS
from textmill.tokenizer.train import shortfall, train_on_corpus, train_tokenizer, training_parts, vocabulary_for_text
from textmill.tokenizer.training_text import training_text

SETTINGS = TokenizerSettings()
AGAIN = """
import json, sys
from textmill.config import TokenizerSettings
from textmill.tokenizer.train import train_tokenizer
print(train_tokenizer(json.load(sys.stdin), settings=TokenizerSettings(), vocabulary_size=500).hash)
"""


@pytest.mark.parametrize("threads", ["1", "4"])
def test_same_text_same_bytes_in_another_process(tokenizer, threads: str) -> None:
    environment = os.environ | {"RAYON_NUM_THREADS": threads, "PYTHONPATH": str(Path(textmill.__file__).parents[1])}
    out = subprocess.run(
        [sys.executable, "-c", AGAIN],
        env=environment,
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == tokenizer.hash


def test_vocabulary_size_counts_everything(tokenizer) -> None:
    assert tokenizer.vocabulary_size == 500
    assert shortfall(tokenizer) is None
    smallest = train_tokenizer(TEXTS, settings=SETTINGS, vocabulary_size=256 + len(SPECIAL_TOKENS))
    assert smallest.vocabulary_size == 276
    assert len(smallest.encode("好")) == 3


def test_a_text_too_small_for_the_vocabulary_gives_a_smaller_one_and_a_warning() -> None:
    small = train_tokenizer(["low lower lowest"], settings=SETTINGS, vocabulary_size=8192)
    assert 276 < small.vocabulary_size < 300
    assert max(small.special.values()) == small.vocabulary_size - 1
    warning = shortfall(small)
    assert warning is not None
    assert "8,192" in warning
    assert f"{small.vocabulary_size:,}" in warning
    set_language("zh")
    assert "词表" in (shortfall(small) or "")


def test_no_text_is_an_error() -> None:
    for texts in ([], [""], ["", ""]):
        with pytest.raises(CorpusError, match="no text"):
            train_tokenizer(texts, settings=SETTINGS, vocabulary_size=500)


def test_a_vocabulary_below_the_bytes_is_an_error() -> None:
    with pytest.raises(TokenizerError, match="too small"):
        train_tokenizer(TEXTS, settings=SETTINGS, vocabulary_size=275)


def test_absurdly_long_words_are_cut_for_training_only() -> None:
    for text in ("a" * 10_000, "=" * 10_000, " " * 10_000, ENGLISH + "好" * 1000 + CHINESE):
        parts = list(training_parts(text))
        assert "".join(parts) == text
        assert len(parts) > 2
    trained = train_tokenizer(["ab" * 500_000], settings=SETTINGS, vocabulary_size=400)
    assert trained.decode(trained.encode("ab" * 1000)) == "ab" * 1000


def test_surrogates_in_training_text_do_no_harm() -> None:
    assert train_tokenizer([*TEXTS, "a\ud800b"], settings=SETTINGS, vocabulary_size=400).vocabulary_size == 400


def test_vocabulary_for_text_grows_with_the_text() -> None:
    sizes = [vocabulary_for_text(size) for size in (0, 10**6, 3 * 10**7, 10**8, 10**9, 10**12)]
    assert sizes == sorted(sizes)
    assert sizes == [4096, 4096, 8192, 16384, 65536, 65536]


def test_corpus_manifest() -> None:
    corpus = FakeCorpus([(ENGLISH * 3, "en"), (CHINESE * 3, "zh")], [(ENGLISH, "en")])
    made = train_on_corpus(corpus, settings=SETTINGS, vocabulary_size=500)
    assert made.manifest["corpus_hash"] == "corpus-1"
    assert made.manifest["bytes_per_token"]["en"]["split"] == "validation"
    assert made.manifest["bytes_per_token"]["zh"]["split"] == "train"
    assert made.manifest["bytes_per_token"]["en"]["bytes_per_token"] > 2


def test_training_text_is_an_even_sample() -> None:
    english = [(f"{number} {ENGLISH}" * 400, "en") for number in range(100)]
    chinese = [(f"{number} {CHINESE}" * 10, "zh") for number in range(100)]
    corpus = FakeCorpus(english + chinese)
    everything = corpus.measure("bytes", "train")
    assert sum(len(text.encode()) for text in training_text(corpus, 1000)) == everything
    taken = list(training_text(corpus, 2))
    assert taken == list(training_text(corpus, 2))
    size = sum(len(text.encode()) for text in taken)
    assert 1_500_000 < size < 2_500_000
    share = sum(len(text.encode()) for text in taken if "小镇" in text) / corpus.measure("bytes", "train")
    assert share > 0
    kept_chinese = sum(len(text.encode()) for text in taken if "小镇" in text)
    assert kept_chinese > 0.9 * sum(len(text.encode()) for text, _ in chinese)


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[float, float | None]] = []
    train_tokenizer(
        TEXTS,
        settings=SETTINGS,
        vocabulary_size=300,
        progress=lambda done, total=None, note="": seen.append((done, total)),
    )
    assert seen[-1][0] == seen[-1][1]
