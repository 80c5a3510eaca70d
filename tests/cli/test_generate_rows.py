"""`textmill generate` with a file of prompts, and with texts that must fit."""

import json
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_runs import write_run

from textmill.project import Project

Run = Callable[..., Any]
PROMPTS = ["the cat", "猫坐在", "", "the dog sat on", "一二三四"]
FAST = ("--max-tokens", 9, "--seed", 4, "--n", 2)


@pytest.fixture
def trained(project: Project) -> Project:
    write_run(project, "main", 20)
    rows = [{"prompt": text, "id": number, "more": {"a": [1]}} for number, text in enumerate(PROMPTS)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n\n" for row in rows)
    (project.root / "p.jsonl").write_text(lines, encoding="utf-8")
    return project


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_prompt_has_what_it_has_alone(trained: Project, run_textmill: Run) -> None:
    done = run_textmill("generate", "--in", "p.jsonl", "--out", "new/o.jsonl", *FAST, cwd=trained.root).ok()
    assert done.out == ""
    assert "5 prompts" in done.err
    written = lines_of(trained.root / "new/o.jsonl")
    assert [(row["id"], row["prompt"], row["more"]) for row in written] == [
        (number, text, {"a": [1]}) for number, text in enumerate(PROMPTS)
    ]
    for row in written:
        assert list(row) == ["prompt", "id", "more", "samples"]
        alone = run_textmill("generate", row["prompt"], *FAST, "--json", cwd=trained.root).ok().document
        assert row["samples"] == alone["samples"]


@pytest.mark.parametrize(("name", "place"), [("p.txt", "p.txt"), ("p.jsonl", "-")])
def test_other_ways_in_and_stdout(name: str, place: str, trained: Project, run_textmill: Run) -> None:
    if name == "p.txt":
        content = "\ufeffthe cat\r\n猫坐在\r\n\r\n   indented\n"
        (trained.root / name).write_bytes(content.encode())
        prompts = ["the cat", "猫坐在", "   indented"]
    else:
        content, prompts = (trained.root / name).read_text(encoding="utf-8"), PROMPTS
    done = run_textmill("generate", "--in", place, *FAST, cwd=trained.root, stdin=content).ok()
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["prompt"] for row in rows] == prompts
    whole = run_textmill("generate", "--in", place, *FAST, "--json", cwd=trained.root, stdin=content).ok().document
    assert whole["results"] == rows
    assert (whole["rows"], whole["done_before"], whole["failed"], whole["out"]) == (len(prompts), 0, 0, None)
    assert whole["tokens"] == sum(sample["tokens"] for row in rows for sample in row["samples"])


def test_a_stopped_run_goes_on(trained: Project, run_textmill: Run) -> None:
    command = ("generate", "--in", "p.jsonl", "--out", "o.jsonl", *FAST)
    run_textmill(*command, cwd=trained.root).ok()
    out = trained.root / "o.jsonl"
    whole = out.read_bytes()
    first = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    for kept in (first, first + 20, 5, 0):  # between two lines, and in the middle of one
        out.write_bytes(whole[:kept])
        document = run_textmill(*command, "--json", cwd=trained.root).ok().document
        before = whole[:kept].count(b"\n")
        assert (document["done_before"], document["rows"]) == (before, 5 - before)
        assert out.read_bytes() == whole
    again = run_textmill(*command, cwd=trained.root).ok()
    assert "has 5 of 5" in again.err
    assert out.read_bytes() == whole


def test_a_foreign_output_is_left_alone(trained: Project, run_textmill: Run) -> None:
    out = trained.root / "o.jsonl"
    command = ("generate", "--in", "p.jsonl", "--out", "o.jsonl", *FAST, "--json")
    right = {"prompt": "the cat", "id": 0, "more": {"a": [1]}, "samples": []}
    for lines, code in (
        ([right, {"prompt": "other", "id": 1, "more": {"a": [1]}}], "rows.other"),
        ([right | {"id": 7}], "rows.other"),
        (["text"], "rows.other"),
        ([right] * 6, "rows.too_many"),
    ):
        content = "".join(json.dumps(line) + "\n" for line in lines)
        out.write_text(content)
        done = run_textmill(*command, cwd=trained.root)
        assert (done.code, done.document["error"]["code"]) == (2, code)
        assert out.read_text() == content


@pytest.mark.parametrize(
    ("content", "line", "code"),
    [
        (b'{"prompt": "a"}\n{"prompt": "b"\n', 2, "rows.not_json"),
        (b'{"prompt": "a"}\n\n{"text": "b"}', 3, "rows.no_text"),
        (b'{"prompt": 5}', 1, "rows.no_text"),
        (b'["prompt"]', 1, "rows.no_text"),
        (b'{"prompt": "a", "x": NaN}', 1, "rows.not_json"),
        (b"[" * 100_000, 1, "rows.not_json"),
        ('{"prompt": "垫子上有猫"}'.encode("gb18030"), 1, "rows.not_utf8"),
        (b"\n \n", 0, "rows.none"),
    ],
)
def test_bad_rows_are_told_before_anything_is_written(
    content: bytes, line: int, code: str, trained: Project, run_textmill: Run
) -> None:
    (trained.root / "bad.jsonl").write_bytes(content)
    done = run_textmill("generate", "--in", "bad.jsonl", "--out", "o.jsonl", "--json", cwd=trained.root)
    assert (done.code, done.document["error"]["code"]) == (2, code)
    assert not line or f"ine {line} of bad.jsonl" in done.document["error"]["what"]
    assert not (trained.root / "o.jsonl").exists()
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--in", "p.csv"), "rows.ending"),
        (("--in", "no.jsonl"), "rows.missing"),
        (("--in", "p.jsonl", "--out", "o.txt"), "rows.out_ending"),
        (("--in", "p.jsonl", "--out", "p.jsonl"), "rows.same_file"),
    ],
)
def test_wrong_files(arguments: tuple[str, ...], code: str, trained: Project, run_textmill: Run) -> None:
    (trained.root / "p.csv").write_text("prompt\na\n")
    done = run_textmill("generate", *arguments, "--json", cwd=trained.root)
    assert (done.code, done.document["error"]["code"]) == (2, code)


def test_a_long_prompt_and_a_lone_surrogate(trained: Project, run_textmill: Run) -> None:
    rows = [{"prompt": "the cat " * 900}, {"prompt": "a\ud800"}]
    (trained.root / "long.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("generate", "--in", "long.jsonl", "--out", "o.jsonl", "--max-tokens", 3, "--seed", 1)
    done = run_textmill(*command, cwd=trained.root).ok()
    assert "of which only the end was read: 1" in done.err
    written = lines_of(trained.root / "o.jsonl")
    assert written[1]["prompt"] == "a\ud800"
    assert (len(written[0]["notes"]), "notes" in written[1]) == (1, False)
    assert run_textmill(*command, "--json", cwd=trained.root).ok().document["rows"] == 0


def test_a_seed_of_its_own_for_each_where_none_is_given(trained: Project, run_textmill: Run) -> None:
    (trained.root / "same.txt").write_text("the\nthe\nthe\n")
    document = run_textmill("generate", "--in", "same.txt", "--max-tokens", 2, "--json", cwd=trained.root).ok().document
    seeds = [row["samples"][0]["seed"] for row in document["results"]]
    assert len(set(seeds)) == 3


def test_ctrl_c_keeps_the_lines_that_are_whole(trained: Project, start_process: Run, run_textmill: Run) -> None:
    (trained.root / "many.txt").write_text("the cat\n" * 4000)
    command = ("generate", "--in", "many.txt", "--out", "o.jsonl", "--max-tokens", 20, "--seed", 1, "--top-k", 40)
    process = start_process(*command, cwd=trained.root)
    out = trained.root / "o.jsonl"
    for _ in range(900):
        if out.exists() and out.read_bytes().count(b"\n") > 3:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "Traceback" not in err
    written = lines_of(out)
    assert f"Stopped with {len(written)} of 4000" in err
    assert all(sample["tokens"] == 20 for row in written for sample in row["samples"])


def test_what_cannot_be_answered_is_told_in_its_line(
    trained: Project, run_textmill: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textmill.errors import ModelError
    from textmill.infer.engine.sample import Sample

    drawn = Sample.next_event

    def broken(self: Sample, *arguments: Any) -> Any:
        if len(self.request.ids) == 1 and self.written == 3:
            raise ModelError("infer.not_finite")
        return drawn(self, *arguments)

    monkeypatch.setattr(Sample, "next_event", broken)
    done = run_textmill("generate", "--in", "p.jsonl", "--out", "o.jsonl", *FAST, cwd=trained.root).ok()
    assert "could not be answered: 1" in done.err
    written = lines_of(trained.root / "o.jsonl")
    assert [len(row["samples"]) for row in written] == [2, 2, 0, 2, 2]
    assert written[2]["error"]["code"] == "infer.not_finite"
    assert written[2]["id"] == 2


def test_text_that_must_fit(trained: Project, run_textmill: Run) -> None:
    pytest.importorskip("llguidance")
    more = ("--n", 3, "--seed", 1, "--json", "--max-tokens", 60)
    for options, fits in (
        (("--choice", "dog", "--choice", "猫"), lambda text: text in ("dog", "猫")),
        (("--regex", "[a-c]{3,5}-[0-9]{4}"), lambda text: re.fullmatch("[a-c]{3,5}-[0-9]{4}", text)),
        (("--schema", "s.json"), lambda text: isinstance(json.loads(text)["a"], bool)),
        (("--grammar", "g.lark"), lambda text: re.fullmatch("(ab)+", text)),
    ):
        schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
        (trained.root / "s.json").write_text(json.dumps(schema | {"additionalProperties": False}))
        (trained.root / "g.lark").write_text('start: "ab" start | "ab"\n')
        document = run_textmill("generate", "the", *options, *more, cwd=trained.root).ok().document
        for sample in document["samples"]:
            assert sample["finish_reason"] == "length" or fits(sample["text"])
        ended = [sample for sample in document["samples"] if sample["finish_reason"] == "end"]
        assert ended or options[0] == "--grammar"
        listed = run_textmill("generate", "--in", "-", *options, *more, cwd=trained.root, stdin='{"prompt": "the"}')
        assert listed.ok().document["results"][0]["samples"] == document["samples"]


def test_without_the_grammar_library(trained: Project, run_textmill: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    done = run_textmill("generate", "a", "--regex", "b", "--json", cwd=trained.root)
    assert (done.code, done.document["error"]["next"]) == (2, "pip install 'textmill[serve]'")
