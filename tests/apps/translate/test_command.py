"""`textmill translate`: texts, rows, languages that are seen, and what is refused in both languages."""

import json
from collections.abc import Callable
from pathlib import Path

from textmill.apps.translate.memory import Memory, store
from textmill.apps.translate.pairs import Pair


def test_a_text(in_taught: Callable) -> None:
    words = ("--to", "zh", "--model", "small")
    shown = in_taught("translate", "I see {{n}} cats at http://a.b/c. I want five books.", *words).ok()
    assert "{{n}}" in shown.out
    assert "http://a.b/c" in shown.out
    assert "en-zh: 2 sentences" in shown.err
    words = ("--to", "English", "--model", "small", "--json")
    document = in_taught("translate", *words, stdin="我有一只狗。").ok().document  # text data
    assert document["translation"].strip()
    assert (document["from"], document["detected"]) == ("zh", "zh")
    assert 0 <= document["confidence"] <= 1
    assert len(document["sentences"]) == 1


def test_rows(in_taught: Callable, tmp_path: Path) -> None:
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows = [{"said": "I see two cats.", "id": 1}, {"said": "我有一只狗。", "id": 2}, {"said": "", "id": 3}]  # text data
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ("translate", "--in", file, "--field", "said", "--to", "zh", "--model", "small")
    in_taught(*words, "--out", out).ok()
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert lines[0]["translation"]
    assert lines[0]["id"] == 1
    assert lines[0]["from"] == "en"
    assert lines[1]["error"]["code"] == "translate.not_seen"
    assert lines[2]["translation"] == ""
    out.write_text(json.dumps(lines[0]) + '\n{"said": "half', encoding="utf-8")
    document = in_taught(*words, "--out", out, "--json").ok().document
    assert (document["done_before"], document["rows"], document["failed"]) == (1, 2, 1)
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == lines
    assert in_taught(*words, "--json").ok().document["results"] == lines


def test_a_memory_that_learns(in_taught: Callable, tmp_path: Path) -> None:
    pair = Pair(first="I see two cats.", second="猫！", languages=("en", "zh"))  # text data
    store(tmp_path / "m.sqlite", [pair])
    words = ("translate", "I see two cats.", "--to", "zh", "--model", "small", "--json")
    learned = in_taught(*words, "--memory", tmp_path / "m.sqlite", "--learn", tmp_path / "n.sqlite").ok()
    assert learned.document["translation"] == "猫！"  # text data
    assert len(Memory.open(tmp_path / "n.sqlite")) == 2
    again = in_taught(*words, "--memory", tmp_path / "m.sqlite").ok().document
    assert again["reused"] == 1
    assert again["confidence"] == 1.0


def test_what_is_refused(in_taught: Callable, tmp_path: Path) -> None:
    for words, english, chinese in (
        (("hi",), "Into which language", "译成哪种语言"),  # text data
        (("hi", "--to", "klingon!"), "is no language", "不是语言"),  # text data
        (("hi", "--to", "fr"), "does not translate", "不会翻译"),  # text data
        (("hi there my friends", "--to", "en", "--from", "en"), "does not translate en-en", "不会翻译"),  # text data
        (("  ", "--to", "zh"), "nothing to translate", "没有要翻译"),  # text data
        (("hi", "--to", "zh", "--glossary", "missing.csv"), "missing.csv", "missing.csv"),
        (("--in", "missing.jsonl", "--to", "zh"), "missing.jsonl", "missing.jsonl"),
        (("--in", "a.exe", "--to", "zh"), "a.exe", "a.exe"),
        (("hi", "--to", "zh", "--alternatives", "-1"), "alternatives", "备选"),  # text data
    ):
        for language, said in (("en", english), ("zh", chinese)):
            result = in_taught("translate", *words, "--model", "small", env={"TEXTMILL_UI_LANGUAGE": language})
            assert result.code == 2
            assert said in result.err
            assert "Traceback" not in result.err
