"""Signatures estimate the Jaccard similarity that is counted by hand, however the texts are handed over."""

import random

import numpy as np
import pytest

from textmill.config import DuplicatesSettings
from textmill.data.duplicates import minhash, shingles
from textmill.data.duplicates.minhash import band_keys, bands_for, signatures, similarity

SETTINGS = DuplicatesSettings()
PINNED = [[56986, 55784, 23757, 42923], [22452, 40793, 52191, 60334]]


def words(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [f"w{chance.randrange(10**9)}" for _ in range(count)]


def test_similarity_counted_by_hand():
    """Runs of two: {ab bc cd de} and {ab bc cx xe}, so 2 / 6; the estimate of 1,024 orders lies within three errors."""
    exact = DuplicatesSettings(word_ngram=2, character_ngram=2, permutations=1024)
    found, counts = signatures(["a b c d e", "a b c x e", "甲乙丙丁戊", "甲乙丙子戊"], exact)
    assert counts.tolist() == [4, 4, 4, 4]
    for first, second in ((0, 1), (2, 3)):
        assert similarity(found[first], found[second]) == pytest.approx(2 / 6, abs=3 * (2 / 9 / 1024) ** 0.5)
    assert similarity(found[0], found[2]) < 0.02


@pytest.mark.parametrize("length", [30, 300, 3000])
@pytest.mark.parametrize("change", [0.005, 0.02, 0.1])
def test_the_estimate_is_right_on_average(length, change):
    """Forty pairs: the mean error within four standard errors of zero, and none far out."""
    chance = random.Random(f"{length} {change}")
    texts, true = [], []
    for number in range(40):
        first = words(length, number)
        second = [word if chance.random() > change else word + "x" for word in first]
        runs = [{tuple(text[i : i + 5]) for i in range(length - 4)} for text in (first, second)]
        true.append(len(runs[0] & runs[1]) / len(runs[0] | runs[1]))
        texts += [" ".join(first), " ".join(second)]
    found, _ = signatures(texts, SETTINGS)
    errors = similarity(found[::2], found[1::2]) - np.array(true)
    expected = np.sqrt(np.array(true) * (1 - np.array(true)) / SETTINGS.permutations) + 1e-6
    assert abs(errors.mean()) < 4 * np.sqrt((expected**2).sum()) / 40 + 1e-3
    assert (np.abs(errors) < 5 * expected + 0.02).all()


def test_two_different_single_runs_never_look_equal():
    texts = [f"number {number}" for number in range(20_000)]
    found, counts = signatures(texts, SETTINGS)
    assert (counts == 1).all()
    keys = band_keys(found, 0, 6)
    assert len(np.unique(found, axis=0)) == len(texts)
    order = np.argsort(keys)
    equal = keys[order][1:] == keys[order][:-1]
    assert (similarity(found[order[1:]][equal], found[order[:-1]][equal]) < 0.8).all()


def test_punctuation_blanks_and_capitals_do_not_count():
    found, _ = signatures(["Hello, World! Again and again.", "hello world — again\nAND again"], SETTINGS)
    assert (found[0] == found[1]).all()


def test_what_has_no_ngram_has_no_signature():
    _, counts = signatures(["", "…", " \n", "a", "字"], SETTINGS)
    assert counts.tolist() == [0, 0, 0, 1, 1]


def test_nothing_depends_on_how_texts_travel(monkeypatch):
    texts = [" ".join(words(n, n)) for n in (1, 3, 50, 400, 4000)] + ["字词" * 3000, "", "。" * 70_000]
    together = signatures(texts, SETTINGS)
    alone = [signatures([text], SETTINGS) for text in texts]
    assert all((together[0][n] == alone[n][0][0]).all() for n in range(len(texts)))
    monkeypatch.setattr(minhash, "BLOCK", 2000)
    monkeypatch.setattr(shingles, "BLOCK", 2000)
    monkeypatch.setattr(minhash, "CELLS", 1000)
    assert (signatures(texts, SETTINGS)[0] == together[0]).all()


def test_values_are_those_of_the_first_release():
    """They lie beside corpora on disk: a change here is a new version of that file's format."""
    found, _ = signatures(["the quick brown fox jumps over the lazy dog", "今天天气很好我们去公园"], SETTINGS)
    assert found[:, :4].tolist() == PINNED


def test_bands():
    for threshold in (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0):
        bands, rows = bands_for(threshold, 128)
        assert bands * rows <= 128
        assert 1 - (1 - threshold**rows) ** bands >= 0.995
    assert bands_for(0.8, 128) == (21, 6)
