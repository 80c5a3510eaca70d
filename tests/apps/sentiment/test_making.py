"""How judges are made: rows that are read, scores that become probabilities, the better way that is taken."""

from pathlib import Path

import numpy as np
import pytest
from judging import reviews, write_csv

from textmill.apps.sentiment.calibration import (
    blended,
    calibration_error,
    choose,
    fit_blend,
    negative_log_likelihood,
    softmax,
    threshold_of,
)
from textmill.apps.sentiment.form import BOTH, MODEL, WORDS
from textmill.apps.sentiment.head import best_head, fit_head, folds_of
from textmill.apps.sentiment.labelled import read_labelled, split
from textmill.apps.sentiment.logistic import Sparse, fit_sparse
from textmill.apps.sentiment.words import ngrams, train_words
from textmill.errors import InputError


def drawn(count: int, strength: float, seed: int = 0, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a source that knows a part, exactly calibrated: labels are drawn from their softmax."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(count, classes)) * strength
    right = np.array([generator.choice(classes, p=chances) for chances in softmax(scores)])
    return scores, right


def test_temperature_is_found() -> None:
    """Scores that are three times too sure come out divided by three, and their calibration error falls."""
    scores, right = drawn(4000, 1.5)
    factors, shift = fit_blend([3 * scores], right)
    assert factors[0] == pytest.approx(1 / 3, rel=0.1)
    assert abs(shift).max() < 0.1
    before = calibration_error(softmax(3 * scores), right)
    after = calibration_error(softmax(blended([3 * scores], factors, shift)), right)
    assert after < 0.02 < 0.1 < before


def test_what_knows_nothing_gets_no_weight() -> None:
    scores, right = drawn(2000, 2.0)
    noise = np.random.default_rng(5).normal(size=scores.shape)
    factors, _ = fit_blend([scores, noise], right)
    assert factors[1] < 0.1 * factors[0]
    assert min(factors) >= 0


def test_the_better_way_is_taken() -> None:
    scores, right = drawn(1500, 2.0)
    noise = np.random.default_rng(5).normal(size=scores.shape)
    assert choose(noise, scores, right)[0] in (WORDS, BOTH)
    assert choose(scores, noise, right)[0] in (MODEL, BOTH)
    assert choose(None, scores, right)[0] == WORDS
    first, second = scores + noise, scores + np.random.default_rng(6).normal(size=scores.shape)
    way, blend, found = choose(first, second, right)
    assert way == BOTH and blend.model > 0 and blend.words > 0
    assert negative_log_likelihood(found[BOTH], right) < min(
        negative_log_likelihood(found[each], right) for each in (MODEL, WORDS)
    )


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_hold_the_right_label_as_often_as_they_say(coverage: float) -> None:
    """On rows that the threshold had not seen, over many splits."""
    held = []
    for seed in range(30):
        scores, right = drawn(800, 2.0, seed=seed, classes=3)
        chances = softmax(scores)
        threshold = threshold_of(chances[:400], right[:400], coverage)
        held.append((chances[400:][np.arange(400), right[400:]] >= threshold).mean())
    assert abs(np.mean(held) - coverage) < 0.01
    assert threshold_of(softmax(scores[:3]), right[:3], 0.9) == 0.0  # too few to rule anything out


def test_the_regression_is_at_its_minimum() -> None:
    """Dense by hand: the gradient of loss and penalty vanishes."""
    generator = np.random.default_rng(0)
    dense = generator.normal(size=(40, 6)) * (generator.random((40, 6)) < 0.5)
    right = generator.integers(0, 3, 40)
    at = [np.flatnonzero(row) for row in dense]
    sparse = Sparse(
        np.concatenate(at).astype(np.int64),
        np.concatenate([row[places] for row, places in zip(dense, at, strict=True)]),
        np.cumsum([0, *map(len, at)]),
        6,
    )
    scales = generator.random((6, 3)) + 0.5
    weights, bias = fit_sparse(sparse, right, 3, scales, 0.7)
    error = softmax(dense @ weights + bias) - np.eye(3)[right]
    assert np.allclose(dense.T @ error * scales + 0.7 * weights / scales, 0, atol=1e-3)
    assert np.allclose(error.sum(axis=0), 0, atol=1e-3)


def test_words_learn_and_know_both_scripts() -> None:
    rows = reviews(60)
    right = np.array([label == "positive" for _, label in rows]).astype(np.int64)
    words = train_words([text for text, _ in rows[:40]], right[:40], 2)
    assert (words.scores([text for text, _ in rows[40:]]).argmax(axis=1) == right[40:]).all()
    assert np.isfinite(words.scores(["", "zzz", "饭"])).all()  # text data
    assert {"房 间", "房", "房 间 很"} <= set(ngrams("房间很"))  # text data
    assert {"not", "not good", "#<not", "#good>"} & set(ngrams("Not good")) >= {"not", "not good", "#good>"}


def test_a_head_begins_at_the_model_and_learns() -> None:
    generator = np.random.default_rng(0)
    states = generator.normal(size=(60, 16)).astype(np.float32)
    right = (states[:, 3] > 0).astype(np.int64)
    own = generator.normal(size=(60, 2)) * 0.1
    still = fit_head(states, own, right, 1e6)
    assert np.allclose(still.scores(states, own), own, atol=1e-2)
    head, out_of_fold = best_head(states, own, right)
    assert (out_of_fold.argmax(axis=1) == right).mean() > 0.75
    assert (head.scores(states, own).argmax(axis=1) == right).mean() > 0.9
    counts = [np.bincount(right[folds_of(right) == fold], minlength=2) for fold in range(8)]
    assert max(map(int, np.ptp(counts, axis=0))) <= 1


def test_rows_that_teach_nothing_are_left_out(tmp_path: Path) -> None:
    rows = [*reviews(24), reviews(24)[0], ("", "positive"), ("no label", ""), ("both ways", "positive")]
    rows.append(("both ways", "negative"))
    file = write_csv(tmp_path / "rows.csv", rows)
    found = read_labelled([file])
    assert found.labels == ("negative", "positive")
    assert found.counts == {"negative": 12, "positive": 12}
    assert found.left_out == {"repeated": 1, "empty": 2, "contradictory": 2}
    assert "both ways" not in found.rows.texts


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ([(text, "good") for text, _ in reviews(20)], "sentiment.one_label"),
        (reviews(14), "sentiment.few_rows"),
        ([], "sentiment.one_label"),
        ([("same", "a"), ("same", "b")] * 10, "sentiment.one_label"),
    ],
)
def test_too_little_is_refused(tmp_path: Path, rows: list[tuple[str, str]], key: str) -> None:
    with pytest.raises(InputError) as caught:
        read_labelled([write_csv(tmp_path / "rows.csv", rows)])
    assert caught.value.key == key


def test_columns_are_found_or_the_nearest_named(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "rows.csv", reviews(20), header=("Comment", "Stars"))
    assert len(read_labelled([file]).rows) == 20
    with pytest.raises(InputError, match="Comment"):
        read_labelled([file], text_column="coment")


def test_the_split_is_the_rows_own(tmp_path: Path) -> None:
    """Whatever the order of the file, the same rows are held out, of every label some."""
    rows = reviews(200)
    held = []
    for number, order in enumerate((rows, rows[::-1])):
        found = read_labelled([write_csv(tmp_path / f"{number}.csv", order)])
        training, out = split(found.rows, 0.2)
        assert len(training) + len(out) == 200 and not set(training.texts) & set(out.texts)
        assert set(out.labels.tolist()) == {0, 1}
        held.append(set(out.texts))
    assert held[0] == held[1]
    assert 20 < len(held[0]) < 60
