"""textmill chat --graph: answers with evidence, line after line, and questions that go on."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from graphs import write_town

from textmill.project import Project

Run = Callable[..., Any]


@pytest.fixture
def town(project: Project, run_textmill: Run) -> Run:
    run_textmill("graph", "import", write_town(project.root), cwd=project.root).ok()
    return lambda *words, **more: run_textmill("chat", "--graph", *words, cwd=project.root, **more)


def test_a_question_that_goes_on_keeps_its_subject(town: Run) -> None:
    lines = [
        "Where does Lamp Street lie?",
        "And what is its length?",
        "/explain on",
        "它位于哪里？",
        "/reset",
        "And its length?",
    ]
    out = town(stdin="\n".join(lines)).ok().out
    first, second, third, last = out.split("Riverton\n", 1)[0], *out.split("\n300\n", 1), out.splitlines()[-1]
    assert not first and "Lamp Street — lies in — Riverton" in second and "Lamp Street — length — 300" in third
    assert "SELECT" in third and "SELECT" not in second
    assert last.startswith("Not in the graph")


def test_lines_of_json_in_both_languages(town: Run) -> None:
    stdin = "灯街位于哪里？\n/nonsense\nWho wrote Hamlet?\n"
    result = town("--json", stdin=stdin)
    told = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 2 and told[0]["answers"] == ["Riverton"] and told[0]["triples"]
    assert told[1]["error"]["code"] == "cli_chat.unknown" and told[2]["refused"]
    zh = town("-m", "灯街位于哪里？", "--ui-language", "zh").ok().out
    assert zh.startswith("河边镇\n  灯街 — 位于 — 河边镇")
    help_text = town(stdin="/help\n/quit\nnever asked\n")
    assert "/explain" in help_text.err and not help_text.out


def test_what_does_not_go_together(town: Run, run_textmill: Run) -> None:
    assert town("--model", "x").code == town("--system", "x").code == 2
    assert run_textmill("chat", "--graph", "-m", "x").code == 2
