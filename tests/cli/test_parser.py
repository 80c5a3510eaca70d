from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textmill.cli.command import Argument, Command
from textmill.cli.parser import parse, split
from textmill.errors import TextmillError, UsageError


def probe(*arguments):
    return Command(words=("probe",), run=lambda context: {}, example="textmill probe", arguments=arguments)


def values(command, *typed):
    given_ = split(["probe", *typed])
    return parse(command, given_.tokens[1:], given_.literal)


OPTIONS = probe(
    Argument(name="prompt", many="?"),
    Argument(name="--max-tokens", kind=int, default=5),
    Argument(name="--temperature", kind=float),
    Argument(name="--stop", many="*"),
    Argument(name="--quiet", flag=True),
    Argument(name="--mode", choices=("a", "b"), default="a"),
)


def test_options_in_any_order_with_and_without_equals():
    expected = {"prompt": "hi", "max_tokens": 7, "temperature": -0.5, "stop": ("x", "y"), "quiet": True, "mode": "b"}
    typed = ("--max-tokens", "7", "hi", "--temperature=-0.5", "--stop", "x", "--quiet", "--stop=y", "--mode", "b")
    assert values(OPTIONS, *typed) == expected
    assert values(OPTIONS, "--quiet", "--temperature", "-0.5", *typed[:3], *typed[4:]) == expected


def test_defaults():
    absent = {"prompt": None, "max_tokens": 5, "temperature": None, "stop": (), "quiet": False, "mode": "a"}
    assert values(OPTIONS) == absent


@pytest.mark.parametrize("text", ["-5", "- a list", "--- a rule", "-hello there", "", "—", "-", "a=b", "3.5"])
def test_texts_that_are_no_options(text):
    assert values(OPTIONS, text)["prompt"] == text


def test_everything_after_two_dashes_is_text():
    assert values(OPTIONS, "--quiet", "--", "--train.steps=4")["prompt"] == "--train.steps=4"


def test_last_one_wins():
    assert values(OPTIONS, "--max-tokens=1", "--max-tokens=2")["max_tokens"] == 2


def test_places_share_the_texts():
    command = probe(
        Argument(name="first"), Argument(name="rest", kind=Path, many="*"), Argument(name="last"), Argument(name="--x")
    )
    assert values(command, "a", "b") == {"x": None, "first": "a", "rest": (), "last": "b"}
    assert values(command, "a", "b", "--x", "1", "c", "d")["rest"] == (Path("b"), Path("c"))
    optional = probe(Argument(name="maybe", many="?"), Argument(name="must"))
    assert values(optional, "a") == {"maybe": None, "must": "a"}
    assert values(optional, "a", "b") == {"maybe": "a", "must": "b"}


@pytest.mark.parametrize(
    ("command", "typed", "key"),
    [
        (OPTIONS, ["--max-tokens", "many"], "usage.value"),
        (OPTIONS, ["--mode", "c"], "usage.value"),
        (OPTIONS, ["--quiet=1"], "usage.flag_value"),
        (OPTIONS, ["--max-tokens"], "usage.value_missing"),
        (OPTIONS, ["--max-tokens", "--quiet"], "usage.value_missing"),
        (OPTIONS, ["--max-token", "5"], "usage.unknown_option"),
        (OPTIONS, ["-n", "5"], "usage.unknown_option"),
        (OPTIONS, ["a", "b"], "usage.too_many"),
        (probe(Argument(name="paths", many="+")), [], "usage.missing"),
        (probe(Argument(name="path")), [], "usage.missing"),
        (probe(Argument(name="--out", required=True)), [], "usage.missing"),
    ],
)
def test_mistakes(command, typed, key):
    with pytest.raises(UsageError) as caught:
        values(command, *typed)
    assert caught.value.key == key
    assert caught.value.parts()["what"]


def test_nearest_option_is_named():
    for typed, nearest in (("--max-token", "--max-tokens"), ("--jsn", "--json"), ("--optimizer", "--train.optimizer")):
        with pytest.raises(UsageError) as caught:
            values(OPTIONS, typed)
        assert caught.value.values["nearest"] == nearest


def test_errors_of_our_own_from_a_kind_pass_through():
    def kind(text):
        raise UsageError("usage.ui_language", value=text, source="x")

    with pytest.raises(UsageError) as caught:
        values(probe(Argument(name="--x", kind=kind)), "--x", "1")
    assert caught.value.key == "usage.ui_language"


def test_common_options_anywhere():
    found = split(
        ["--project", "p", "a", "--train.steps", "-3", "--ui-language=zh", "b", "--json", "--model.kv-heads=2"]
    )
    assert found.tokens == ["a", "b"]
    assert (found.project, found.ui_language, found.json) == (Path("p"), "zh", True)
    assert found.settings == {"train.steps": "-3", "model.kv_heads": "2"}


@given(st.lists(st.one_of(st.text(), st.sampled_from(["--", "--json", "--stop", "--max-tokens", "--x.y", "-h", "="]))))
def test_any_words_give_values_or_one_of_our_errors(typed):
    try:
        found = split(typed)
        parse(OPTIONS, found.tokens, found.literal)
    except TextmillError as error:
        assert error.parts()["what"]
