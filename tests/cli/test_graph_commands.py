"""graph import, export, stats, show, query and diff from the command line, in both languages."""

from collections.abc import Callable
from typing import Any

import pytest

from textmill.project import Project

Run = Callable[..., Any]
TOWN = """\
@prefix ex: <https://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ex:lamp a ex:Street ; rdfs:label "Lamp Street"@en, "灯街"@zh ; ex:length 300 ; ex:in ex:town .
ex:town rdfs:label "Riverton"@en, "河边镇"@zh .
ex:in rdfs:label "lies in"@en, "位于"@zh .
"""


@pytest.fixture
def town(project: Project, run_textmill: Run) -> Project:
    (project.root / "town.ttl").write_text(TOWN, encoding="utf-8")
    run_textmill("graph", "import", "town.ttl", cwd=project.root).ok()
    return project


def test_import_says_what_came_in_and_passes_over_what_is_there(town: Project, run_textmill: Run) -> None:
    document = run_textmill("graph", "import", "town.ttl", "--json", cwd=town.root).ok().document
    assert (document["statements"], document["entities"], document["names"]) == (9, 4, 6)
    assert document["files"][0]["unchanged"]
    again = run_textmill("graph", "import", "town.ttl", "--again", "--json", cwd=town.root).ok().document
    assert (again["statements"], again["files"][0]["statements"]) == (9, 9)


def test_show_knows_names_slips_and_both_languages(town: Project, run_textmill: Run) -> None:
    for name in ("Lamp Street", "lamp", "Lmap Street", "灯街", "<https://example.org/lamp>"):
        shown = run_textmill("graph", "show", name, "--json", cwd=town.root).ok().document
        assert shown["iri"] == "https://example.org/lamp"
    text = run_textmill("graph", "show", "lamp street", cwd=town.root).ok().out
    assert "lies in" in text and "Riverton" in text and "灯街" in text
    zh = run_textmill("graph", "show", "Riverton", "--ui-language", "zh", cwd=town.root).ok().out
    assert zh.startswith("河边镇") and "位于" in zh and "灯街" in zh
    nobody = run_textmill("graph", "show", "Paris", "--json", cwd=town.root)
    assert (nobody.code, nobody.document["error"]["code"]) == (2, "graph.no_entity")


def test_query_prints_rows_and_refuses_what_does_more_than_read(town: Project, run_textmill: Run) -> None:
    query = "SELECT ?n { ?s rdfs:label ?n } ORDER BY ?n"
    rows = run_textmill("graph", "query", query, "--n", 2, "--json", cwd=town.root).ok().document
    assert (len(rows["rows"]), rows["complete"], rows["variables"]) == (2, False, ["n"])
    assert run_textmill("graph", "query", cwd=town.root, stdin="ASK { ?s ?p 300 }").ok().out == "yes\n"
    refused = run_textmill("graph", "query", "SELECT * FROM <http://x> { ?s ?p ?o }", "--json", cwd=town.root)
    assert (refused.code, refused.document["error"]["code"]) == (2, "graph.query_refused")
    assert "FROM" in run_textmill("graph", "query", "SELECT * FROM <http://x> {}", "--ui-language", "zh",
                                  cwd=town.root).err  # fmt: skip
    assert run_textmill("graph", "query", query, "--seconds", 0, cwd=town.root).code == 2


def test_export_diff_and_stats(town: Project, run_textmill: Run) -> None:
    run_textmill("graph", "export", "--out", "out.nq", cwd=town.root).ok()
    assert run_textmill("graph", "export", cwd=town.root).ok().out == (town.root / "out.nq").read_text(encoding="utf-8")
    assert run_textmill("graph", "diff", "out.nq", "--json", cwd=town.root).ok().document["equal"]
    changed = TOWN.replace("300", "301")
    (town.root / "new.ttl").write_text(changed, encoding="utf-8")
    document = run_textmill("graph", "diff", "town.ttl", "new.ttl", "--json", cwd=town.root).ok().document
    assert len(document["removed"]) == len(document["added"]) == 1 and '"301"' in document["added"][0]
    stats = run_textmill("graph", "stats", "--json", cwd=town.root).ok().document
    assert stats["statements"] == 9 and stats["classes"][0]["name"] == "Street"
    assert "位于" in run_textmill("graph", "stats", "--ui-language", "zh", cwd=town.root).ok().out


def test_errors_of_a_user_are_never_tracebacks(town: Project, run_textmill: Run) -> None:
    (town.root / "bad.nt").write_text("<http://a> <http://b> 1 .\n")
    for words, code in (
        (("graph", "import", "bad.nt"), "graph.bad_line"),
        (("graph", "import", "nowhere.nt"), "graph.file_unreadable"),
        (("graph", "import", "town.ttl", "--base", "x"), "graph.not_an_iri"),
        (("graph", "stats", "--graph", "nowhere"), "graph.none"),
        (("graph", "stats", "--endpoint", "nowhere"), "graph.endpoint_url"),
        (("graph", "show", "x", "--graph", "graph", "--endpoint", "http://127.0.0.1:9/"), "graph.two_places"),
    ):
        done = run_textmill(*words, "--json", cwd=town.root)
        assert (done.code, done.document["error"]["code"]) == (2, code)
