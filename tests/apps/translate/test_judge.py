"""What is wrong with a translation is seen without knowing the language."""

import pytest

from textmill.apps.translate.card import Known
from textmill.apps.translate.judge import Candidate, loops, most_tokens, problems_of, unlooped

TO_ZH = Known(source="en", target="zh", ratio=1.0, characters=0.6, examples=10)
SOURCE = "The old man walked slowly to the market in 2024."
GOOD = "那位老人在2024年慢慢地走向市场。"  # text data


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD, ()),
        ("", ("empty", "short", "numbers", "script")),
        ("……", ("empty", "short", "numbers", "script")),
        ("老人2024年", ("short",)),  # text data
        ("老人走走走走走走走走走走走走走向2024年的市场", ("loop",)),  # text data
        ("那位老人慢慢地走向市场，到了市场。", ("numbers",)),  # text data
        ("The old man walked in 2024.", ("script",)),
        (GOOD + "<1>", ("markers",)),
        (GOOD * 4, ("loop", "long")),
    ],
)
def test_problems(text: str, problem: tuple[str, ...]) -> None:
    assert problems_of(SOURCE, text, TO_ZH) == problem


def test_an_unfinished_one_and_a_missing_term() -> None:
    assert problems_of(SOURCE, GOOD, TO_ZH, ended=False) == ("long",)
    assert problems_of(SOURCE, GOOD, TO_ZH, terms=(("集市", "市场"),)) == ()  # text data
    assert problems_of(SOURCE, GOOD, TO_ZH, terms=(("超市",),)) == ("terms",)  # text data


def test_loops() -> None:
    assert loops("I go I go I go I go I go ")
    assert not loops("no, no, no ... 100000 and a blah blah")
    assert not loops("----------------------------------------")
    assert unlooped("so I go I go I go I go I go home") == "so I go home"
    assert problems_of("aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa", TO_ZH) == ("script",)


def test_how_much_may_be_written() -> None:
    assert most_tokens(TO_ZH, 20) == 50
    assert most_tokens(TO_ZH, 1) == 8


def test_confidence_falls_with_problems() -> None:
    sure = Candidate(text="a", log_probability=0.0)
    assert sure.confidence == 1.0
    assert Candidate(text="a", log_probability=0.0, problems=("script",)).confidence == 0.5
