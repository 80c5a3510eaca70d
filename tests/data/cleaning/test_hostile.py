"""Texts made to be slow: the work done is counted, so that the result is the same on any machine."""

import re

import pytest
from cleaning_texts import judged

from textmill.data.cleaning import boilerplate, measures, repetition
from textmill.data.cleaning.boilerplate import BOILERPLATE, LONGEST, MENU_WORD, boilerplate_lines
from textmill.data.cleaning.measures import MOST_CHARACTERS, WORD, Measures

HUGE = 10_000_000
ENDLESS = {
    "one word": "a" * HUGE,
    "one line": "word " * (HUGE // 5),
    "one character": "字" * HUGE,
    "quotes": "'" * HUGE,
    "slashes": "a/-." * (HUGE // 4),
    "joined": "a.b'" * (HUGE // 4),
    "line ends": "\n" * HUGE,
    "short lines": "a\n" * (HUGE // 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", list(ENDLESS))
def test_ten_megabytes_are_judged(name: str, language: str) -> None:
    judgement = judged(ENDLESS[name], language, rules="fineweb")
    assert judgement.finding is not None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_more_than_a_million_characters_are_cut_into_words(language: str) -> None:
    found = Measures("word, " * (MOST_CHARACTERS // 2), language)
    assert len(found.part) == MOST_CHARACTERS
    assert found.unit_count <= MOST_CHARACTERS
    assert len(found.run_hashes(3)) == found.unit_count - 2


@pytest.mark.parametrize("unit", ["a.b'", "'s", "--a", "A.", "a/b", "/-"])
def test_the_words_of_a_longer_text_begin_as_those_of_a_shorter_one(unit: str) -> None:
    """An expression that goes back over what it read would have to decide anew."""
    short, long = WORD.findall(unit * 200), WORD.findall(unit * 400)
    assert long[: len(short) - 2] == short[:-2]


def test_the_exact_count_of_repeats_visits_each_place_once() -> None:
    class Visits(set):
        count = 0

        def __contains__(self, item: object) -> bool:
            Visits.count += 1
            return super().__contains__(item)

    found = Measures("la " * 5000, "en")
    hashes, lengths = found.run_hashes(5), found.run_lengths(5)
    original = repetition.__dict__.get("set", set)
    repetition.__dict__["set"] = Visits
    try:
        repetition.exact_characters(hashes, lengths, 5)
    finally:
        if original is set:
            del repetition.__dict__["set"]
    assert 0 < Visits.count <= len(hashes)


def test_of_endless_lists_the_ends_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    verdict = boilerplate.verdict
    monkeypatch.setattr(boilerplate, "verdict", lambda line: seen.append(line) or verdict(line))
    found = boilerplate_lines(["Read more", *(f"{number}" for number in range(100_000)), "Read more"])
    assert (len(seen), len(found), found[0], found[-1], sum(found)) == (20_000, 100_002, True, True, 2)


def test_a_long_line_is_never_looked_at_as_boilerplate() -> None:
    lines = ["a" * (LONGEST + 1), "share this " * 100_000, "版权所有" * 100_000]
    assert boilerplate_lines(lines) == [False] * 3


@pytest.mark.parametrize("pattern", [BOILERPLATE, MENU_WORD], ids=["boilerplate", "menu"])
def test_expressions_for_lines_have_no_repeat_of_repeats_without_bound(pattern: re.Pattern[str]) -> None:
    """(x+)+ is what makes an expression exponential; `(?:…)*` may hold only what begins with a sign of its own."""
    assert not re.search(r"[+*]\)[+*]", pattern.pattern)


def test_code_points_beyond_the_table_are_some_other_sign() -> None:
    found = Measures("\U000e0041\U0010ffff字", "zh")
    assert found.signs[2].tolist()[-1] == measures.CHINESE
    assert found.unit_count == 3
