"""A query costs what it may cost, and reaches nobody."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import EX, town_graph

from textmill.apps.graph.answers import ASK, GRAPH, SELECT, Limits
from textmill.apps.graph.query_process import QueryProcess
from textmill.apps.graph.store import EmbeddedGraph, GraphWriter
from textmill.apps.graph.terms import library
from textmill.errors import InputError, ResourceError
from textmill.tokenizer.template_process import TemplateProcess

FOREVER = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"?a{n} ?b{n} ?c{n} ." for n in range(12)) + " }"


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[EmbeddedGraph]:
    graph = town_graph(tmp_path)
    yield graph
    graph.close()


def test_rows_truth_and_triples(graph: EmbeddedGraph) -> None:
    answer = graph.query('SELECT ?s ?n { ?s rdfs:label ?n FILTER(lang(?n) = "zh") } ORDER BY ?s')
    assert (answer.kind, answer.variables, answer.complete) == (SELECT, ("s", "n"), True)
    assert answer.rows[1]["n"] == {"type": "literal", "value": "灯街", "xml:lang": "zh"}
    assert answer.rows[1]["s"] == {"type": "uri", "value": EX + "lamp"}
    asked = graph.query(f"ASK {{ <{EX}lamp> <{EX}length> 300 }}")
    assert (asked.kind, asked.truth) == (ASK, True)
    made = graph.query(f"CONSTRUCT WHERE {{ <{EX}lamp> <{EX}length> ?n }}")
    assert made.kind == GRAPH and made.rows[0]["object"]["value"] == "300"
    part = graph.query("SELECT * { ?s ?p ?o OPTIONAL { ?s <http://nothing> ?x } }", Limits(rows=3))
    assert (len(part.rows), part.complete) == (3, False) and "x" not in part.rows[0]


def test_one_that_would_run_for_ever_is_ended_and_the_next_is_answered(graph: EmbeddedGraph) -> None:
    began = time.monotonic()
    with pytest.raises(ResourceError) as caught:
        graph.query(FOREVER, Limits(seconds=1))
    assert caught.value.key == "graph.query_time"
    assert time.monotonic() - began < 60
    assert graph.query("ASK { ?s ?p ?o }").truth


def test_an_answer_past_its_bytes_and_a_query_that_is_none(graph: EmbeddedGraph) -> None:
    with pytest.raises(ResourceError) as caught:
        graph.query("SELECT * { ?s ?p ?o . ?a ?b ?c }", Limits(bytes=2000))
    assert caught.value.key == "graph.query_bytes"
    with pytest.raises(InputError) as bad:
        graph.query("SELECT * { ?s ?p ")
    assert bad.value.key == "graph.query_syntax"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's limit of memory")
def test_one_that_fills_the_memory_costs_its_process_only(tmp_path: Path) -> None:
    kinds = library()
    node = kinds.NamedNode(EX + "a")
    with GraphWriter(tmp_path / "graph") as writer:
        writer.add([kinds.Quad(node, kinds.NamedNode(f"{EX}p"), kinds.Literal(str(n))) for n in range(3000)])
    process = QueryProcess(tmp_path / "graph/store")
    try:
        with pytest.raises(ResourceError) as caught:
            process.ask("SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f", Limits(seconds=60, memory=256 << 20))
        assert caught.value.key == "graph.query_memory"
        assert process.ask("ASK { ?s ?p ?o }", Limits(memory=256 << 20)).truth
    finally:
        process.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filter of system calls")
def test_even_a_query_that_got_past_the_check_opens_no_socket(graph: EmbeddedGraph) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        process = TemplateProcess("textmill.apps.graph.query_process", most_waiting=60)
        try:
            process.ask(json.dumps({"memory": 1 << 30}).encode())
            query = f"SELECT * {{ SERVICE <{url}> {{ ?s ?p ?o }} }}"
            request = {"path": str(graph.folder / "store"), "query": query, "rows": 9, "bytes": 9999}
            assert "error" in json.loads(process.ask(json.dumps(request).encode()))
        finally:
            process.close()
        server.settimeout(0)  # who had called would be waiting in the queue
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_store_that_was_written_to_is_looked_at_anew(graph: EmbeddedGraph) -> None:
    kinds = library()
    ask = f"ASK {{ <{EX}new> ?p ?o }}"
    assert not graph.query(ask).truth
    with GraphWriter(graph.folder) as writer:
        writer.add([kinds.Quad(kinds.NamedNode(EX + "new"), kinds.NamedNode(EX + "p"), kinds.Literal("x"))])
    assert graph.query(ask).truth
