"""textmill ask from the command line."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from textmill.project import Project

Run = Callable[..., Any]
TOWN = """\
@prefix ex: <https://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ex:riverton rdfs:label "Riverton"@en, "河边镇"@zh ; ex:mayor ex:ann .
ex:ann rdfs:label "Ann Lee"@en, "李安"@zh .
ex:mayor rdfs:label "mayor"@en, "镇长"@zh .
"""


@pytest.fixture
def town(project: Project, run_textmill: Run) -> Project:
    (project.root / "town.ttl").write_text(TOWN, encoding="utf-8")
    run_textmill("graph", "import", "town.ttl", cwd=project.root).ok()
    return project


def test_an_answer_comes_with_its_evidence(town: Project, run_textmill: Run) -> None:
    out = run_textmill("ask", "Who is the mayor of Riverton?", "--explain", cwd=town.root).ok().out
    assert out.startswith("Ann Lee\n  Riverton — mayor — Ann Lee\n") and "SELECT DISTINCT" in out
    zh = run_textmill("ask", "河边镇的镇长是谁？", "--ui-language", "zh", cwd=town.root).ok().out
    assert zh.startswith("李安\n  河边镇 — 镇长 — 李安\n")
    row = run_textmill("ask", "Who is the mayor of Riverton?", "--json", cwd=town.root).ok().document
    assert row["triples"] == ["<https://example.org/riverton> <https://example.org/mayor> <https://example.org/ann> ."]
    assert (row["answers"], row["iris"], row["refused"]) == (["Ann Lee"], ["https://example.org/ann"], False)


def test_a_refusal_says_what_was_looked_for(town: Project, run_textmill: Run) -> None:
    out = run_textmill("ask", "What colour is Riverton?", cwd=town.root).ok().out
    assert "Not in the graph" in out and "Riverton <https://example.org/riverton>" in out
    assert "图谱中没有" in run_textmill("ask", "天气如何？", "--ui-language", "zh", cwd=town.root).ok().out


def test_files_of_questions_go_on_where_they_stopped(town: Project, run_textmill: Run) -> None:
    (town.root / "q.txt").write_text("Who is the mayor of Riverton?\nWho is the mayor of Paris?\n")
    words = ("ask", "--in", "q.txt", "--out", "a.jsonl")
    run_textmill(*words, cwd=town.root).ok()
    lines = (town.root / "a.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in lines.splitlines()]
    assert [(row["answers"], row["refused"]) for row in rows] == [(["Ann Lee"], False), ([], "no_entity")]
    (town.root / "a.jsonl").write_text(lines.splitlines(keepends=True)[0], encoding="utf-8")
    run_textmill(*words, cwd=town.root).ok()
    assert (town.root / "a.jsonl").read_text(encoding="utf-8") == lines
    for wrong in (("ask", "x", "--in", "q.txt"), ("ask", "x", "--out", "a.jsonl"), ("ask", " ")):
        assert run_textmill(*wrong, cwd=town.root).code == 2


def test_documents_are_asked_without_a_graph(project: Project, run_textmill: Run) -> None:
    notes = project.root / "notes"
    notes.mkdir()
    (notes / "a.md").write_text("The ferry costs two crowns.\n渡船的票价是两元。\n", encoding="utf-8")  # text data
    words = ("ask", "--docs", "notes")
    out = run_textmill(*words, "What does the ferry cost?", "--explain", cwd=project.root).ok().out
    assert out.startswith("“The ferry costs two crowns.”\n  notes/a.md, characters 0 to 27\n")
    assert "1.00  notes/a.md" in out
    row = run_textmill(*words, "渡船的票价是多少？", "--json", cwd=project.root).ok().document  # text data
    assert (row["quote"], row["start"], row["end"]) == ("渡船的票价是两元。", 28, 37)  # text data
    zh = run_textmill(*words, "桥是谁建的？", "--ui-language", "zh", cwd=project.root).ok().out  # text data
    assert zh.startswith("文档中没有：")
    assert len(list((project.root / "documents").glob("*.sqlite"))) == 1
    (project.root / "q.txt").write_text("What does the ferry cost?\nWho built the bridge?\n")
    run_textmill(*words, "--in", "q.txt", "--out", "a.jsonl", cwd=project.root).ok()
    rows = [json.loads(line) for line in (project.root / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["refused"] for row in rows] == [False, "nothing"]
    assert run_textmill("ask", "--docs", "nowhere", "x", cwd=project.root).code == 2
    assert run_textmill(*words, "x", "--graph", "graph", cwd=project.root).code == 2
