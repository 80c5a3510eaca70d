"""Intervals, paired tests, metrics, cheap baselines, the rule by which pairs are cut into tokens."""

import math

import numpy as np
import pytest

from textmill.evaluate.baselines import baseline
from textmill.evaluate.intervals import grouped_mean, mcnemar, paired, resampled_mean, wilson
from textmill.evaluate.items import ANSWER, CHOICE, CLOZE, Item
from textmill.evaluate.likelihood import Likelihood
from textmill.evaluate.metrics import chosen, figures_of, macro_f1, summary
from textmill.evaluate.written import matches, sentence_chrf


def test_wilson_by_the_book() -> None:
    score = wilson(15, 20)
    assert (score.value, score.n) == (0.75, 20)
    assert (score.low, score.high) == pytest.approx((0.5313, 0.8881), abs=1e-4)
    assert wilson(0, 10).low == 0.0 and wilson(10, 10).high == 1.0
    assert math.isnan(wilson(0, 0).value)


def test_mcnemar_by_the_binomial() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(8, 2) == pytest.approx(2 * sum(math.comb(10, k) for k in range(3)) / 2**10)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(500, 300) < 1e-10


def test_pairs_find_what_single_intervals_do_not() -> None:
    draw = np.random.default_rng(0)
    hard = draw.random(2000) < 0.5
    first = np.where(hard, draw.random(2000) < 0.10, draw.random(2000) < 0.95).astype(float)
    second = np.where(draw.random(2000) < 0.03, 0.0, first)  # a little worse, on the same items
    found = paired(first.tolist(), second.tolist())
    assert found.test == "mcnemar" and found.p < 1e-3 and 0 < found.low < found.difference < found.high
    same = paired(first.tolist(), first.tolist())
    assert (same.p, same.difference, same.only_first) == (1.0, 0.0, 0)
    numbers = paired([1.5, 2.5, 3.5] * 30, [1.0, 2.6, 3.1] * 30)
    assert numbers.test == "resampling" and numbers.p < 0.01


def test_resampled_means() -> None:
    score = resampled_mean([0.0, 1.0] * 200)
    assert score.value == 0.5 and score.low == pytest.approx(0.45, abs=0.015)
    score = grouped_mean([1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"])
    assert score.value == 0.5  # the mean of groups, not of items


def item(*choices: str, answer: int = 0, kind: str = CHOICE, prompt: str = "Q") -> Item:
    return Item(name="x", kind=kind, prompts=(prompt,), choices=choices, answer=answer)


def test_length_rules_choose_differently() -> None:
    asked = item(" ab", " 中文字", " abcdefghij", answer=2)
    likelihood = Likelihood(sums=(-4.0, -5.1, -6.0), tokens=(1, 1, 9), greedy=(False, False, False))
    assert [chosen(asked, likelihood, rule) for rule in ("accuracy", "accuracy_normalised")] == [0, 2]
    assert chosen(asked, likelihood, "accuracy_per_byte") == 1
    assert chosen(asked, likelihood, "accuracy_per_token") == 2
    figures = figures_of(asked, likelihood)
    assert figures["accuracy"] == 0 and figures["accuracy_normalised"] == 1
    weights = [math.exp(total) for total in likelihood.sums]
    assert figures["probability"] == pytest.approx(weights[2] / sum(weights))
    equal = Likelihood(sums=(-1.0, -1.0, -2.0), tokens=(1, 1, 1), greedy=(True, True, False))
    assert chosen(asked, equal, "accuracy") == 0


def test_summaries() -> None:
    figures = [figures_of(item("a", kind=CLOZE), Likelihood(sums=(total,), tokens=(1,), greedy=(hit,)))
               for total, hit in ((-1.0, True), (-3.0, False))]  # fmt: skip
    scores = summary(figures, ["", ""])
    assert scores["accuracy"].value == 0.5
    assert scores["perplexity"].value == pytest.approx(math.exp(2.0))
    assert scores["perplexity"].low <= scores["perplexity"].value <= scores["perplexity"].high
    assert macro_f1([0, 0, 1, 1], [0, 0, 0, 1]) == pytest.approx((0.8 + 2 / 3) / 2)


def test_cheap_baselines() -> None:
    items = [item(" a", " bbbb", answer=1), item(" cc", " d", answer=0), item(" e", " ff", answer=1)]
    rule, score = baseline(items) or ("", None)
    assert (rule, score and score.value) == ("longest", 1.0)
    pairs = [item("good", "bad one", answer=0), item("fine", "not so", answer=0)]
    assert baseline(pairs)[0] == "shortest"  # type: ignore[index]
    lots = baseline([item("same", "rows", answer=0)] * 4)
    assert lots is not None and lots[1].value == 0.5  # of equals none is known to be right
    cloze = item(" Ann", kind=CLOZE, prompt="Then Ann saw Bea, and Ann said")
    assert baseline([cloze])[1].value == 1.0  # type: ignore[index]
    sums = Item(name="x", kind=ANSWER, prompts=("Question: He has 3 and 1,200 more?\nAnswer:",), references=("1200",))
    assert baseline([sums])[1].value == 1.0  # type: ignore[index]


def test_written_answers_match_but_for_form() -> None:
    assert matches("The Eiffel Tower.", "eiffel tower") and not matches("a tower", "Eiffel Tower")
    assert matches("so it is\n#### 1,200", "1200") and not matches("12", "1200")
    assert matches("北京。", "北京")
    assert sentence_chrf("the cat sat", "the cat sat") == pytest.approx(1.0)
    assert 0 < sentence_chrf("the cat", "the cat sat") < 1 and sentence_chrf("", "x") == 0.0
