"""Grammars: what is written fits, whatever the model would say; what cannot be used is refused in time."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from textmill.errors import UsageError
from textmill.infer.constraints import GrammarLimits, compile_grammar
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.infer.events import Collector, Event, Failed, Generation, Output
from textmill.infer.sampling import SamplingSettings
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer

pytest.importorskip("llguidance")

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer"},
        "is": {"enum": ["猫", "狗"]},
    },
    "required": ["name", "age", "is"],
    "additionalProperties": False,
}


def write(model: GPT, tokenizer: Tokenizer, kind: str, source: Any, **named: Any) -> Generation:
    settings = SamplingSettings(temperature=1.5, top_p=1.0, max_tokens=300, seed=5)
    engine = Engine(TorchRunner(model, page_count=20), tokenizer)
    told: list[Output] = []
    grammar = compile_grammar(tokenizer, kind, source)
    engine.add(Request(ids=(1, 2), settings=replace(settings, **named), grammar=grammar), told.append)
    while engine.step():
        pass
    collector = Collector(seed=5)
    for output in told:
        if isinstance(output, Failed):
            raise output.error
        assert isinstance(output, Event)
        collector.add(output)
    return collector.generations()[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_schema(seed: int, make_model: Callable[..., GPT], byte_tokenizer: Tokenizer) -> None:
    written = write(make_model(context=512), byte_tokenizer, "json_schema", PERSON, seed=seed)
    if written.finish_reason == "end":
        value = json.loads(written.text)
        assert set(value) == {"name", "age", "is"}
        assert value["is"] in ("猫", "狗")
        assert isinstance(value["age"], int)
    else:
        assert written.text.startswith('{"name": "'), "an integer may be long"


def test_a_regular_expression(model: GPT, byte_tokenizer: Tokenizer) -> None:
    for seed in range(5):
        written = write(model, byte_tokenizer, "regex", "(猫|狗){2,4}[0-9]{3}", seed=seed)
        assert re.fullmatch("(猫|狗){2,4}[0-9]{3}", written.text)
        assert written.finish_reason == "end"


def test_a_choice_and_a_lark_grammar(model: GPT, byte_tokenizer: Tokenizer) -> None:
    choices = ['say "no"', "好的", "yes\n"]
    assert {write(model, byte_tokenizer, "choice", choices, seed=seed).text for seed in range(12)} <= set(choices)
    written = write(model, byte_tokenizer, "lark", 'start: word ("," word)~2\nword: /[a-c]{2}/')
    assert re.fullmatch("[a-c]{2}(,[a-c]{2}){2}", written.text)


def test_greedy_writing_and_bans_stay_inside(model: GPT, byte_tokenizer: Tokenizer) -> None:
    assert write(model, byte_tokenizer, "choice", ["aab", "aac"], temperature=0, bad_words=("aab",)).text == "aac"
    with pytest.raises(UsageError) as caught:
        write(model, byte_tokenizer, "choice", ["aab"], bad_words=("aab",))
    assert caught.value.key == "infer.nothing_allowed"


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("regex", "("),
        ("json_schema", "no schema"),
        ("json_schema", [1]),
        ("json_schema", {"type": "nothing"}),
        ("json_schema", {"not": {"type": "string"}, "x": 1}),
        ("json_schema", {"type": "string", "pattern": "(?=a)b"}),
        ("choice", []),
        ("choice", ["a", ""]),
        ("choice", "text"),
        ("lark", "start: nothing"),
        ("lark", "x" * 2_000_000),
    ],
)
def test_what_is_no_grammar_is_refused(kind: str, source: Any, byte_tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError):
        compile_grammar(byte_tokenizer, kind, source)


def test_a_schema_that_grows_without_end_is_held_by_the_limits(byte_tokenizer: Tokenizer) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for depth in range(14):
        schema = {"type": "object", "properties": {f"{depth}{side}": schema for side in "ab"}}
    with pytest.raises(UsageError):
        compile_grammar(byte_tokenizer, "json_schema", schema, limits=GrammarLimits(items=10_000, bytes=10_000_000))


def test_the_mask_covers_the_vocabulary(byte_tokenizer: Tokenizer) -> None:
    mask = compile_grammar(byte_tokenizer, "choice", ["a"]).matcher().allowed()
    assert mask.shape == (byte_tokenizer.vocabulary_size,)
    assert torch.equal(mask.nonzero()[:, 0], torch.tensor(byte_tokenizer.encode("a")))


@pytest.mark.parametrize("regex", ["(a{1000}){1000}{1000}", "(a|a)*{99}b", "(a*)*(a*)*(a*)*c", "[ab]*a[ab]{60}"])
def test_a_regular_expression_that_explodes_elsewhere_is_walked_or_refused(
    regex: str, byte_tokenizer: Tokenizer
) -> None:
    try:
        matcher = compile_grammar(byte_tokenizer, "regex", regex).matcher()
        for id in byte_tokenizer.encode("a" * 50):
            assert matcher.allowed()[id]
            matcher.take(id)
    except UsageError as error:
        assert error.key in ("infer.grammar", "infer.grammar_stuck")
