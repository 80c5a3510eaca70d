"""Highlighted words are the judge's own: without them it is less sure, and less than without any others."""

import numpy as np
import pytest
from praise_and_blame import judge, sentences

from textmill.apps.sentiment.clauses import clauses, merged, parts, pieces, without
from textmill.apps.sentiment.reasons import LONGEST, faithfulness, margins, reasons


def told(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[low:high] for low, high in spans]


def test_a_text_is_taken_apart_where_it_says_one_thing_each():
    text = "The room was clean, but the staff was rude! It cost 1,200.50 and so on."
    assert told(text, clauses(text)) == [
        "The room was clean", "but the staff was rude", "It cost 1,200.50", "and", "so on",
    ]  # fmt: skip
    text = "房间很干净，就是服务员态度差。虽然便宜但是不值"
    assert told(text, clauses(text)) == ["房间很干净", "就是服务员态度差", "虽然便宜", "但是不值"]
    assert clauses("...!") == []


def test_pieces_are_words_and_pairs_of_signs():
    text = "It's 很干净 ok好"
    assert told(text, pieces(text)) == ["It's", "很干", "干净", "ok", "好"]


def test_leaving_out_leaves_the_rest():
    assert without("a b c", [(2, 3)]) == "a c"
    assert without("很干净", [(1, 3)]) == "很"
    assert without("a b", [(0, 1), (2, 3)]) == ""
    assert merged("a b, c", [(2, 3), (0, 1), (5, 6)]) == [(0, 3), (5, 6)]


@pytest.mark.parametrize("text", ["", "一" * 5000, "word " * 900 + "x" * 3000, "Short. And so on."])
def test_parts_are_the_whole_text(text):
    found = parts(text, 700)
    assert "".join(told(text, found)) == text
    assert all(0 < high - low <= 700 for low, high in found)


def test_the_word_that_decides_is_the_reason():
    for text, word in (("The room was dirty.", "dirty"), ("The staff was friendly, I think.", "friendly")):
        best = max(reasons(judge(), [text])[0], key=lambda reason: reason.effect)
        assert best.text == word
        assert text[best.start : best.end] == word
        assert best.effect > 0
    best = max(reasons(judge(), ["我们住的房间很肮脏。"])[0], key=lambda reason: reason.effect)
    assert "肮" in best.text or "脏" in best.text


def test_reasons_are_asked_for_a_label():
    text = "The room was clean but the staff was rude."
    positive, negative = (reasons(judge(), [text], [label])[0] for label in ("positive", "negative"))
    assert "clean" in " ".join(reason.text for reason in positive)
    assert "rude" in " ".join(reason.text for reason in negative)


def test_effects_are_what_leaving_out_does():
    text = "The breakfast was awful."
    (reason,) = [reason for reason in reasons(judge(), [text])[0] if reason.text == "awful"]
    whole, rest = margins(judge(), [text, without(text, [(reason.start, reason.end)])], [0, 0])
    assert reason.effect == pytest.approx(whole - rest)


def test_a_long_text_is_searched_in_the_part_that_decides():
    text = (
        "We came on a day of May and went on. " * 2000
        + "The room was dirty and the staff rude. "
        + "So it goes. " * 900
    )
    assert len(text) > 80_000 > LONGEST
    found = reasons(judge(), [text], ["negative"])[0]
    assert "dirty" in " ".join(reason.text for reason in found)
    assert all(text[reason.start : reason.end] == reason.text for reason in found)


@pytest.mark.parametrize("text", ["", "!!!", "a"])
def test_little_text_has_few_reasons(text):
    assert len(reasons(judge(), [text])[0]) <= 1


def test_highlighted_words_move_the_judge_further_than_others():
    texts = [f"{first} {second}" for (first, _), (second, _) in zip(sentences(60, 1), sentences(60, 2), strict=True)]
    found = faithfulness(judge(), texts)
    assert found.difference.low > 0
    assert found.further.value > 0.8
    assert np.isfinite(list(found.as_dict()["highlighted"].values())).all()
