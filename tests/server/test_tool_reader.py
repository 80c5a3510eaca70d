"""Tool calls in text: three forms, any cut, and nothing lost that is no call."""

import json
import random
from itertools import pairwise

import pytest

from textmill.serve.tools import HERMES, LLAMA, MISTRAL, Call, ToolReader, call_schema, form_of

NAMES = ("f", "g")
F, G = ("f", {"x": 1}), ("g", {})


def read(form: str, text: str, cuts: list[int], **named: object) -> tuple[str, list[tuple[str, object]]]:
    reader, parts = ToolReader(form, NAMES, **named), []  # type: ignore[arg-type]
    places = [0, *cuts, len(text)]
    for start, end in pairwise(places):
        parts += reader.feed(text[start:end])
    parts += reader.finish()
    calls = [(part.name, json.loads(part.arguments)) for part in parts if isinstance(part, Call)]
    return "".join(part for part in parts if isinstance(part, str)), calls


F_CALL = '{"name": "f", "arguments": {"x": 1}}'
G_CALL = '{"name": "g", "arguments": {}}'
UNKNOWN = '<tool_call>{"name": "h", "arguments": {}}</tool_call>'
TAG_INSIDE = '<tool_call>{"name": "f", "arguments": {"x": "</tool_call>"}}</tool_call>'
CASES = [
    (HERMES, "plain text", "plain text", []),
    (HERMES, "  ", "  ", []),
    (HERMES, f"<tool_call>\n{F_CALL}\n</tool_call>", "", [F]),
    (HERMES, f"a\n<tool_call>{F_CALL}</tool_call>\n<tool_call>{G_CALL}</tool_call>", "a\n", [F, G]),
    (HERMES, '<tool_call>{"name": "f", "arguments": "{\\"x\\": 1}"}</tool_call>', "", [F]),
    (HERMES, f"<tool_call>{F_CALL}", "", [F]),
    (HERMES, UNKNOWN, UNKNOWN, []),
    (HERMES, "<tool_call>{broken</tool_call> and on", "<tool_call>{broken</tool_call> and on", []),
    (HERMES, '<tool_call>{no</tool_call><tool_call>{"name": "g"}</tool_call>', "<tool_call>{no</tool_call>", [G]),
    (HERMES, "<tool_call", "<tool_call", []),
    (HERMES, TAG_INSIDE, "", [("f", {"x": "</tool_call>"})]),
    (MISTRAL, f"[TOOL_CALLS][{F_CALL}, {G_CALL}]", "", [F, G]),
    (MISTRAL, 'so [TOOL_CALLS]f{"x": 1}[TOOL_CALLS]g[ARGS]{}', "so", [F, G]),
    (MISTRAL, "[TOOL_CALLS] nonsense", "[TOOL_CALLS] nonsense", []),
    (MISTRAL, "[TOOLS]", "[TOOLS]", []),
    (LLAMA, '{"name": "f", "parameters": {"x": 1}}', "", [F]),
    (LLAMA, '<|python_tag|>{"name": "f", "parameters": {"x": 1}}; {"name": "g", "parameters": {}}', "", [F, G]),
    (LLAMA, '{"answer": 42}', '{"answer": 42}', []),
    (LLAMA, "no call {", "no call {", []),
    (LLAMA, "{broken", "{broken", []),
]  # fmt: skip


@pytest.mark.parametrize(("form", "text", "shown", "calls"), CASES, ids=lambda value: repr(value)[:40])
def test_any_cut_gives_the_same(form: str, text: str, shown: str, calls: list[object]) -> None:
    rng = random.Random(text)
    for cuts in [
        [],
        list(range(1, len(text))),
        *([sorted(rng.sample(range(len(text) + 1), min(3, len(text)))) for _ in range(30)]),
    ]:
        found = read(form, text, cuts)
        assert (found[0].rstrip() if calls else found[0], found[1]) == (shown.rstrip() if calls else shown, calls)


def test_one_call_where_one_is_asked_for() -> None:
    text = '<tool_call>{"name": "f", "arguments": {"x": 1}}</tool_call><tool_call>{"name": "g"}</tool_call>'
    assert read(HERMES, text, [], most=1) == ("", [F])


def test_inside_a_call_that_the_prompt_began() -> None:
    assert read(HERMES, '{"name": "f", "arguments": {"x": 1}}', [5], inside=True) == ("", [F])
    assert read(MISTRAL, '[{"name": "g", "arguments": {}}]', [5], inside=True) == ("", [G])
    assert read(HERMES, '{"name": "f", "arg', [5], inside=True) == ('<tool_call>{"name": "f", "arg', [])


def test_forms_are_read_off_templates() -> None:
    assert form_of("{{ messages }}") == ""
    assert form_of("{% if tools %}<tool_call>{% endif %}") == HERMES
    assert form_of("{% if tools %}[TOOL_CALLS]{% endif %}") == MISTRAL
    assert form_of('{% if tools %}{"name": x, "parameters": y}{% endif %}') == LLAMA
    assert "parameters" in json.dumps(call_schema([{"function": {"name": "f", "parameters": None}}], LLAMA))
