"""Rewards: what counts as the right answer, and what happens when a reward raises, hangs or cannot be had."""

import json
from fractions import Fraction

import pytest

from textmill.errors import InputError, TrainingError, UsageError
from textmill.tune.examples import Problem
from textmill.tune.final_answer import as_number, final_answer, same_answer
from textmill.tune.json_schema import fits, unknown_keywords
from textmill.tune.rewards import Rewards, code_in, parse_rewards, unit_tests_of


def problem(answer: str = "", **row) -> Problem:
    return Problem(place="p.jsonl:1", messages=({"role": "user", "content": "?"},), answer=answer, row=row)


def rewards(*words: str, **changes) -> Rewards:
    return parse_rewards(words, **({"allowed": True, "seconds": 10.0} | changes))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{3} or rather \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        ("48/2 = <<48/2=24>>24 clips.\n#### 72", "72"),
        ("#### 1\n#### 2 clips\nmore", "2 clips"),
        ("The answer is 12. It took 3 steps.", "12"),
        ("答案是：十二", "十二"),  # text data
        ("First 3, then 4, so 1,200 in all", "1,200"),
        ("Paris", "Paris"),
        (r"\boxed{broken", r"\boxed{broken"),
    ],
)
def test_the_final_answer_of_a_text(text, answer):
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,000", 1000),
        ("$18.00", 18),
        ("50 %", 50),
        ("-3", -3),
        ("−3", -3),
        ("１２", 12),
        ("1/2", Fraction(1, 2)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        ("2.5e3", 2500),
        ("12.", 12),
        ("twelve", None),
        ("1/0", None),
        ("", None),
        ("9" * 5000, None),
        ("1.2.3", None),
    ],
)
def test_numbers_however_they_are_written(text, value):
    assert as_number(text) == value


@pytest.mark.parametrize(
    ("text", "expected", "same"),
    [
        ("He has 5 and 7, that makes 12.", "#### 12", True),
        ("He has 5 and 7, that makes 13.", "#### 12", False),
        ("It is 0.50 in all", "1/2", True),
        ("The answer is Paris.", "paris", True),
        ("“Paris”", "Paris", True),
        ("The capital is Paris", "Paris", False),
        ("", "3", False),
        ("a" * 100_000, "3", False),
        ("1,2," * 20_000, "3", False),
    ],
)
def test_answers_that_are_the_same(text, expected, same):
    assert same_answer(text, expected) is same


def test_exact_counts_and_weighs():
    judge = rewards("exact", "0.5*regex=^so")
    problems = [problem("4"), problem("4"), problem("4")]
    assert judge.scores(problems, ["so 4", "4", "so 5"]) == [1.5, 1.0, 0.5]
    assert judge.seen == {"exact": pytest.approx(2 / 3), "regex=^so": pytest.approx(2 / 3)}
    judge.close()


def test_a_pattern_may_hold_the_answer():
    judge = rewards("regex=<b>{answer}</b>")
    assert judge.scores([problem("1+1"), problem("2")], ["<b>1+1</b>", "<b>3</b>"]) == [1.0, 0.0]
    judge.close()


def test_a_pattern_that_never_ends_is_ended():
    judge = rewards("regex=^(a+)+$", seconds=1.0, bad="skip")
    assert judge.scores([problem(), problem()], ["a" * 60 + "b", "aaa"]) == [None, 1.0]
    assert judge.skipped == 1
    judge.close()


def test_a_schema(tmp_path):
    file = tmp_path / "schema.json"
    schema = {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "required": ["x"],
        "additionalProperties": False,
    }
    file.write_text(json.dumps(schema))
    judge = rewards(f"schema={file}")
    answers = ['{"x": 3}', 'Here:\n```json\n{"x": 3}\n```', '{"x": "3"}', "no", '{"x": 3, "y": 1}', "[" * 100_000]
    assert judge.scores([problem()] * len(answers), answers) == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    judge.close()
    file.write_text('{"type": "object", "unevaluatedProperties": false}')
    with pytest.raises(InputError, match="unevaluatedProperties"):
        rewards(f"schema={file}")


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": ["integer", "null"]}, [1, None, 2.0], ["1", True, 1.5]),
        ({"enum": [1, "a"]}, [1, "a", 1.0], [True, "b"]),
        ({"const": {"a": [1]}}, [{"a": [1]}], [{"a": [2]}]),
        ({"items": {"type": "string"}, "minItems": 1, "uniqueItems": True}, [["a"], 3], [[], [1], ["a", "a"]]),
        ({"prefixItems": [{"type": "integer"}], "items": False}, [[1], []], [[1, 2], ["a"]]),
        ({"minimum": 0, "exclusiveMaximum": 5, "multipleOf": 0.5}, [0, 4.5, "x"], [5, -1, 0.3]),
        ({"pattern": "^a", "maxLength": 2}, ["ab", 3], ["b", "abc"]),
        ({"anyOf": [{"type": "string"}, {"minimum": 3}]}, ["a", 3], [2]),
        ({"oneOf": [{"minimum": 1}, {"maximum": 2}]}, [3, 0], [1.5]),
        ({"not": {"type": "null"}, "allOf": [True]}, [1], [None]),
        ({"$defs": {"n": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/n"}}}, [{"x": 1}], [{"x": "a"}]),
        ({"patternProperties": {"n": {"type": "null"}}, "additionalProperties": False}, [{"n": None}], [{"n": 1}, {"m": 1}]),  # noqa: E501
        ({"contains": {"const": 1}, "maxItems": 2}, [[0, 1]], [[0], [1, 2, 3]]),
        ({"minProperties": 1, "maxProperties": 1}, [{"a": 1}], [{}, {"a": 1, "b": 1}]),
        (False, [], [1]),
    ],
)  # fmt: skip
def test_schemas(schema, good, bad):
    assert unknown_keywords(schema) == []
    assert [value for value in good if not fits(value, schema)] == []
    assert [value for value in bad if fits(value, schema)] == []


def test_unit_tests_run_in_the_sandbox_only_with_leave():
    with pytest.raises(UsageError, match="--allow-code-execution"):
        rewards("tests", allowed=False)
    judge = rewards("tests")
    row = {"test_list": ["assert double(2) == 4", "assert double(0) == 0"]}
    answers = ["Sure:\n```python\ndef double(x):\n    return 2 * x\n```", "def double(x):\n    return x", "I cannot."]
    assert judge.scores([problem(**row)] * 3, answers) == [1.0, 0.0, 0.0]
    with pytest.raises(InputError, match=r"p.jsonl:1 has no unit tests"):
        judge.check([problem()])


def test_tests_as_sets_of_tasks_have_them():
    row = {"test": "def check(candidate):\n    assert candidate(1) == 2", "entry_point": "f"}
    assert unit_tests_of(row).endswith("check(f)")
    assert unit_tests_of({"tests": ["a", "b"], "test_setup_code": "import math"}) == "import math\na\nb"
    assert code_in("```py\nx = 1\n```\nthen\n```\ny = 2\n```\n") == "y = 2\n"


OWN = """
import time, sys
from beside import FACTOR

def length(answer, row):
    print("said while judging")
    return FACTOR * len(answer) / row["most"]

def raises(answer, row):
    if answer == "bad":
        raise ValueError("no such word")
    return True

def hangs(answer, row):
    while answer == "bad":
        pass
    return 1

def leaves(answer, row):
    sys.exit(3)

def not_a_number(answer, row):
    return float("nan") if answer == "nan" else "3"
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "beside.py").write_text("FACTOR = 2\n")
    file = tmp_path / "own.py"
    file.write_text(OWN)
    return file


def test_an_own_function_gets_the_whole_row(own):
    judge = rewards(f"{own}:length")
    assert judge.scores([problem(most=4), problem(most=2)], ["ab", "ab"]) == [1.0, 2.0]
    judge.close()


@pytest.mark.parametrize(
    ("function", "detail"),
    [
        ("raises", r"ValueError: no such word \(line 11\)"),
        ("hangs", "> 1 s"),
        ("leaves", "SystemExit: 3"),
        ("not_a_number", "TypeError: str is no number"),
    ],
)
def test_a_function_that_fails_is_one_error_or_a_counted_skip(own, function, detail):
    judge = rewards(f"{own}:{function}", seconds=1.0)
    with pytest.raises(TrainingError, match=detail):
        judge.scores([problem()], ["bad"])
    judge.close()
    judge = rewards(f"{own}:{function}", seconds=1.0, bad="skip")
    found = judge.scores([problem(), problem()], ["bad", "good"])
    assert found[0] is None
    assert judge.skipped == (2 if function in ("leaves", "not_a_number") else 1)
    judge.close()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("own.py:missing", "no function missing"),
        ("nowhere.py:f", "nowhere.py"),
        ("broken.py:f", "SyntaxError"),
        ("exakt", "no reward exakt"),
        ("regex=(", "no regular expression"),
        ("schema=nowhere.json", "nowhere.json"),
    ],
)
def test_what_is_no_reward_is_said_at_once(own, word, message, monkeypatch):
    (own.parent / "broken.py").write_text("def f(:\n")
    monkeypatch.chdir(own.parent)
    with pytest.raises((UsageError, InputError), match=message):
        rewards(word)
    with pytest.raises(UsageError, match="No reward"):
        rewards()


def test_a_problem_without_an_answer():
    with pytest.raises(InputError, match=r"p.jsonl:1 has no answer"):
        rewards("exact").check([problem("4"), problem(" ")])
