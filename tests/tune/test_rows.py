"""Rows of every form and file format become the examples that they are; what is none is named by its place."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from textmill.config import Settings
from textmill.errors import InputError, SettingsError
from textmill.tune.examples import Completion, Conversation, Example, Judged, Plain, Preference, Problem
from textmill.tune.purposes import JUDGE, LEARN, PREFER, SOLVE
from textmill.tune.rows import Tally, read_examples

HI = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "好"}]
SHARED = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "好"}]
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def said(*texts: str, system: str = "") -> tuple[dict[str, Any], ...]:
    """Messages of the user and the assistant in turn."""
    first = ({"role": "system", "content": system},) if system else ()
    return first + tuple({"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts))


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Example]]:
    """Reads rows that are written as JSON lines, with settings of the section tune."""

    def run(*rows: Any, purpose: str = LEARN, tally: Tally | None = None, **tune: Any) -> list[Example]:
        file = tmp_path / "rows.jsonl"
        lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        settings = Settings().replace({f"tune.{name}": value for name, value in tune.items()})
        return list(read_examples([file], settings, purpose=purpose, tally=tally))

    return run


LEARNED: list[tuple[dict[str, Any], Sequence[Any]]] = [
    ({"messages": HI}, said("hi", "好")),
    ({"messages": json.dumps(HI)}, said("hi", "好")),
    ({"conversations": SHARED}, said("hi", "好")),
    ({"conversations": SHARED, "system": "Be brief."}, said("hi", "好", system="Be brief.")),
    ({"conversation": [{"role": "User", "content": "hi"}, {"role": "GPT", "content": "好"}]}, said("hi", "好")),
    ({"messages": [*HI, {"role": "user", "content": "and?"}]}, said("hi", "好")),
    ({"messages": [{"role": "developer", "content": "s"}, *HI]}, said("hi", "好", system="s")),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, HI[1]]},
     said("a\nb", "好")),
    ({"instruction": "Add.", "input": "1 2", "output": "3"}, said("Add.\n\n1 2", "3")),
    ({"instruction": "Add.", "input": "", "output": 3, "system": "s"}, said("Add.", "3", system="s")),
    ({"instruction": "c", "output": "d", "history": [["a", "b"]]}, said("a", "b", "c", "d")),
    ({"instruction": "q", "context": "c", "response": "r", "category": "x"}, said("q\n\nc", "r")),
    ({"prompt": HI[:1], "completion": HI[1:]}, said("hi", "好")),
    ({"question": "2+2?", "answer": "4"}, said("2+2?", "4")),
    ({"prompt": "hi", "chosen": "好", "rejected": "no"}, said("hi", "好")),
    ({"prompt": "hi", "completion": "好", "label": True}, said("hi", "好")),
]  # fmt: skip


@pytest.mark.parametrize(("row", "messages"), LEARNED)
def test_conversations_in_all_forms(read, row: dict[str, Any], messages: Sequence[Any]) -> None:
    (example,) = read(row)
    assert isinstance(example, Conversation)
    assert example.messages == tuple(messages)
    assert (example.place, example.source) == ("rows.jsonl:1", "rows.jsonl")


def test_what_is_not_learned_again(read) -> None:
    weighed = [HI[0], {**HI[1], "weight": 0}, HI[0], {"role": "assistant", "content": "b", "weight": 1}]
    assert read({"messages": weighed})[0].learned == frozenset({3})
    assert read({"messages": weighed, "system": "s"})[0].learned == frozenset({4})
    assert read({"messages": [*weighed, HI[0]], "system": "s"})[0].learned == frozenset({4})
    assert read({"prompt": [*HI, HI[0]], "completion": "x"})[0].learned == frozenset({3})
    assert read({"messages": HI})[0].learned is None


def test_tools_and_reasoning(read) -> None:
    messages = [HI[0], {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "content": "1"},
                {"role": "assistant", "content": "x", "thinking": "hm"}]  # fmt: skip
    (example,) = read({"messages": messages, "tools": [TOOL]})
    assert example.tools == (TOOL,)
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    assert example.messages[1] == {"role": "assistant", "content": "", "tool_calls": [call]}
    assert example.messages[3]["reasoning_content"] == "hm"
    shared = [SHARED[0], {"from": "function_call", "value": '{"name": "f", "arguments": {"a": 1}}'},
              {"from": "observation", "value": "1"}, SHARED[1]]  # fmt: skip
    (example,) = read({"conversations": shared, "tools": json.dumps([TOOL["function"]])})
    assert example.tools == (TOOL,)
    assert example.messages[1]["tool_calls"][0]["function"] == call["function"]


def test_texts_stay_texts(read) -> None:
    row = {"prompt": "Once", "completion": " upon"}
    (example,) = read(row)
    assert isinstance(example, Completion) and (example.prompt, example.completion) == ("Once", " upon")
    (example,) = read({"text": "The town.", "label": "positive"})
    assert isinstance(example, Plain) and example.text == "The town."
    (example,) = read({"instruction": "Say", "output": '["a list", "as text"]'})
    assert example.messages[1]["content"] == '["a list", "as text"]'


PAIRS = [
    {"prompt": "hi", "chosen": "好", "rejected": "no"},
    {"prompt": HI[:1], "chosen": HI[1:], "rejected": [{"role": "assistant", "content": "no"}]},
    {"chosen": HI, "rejected": [HI[0], {"role": "assistant", "content": "no"}]},
    {"prompt": "hi", "chosen": HI, "rejected": [HI[0], {"role": "assistant", "content": "no"}]},
    {"conversations": SHARED[:1], "chosen": SHARED[1], "rejected": {"from": "gpt", "value": "no"}},
    {"instruction": "hi", "input": "", "output": "x", "chosen": "好", "rejected": "no"},
    {
        "input": {"messages": HI[:1]},
        "preferred_output": HI[1:],
        "non_preferred_output": [{"role": "assistant", "content": "no"}],
    },
    {"chosen": "\n\nHuman: hi\n\nAssistant: 好", "rejected": "\n\nHuman: hi\n\nAssistant: no"},
]


@pytest.mark.parametrize("row", PAIRS)
def test_pairs_in_all_forms(read, row: dict[str, Any]) -> None:
    (example,) = read(row, purpose=PREFER)
    assert isinstance(example, Preference)
    assert example.messages == said("hi")
    assert (example.chosen, example.rejected) == (said("", "好")[1:], said("", "no")[1:])
    good, bad = read(row, purpose=JUDGE)
    assert isinstance(good, Judged) and isinstance(bad, Judged)
    assert (good.good, good.answer, bad.good, bad.answer) == (True, example.chosen, False, example.rejected)


@pytest.mark.parametrize("label", [True, 1, "true", "good", False, 0, "False"])
def test_judgements(read, label: Any) -> None:
    good = str(label).lower() in ("true", "1", "good")
    for row in ({"prompt": "hi", "completion": "好"}, {"messages": HI}):
        (example,) = read({**row, "label": label}, purpose=JUDGE)
        assert isinstance(example, Judged)
        assert (example.good, example.messages, example.answer) == (good, said("hi"), said("", "好")[1:])
    tally = Tally()
    rows = [{"prompt": "hi", "completion": "好", "label": value} for value in (label, True)]
    assert len(read(*rows, tally=tally)) == 1 + good
    assert tally.left_out == 1 - good


def test_problems(read) -> None:
    (example,) = read({"question": "2+2?", "answer": 4, "hint": "x"}, purpose=SOLVE)
    assert isinstance(example, Problem)
    assert (example.messages, example.answer, example.row["hint"]) == (said("2+2?"), "4", "x")
    (example,) = read({"messages": HI, "test": "t"}, purpose=SOLVE)
    assert (example.messages, example.answer, example.row["test"]) == (said("hi"), "好", "t")
    (example,) = read({"messages": HI[:1], "answer": "a"}, purpose=SOLVE)
    assert (example.messages, example.answer) == (said("hi"), "a")


def test_pairs_that_say_the_same_are_counted(read) -> None:
    tally = Tally()
    assert len(read(PAIRS[0], {**PAIRS[0], "rejected": "好"}, purpose=PREFER, tally=tally)) == 1
    assert (tally.rows, tally.examples, tally.left_out) == (2, 1, 1)


def test_names_of_columns_and_roles(read) -> None:
    row = {"data": {"turns": [{"who": "customer", "said": "hi"}, {"who": "agent", "said": "好"}]}, "origin": "shop"}
    rules = (
        "messages=data.turns",
        "role=who",
        "content=said",
        "role.user=customer",
        "role.assistant=agent",
        "source=origin",
    )
    (example,) = read(row, map=rules)
    assert (example.messages, example.source) == (said("hi", "好"), "shop")
    (example,) = read({"prompt": "hi", "completion": "好"}, map=("instruction=prompt", "output=completion"))
    assert example.messages == said("hi", "好")
    assert isinstance(read({"body": "text"}, map=("text=body",))[0], Plain)
    assert isinstance(read({"question": "a", "answer": "b", "text": "c"}, form="text")[0], Plain)
    with pytest.raises(SettingsError, match="not a rule"):
        read({"text": "x"}, map=("words=x",))


BAD: list[tuple[Any, str]] = [
    ("{not json", "JSON"),
    ('["a"]', "expected an object, got list"),
    ({"title": "x"}, "no form of examples fits its columns"),
    ({"messages": []}, "no form"),
    ({"messages": [HI[1], HI[0], HI[1]]}, "out of order: message 1 is of assistant"),
    ({"messages": [HI[0], HI[0], HI[1]]}, "out of order: message 2 is of user after user; expected assistant"),
    ({"messages": [*HI, {"role": "system", "content": "late"}, *HI]}, "message 3 is of system after assistant"),
    ({"messages": [HI[0], {"role": "tool", "content": "1"}, HI[1]]}, "message 2 is of tool"),
    ({"messages": [HI[0], {"role": "assistant", "tool_calls": [CALL]}, HI[1]]}, "expected tool"),
    ({"messages": HI[:1]}, "the last message is of user"),
    ({"messages": [HI[0], {"role": "assistant", "content": " "}]}, "says nothing"),
    ({"messages": [HI[0], {"role": "bishop", "content": "x"}]}, "has the role bishop"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, HI[1]]}, "no text as its content"),
    ({"messages": [HI[0], "x"]}, "message 2 should be an object"),
    ({"messages": [HI[0], {**HI[1], "weight": 0}]}, "nothing to learn"),
    ({"messages": HI, "tools": [{"x": 1}]}, "a tool should have a name"),
    ({"instruction": "x", "output": ""}, "output should be a text that is not empty"),
    ({"text": 3.5, "x": None} | {"text": ""}, "text should be a text"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "told"), BAD)
def test_what_is_no_example_is_named_by_line(read, row: Any, told: str) -> None:
    with pytest.raises(InputError) as caught:
        read({"messages": HI}, row, {"messages": HI})
    assert "rows.jsonl:2: " in caught.value.parts()["got"]
    assert told in caught.value.parts()["got"]
    tally = Tally()
    assert len(read({"messages": HI}, row, {"messages": HI}, tally=tally, bad_rows="skip")) == 2
    assert (tally.bad_rows, tally.rows) == (1, 3)
    assert told in tally.named[0]


def test_the_first_bad_rows_are_named_and_no_more(read) -> None:
    with pytest.raises(InputError) as caught:
        read(*({"x": number} for number in range(9)))
    assert caught.value.parts()["got"].count("rows.jsonl:") == 5


def test_nothing_left_is_an_error_of_its_own(read) -> None:
    with pytest.raises(InputError, match="no example to tune on"):
        read({"x": 1}, bad_rows="skip")
    with pytest.raises(InputError, match="a conversation is nothing that this way of tuning learns from"):
        read({"messages": HI}, purpose=PREFER)


def test_file_formats(tmp_path: Path) -> None:
    rows = [{"instruction": f"Say {n}", "input": "", "output": f"“{n}”, 好"} for n in range(3)]
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=1))
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    lines = ["instruction,output", *(f'{row["instruction"]},"{row["output"]}"' for row in rows)]
    (tmp_path / "c.csv").write_text("\n".join(lines), encoding="utf-8")
    parquet.write_table(arrow.Table.from_pylist([{"messages": HI}, {"messages": [*HI, *HI]}]), tmp_path / "d.parquet")
    (tmp_path / "e.txt").write_text("A text.\n")
    (tmp_path / "README.md").write_text("# About\n")
    (tmp_path / "manifest.json").write_text("{}")
    tally = Tally()
    examples = list(read_examples([tmp_path], Settings(), tally=tally))
    name = tmp_path.name
    assert tally.sources == {f"{name}/a.json": 3, f"{name}/b.jsonl": 3, f"{name}/c.csv": 3, f"{name}/d.parquet": 2}
    assert sorted(tally.passed_over) == [f"{name}/{each}" for each in ("README.md", "e.txt", "manifest.json")]
    assert [example.place for example in examples[:2]] == [f"{name}/a.json:1", f"{name}/a.json:2"]
    by_file = [
        [getattr(e, "messages", ()) for e in examples if e.source.endswith(end)] for end in (".json", ".jsonl", ".csv")
    ]
    assert by_file[0] == by_file[1] == by_file[2]
    (text,) = read_examples([tmp_path / "e.txt"], Settings())
    assert isinstance(text, Plain) and text.text == "A text.\n"


def test_what_is_held_out_is_marked(tmp_path: Path) -> None:
    (tmp_path / "held_out").mkdir()
    (tmp_path / "held_out" / "a.jsonl").write_text(json.dumps({"messages": HI}))
    rows = [{"messages": HI, "split": split} for split in ("train", "validation")]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    examples = read_examples([tmp_path], Settings())
    assert [(example.place.rpartition("/")[2], example.held_out) for example in examples] == [
        ("b.jsonl:1", False),
        ("b.jsonl:2", True),
        ("a.jsonl:1", True),
    ]


def test_missing_files_and_folders_without_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rows\.jsonl"):
        list(read_examples([tmp_path / "rows.jsonl"], Settings()))
    with pytest.raises(InputError, match="no example"):
        list(read_examples([tmp_path], Settings()))
    (tmp_path / "page.html").write_text("<html><body>x</body></html>")
    with pytest.raises(InputError, match="holds no rows"):
        list(read_examples([tmp_path / "page.html"], Settings()))
