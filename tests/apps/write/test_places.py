"""What stands behind --sources: paths, addresses, lists of them, graphs; and a graph's facts as sentences."""

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from textmill.apps.write.places import addresses_in, sort_places
from textmill.apps.write.sources import passages, text_sources
from textmill.errors import InputError

TOWN = """\
@prefix ex: <https://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
ex:library rdfs:label "the old library"@en, "老图书馆"@zh ; ex:locatedIn ex:mill ; ex:founded "1994-03-02"^^xsd:date ;
  ex:keeper ex:ann , ex:bo ; ex:motto "Read"@en , "读书"@zh .
ex:mill rdfs:label "Mill Street"@en, "磨坊街"@zh .
ex:ann rdfs:label "Ann Lee"@en, "李安"@zh ; ex:age 41 .
ex:bo rdfs:label "Bo Berg"@en .
ex:locatedIn rdfs:label "located in"@en, "位于"@zh .
ex:founded rdfs:label "founding day"@en, "创办日期"@zh .
ex:keeper rdfs:label "keeper"@en, "管理员"@zh .
ex:age rdfs:label "age"@en, "年龄"@zh .
"""


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Any]:
    pytest.importorskip("pyoxigraph")
    from textmill.apps.graph.importing import import_file
    from textmill.apps.graph.reading import Reading
    from textmill.apps.graph.store import EmbeddedGraph, GraphWriter

    (tmp_path / "town.ttl").write_text(TOWN, encoding="utf-8")
    with GraphWriter(tmp_path / "graph") as writer:
        import_file(writer, tmp_path / "town.ttl", Reading())
    graph = EmbeddedGraph(tmp_path / "graph")
    yield graph
    graph.close()


def test_places_are_told_apart(graph: Any, tmp_path: Path) -> None:
    listed, text = tmp_path / "list.txt", tmp_path / "text.txt"
    listed.write_text("# mine\nhttps://example.org/a\n\nhttps://example.org/b\n", encoding="utf-8")
    text.write_text("See https://example.org/a\n", encoding="utf-8")
    given = ["https://example.org/c", str(listed), str(text), str(tmp_path / "graph"), "graph"]
    found = sort_places(given, Path("project/graph"))
    assert found.addresses == [f"https://example.org/{name}" for name in "cab"]
    assert found.paths == [text]
    assert found.graphs == [tmp_path / "graph", Path("project/graph")]
    assert addresses_in(tmp_path / "nowhere.txt") == []
    with pytest.raises(InputError) as caught:
        sort_places([f"https://example.org/{number}" for number in range(201)], None)
    assert caught.value.key == "write.many_addresses"


def test_a_graph_is_told_in_sentences_of_the_language(graph: Any) -> None:
    from textmill.apps.write.facts import graph_sources

    english = graph_sources(graph, "News of the old library", "en", first=3)
    assert [(each.number, each.title, each.place) for each in english] == [
        (3, "the old library", "https://example.org/library"),
        (4, "Ann Lee", "https://example.org/ann"),
    ]
    told = [passage.text for passage in passages(english)]
    assert set(told) == {
        "The founding day of the old library is 2 March 1994.",
        "The keeper of the old library is Ann Lee and Bo Berg.",
        "The old library is located in Mill Street.",
        "The motto of the old library is Read.",
        "The age of Ann Lee is 41.",
    }
    chinese = "".join(each.text for each in graph_sources(graph, "老图书馆的新闻", "zh"))
    assert "老图书馆位于磨坊街。" in chinese
    assert "老图书馆的创办日期是1994年3月2日。" in chinese
    assert "老图书馆的管理员是李安。" in chinese  # who has no Chinese name is left out, as is what no word is there for
    assert "Bo" not in chinese and "读书" not in chinese
    with pytest.raises(InputError) as caught:
        graph_sources(graph, "Boats", "en")
    assert caught.value.key == "write.graph_nothing"


def test_a_fact_is_said_without_marks_of_quotation(graph: Any) -> None:
    from textmill.apps.write.candidates import quote
    from textmill.apps.write.facts import graph_sources

    fact = passages(graph_sources(graph, "the old library", "en"))[0]
    assert fact.fact and quote(fact, "en").text == fact.text.removesuffix(".") + " [1]."
    said = passages(text_sources([("", "The library is not open on Mondays.")], "en"))[0]
    assert quote(said, "en").text == '"The library is not open on Mondays" [1].'


class _Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path.startswith("/library")
        text = "<p>The library on Mill Street opened in 1994. It lends books to all people of the town.</p>" * 2
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(
            f"<html><title>Library</title><main>{text}<a href='/library/more'>x</a></main></html>".encode()
        )

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
def test_addresses_are_fetched_and_nothing_else(project: Any, run_process: Callable, tmp_path: Path) -> None:
    pytest.importorskip("scrapy")
    from textmill.apps.write.sources import read_sources

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    words = ("write", "--topic", "Library", "--out", "a.md", "--crawl.delay_seconds", 0, "--json")
    try:
        # there is no model: by then the pages have been fetched
        done = run_process(*words, "--sources", f"{address}/library", cwd=project.root)
        none = run_process(*words, "--sources", f"{address}/gone", "--out", "b.md", cwd=project.root)
    finally:
        server.shutdown()
        server.server_close()
    assert done.document["error"]["code"] == "infer.no_runs", done.err
    assert none.document["error"]["code"] == "write.no_pages", none.err
    found, _ = read_sources([project.root / "a.md.sources"], "en")
    assert [(each.title, each.place) for each in found] == [("Library", f"{address}/library")]
