"""A SPARQL endpoint over the embedded store, on loopback; then one that hangs, drips and lies."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from graphs import EX, town_graph

from textmill.apps.graph.answers import Limits
from textmill.apps.graph.endpoint import EndpointGraph
from textmill.apps.graph.looking import entity, resolve, statistics
from textmill.apps.graph.terms import library
from textmill.errors import InputError, ResourceError, UsageError

JSON = "application/sparql-results+json"
Answer = Callable[[BaseHTTPRequestHandler, str], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    servers = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    answer(self, parse_qs(body.decode())["query"][0])
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/sparql"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, body: bytes, kind: str = JSON, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in ({"Content_Type": kind, "Content_Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def town(tmp_path: Path, serve: Callable[[Answer], str]) -> EndpointGraph:
    town_graph(tmp_path).close()
    kinds = library()
    store = kinds.Store.read_only(str(tmp_path / "graph/store"))

    def answer(handler: BaseHTTPRequestHandler, query: str) -> None:
        found = store.query(query)
        if isinstance(found, kinds.QueryTriples):
            body, kind = found.serialize(format=kinds.RdfFormat.N_TRIPLES), "application/n-triples"
        else:
            body, kind = found.serialize(format=kinds.QueryResultsFormat.JSON), JSON
        reply(handler, body, kind)

    return EndpointGraph(serve(answer))


def test_an_endpoint_answers_as_the_embedded_store_does(tmp_path: Path, town: EndpointGraph) -> None:
    embedded = town_graph(tmp_path)
    queries = (
        "SELECT ?s ?p ?o { ?s ?p ?o FILTER(isIRI(?s)) } ORDER BY ?s ?p ?o",
        f"ASK {{ <{EX}lamp> <{EX}length> 300 }}",
        f"ASK {{ <{EX}lamp> <{EX}length> 301 }}",
        f"CONSTRUCT WHERE {{ <{EX}lamp> <{EX}length> ?n }}",
    )
    for query in queries:
        ours, theirs = embedded.query(query), town.query(query)
        assert (ours.kind, ours.variables, ours.rows, ours.truth) == (
            theirs.kind, theirs.variables, theirs.rows, theirs.truth,
        )  # fmt: skip
    for name in ("lamp street", "灯街", "River Town"):
        assert resolve(town, name)[0] == resolve(embedded, name)[0]
    assert town.names(EX + "lamp") == embedded.names(EX + "lamp")
    shown = entity(town, EX + "town", 10)
    assert sorted(shown.out, key=str) == sorted(entity(embedded, EX + "town", 10).out, key=str)
    assert statistics(town, Limits(), 3) == statistics(embedded, Limits(), 3)
    assert len(town.query("SELECT * { ?s ?p ?o }", Limits(rows=2)).rows) == 2
    embedded.close()


def test_what_is_refused_is_not_even_sent(serve: Callable[[Answer], str]) -> None:
    graph = EndpointGraph(serve(lambda handler, query: pytest.fail("it was sent")))
    with pytest.raises(InputError) as caught:
        graph.query("INSERT DATA { <http://a> <http://b> 1 }")
    assert caught.value.key == "graph.query_refused"


def results(*bindings: Any, names: Any = ("x",)) -> bytes:
    return json.dumps({"head": {"vars": names}, "results": {"bindings": bindings}}).encode()


LIES: dict[str, Answer] = {
    "a page": lambda handler, query: reply(handler, b"<html>welcome</html>", "text/html"),
    "no JSON": lambda handler, query: reply(handler, b"{"),
    "no UTF-8": lambda handler, query: reply(handler, b'{"head": "\xff"}'),
    "other JSON": lambda handler, query: reply(handler, b'{"rows": []}'),
    "a list": lambda handler, query: reply(handler, b"[1]"),
    "a depth": lambda handler, query: reply(handler, b"[" * 100_000),
    "an unknown variable": lambda handler, query: reply(handler, results({"y": {"type": "uri", "value": "http://a"}})),
    "an unknown type": lambda handler, query: reply(handler, results({"x": {"type": "magic", "value": "a"}})),
    "a number": lambda handler, query: reply(handler, results({"x": {"type": "literal", "value": 5}})),
    "an injection": lambda handler, query: reply(handler, results({"x": {"type": "uri", "value": "a> . ?s ?p <b"}})),
    "a bad language": lambda handler, query: reply(
        handler, results({"x": {"type": "literal", "value": "a", "xml:lang": 'en" .'}})
    ),
    "fewer bytes": lambda handler, query: reply(handler, results(), Content_Length="999"),
    "an error": lambda handler, query: reply(handler, b"no such graph", "text/plain", 400),
    "another place": lambda handler, query: reply(handler, b"", JSON, 302, Location="http://127.0.0.1:9/"),
    "too much": lambda handler, query: reply(handler, results() + b" " * 3_000_000),
    "no HTTP": lambda handler, query: handler.wfile.write(b"220 mail.example.org ready\r\n"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_one_clear_error(serve: Callable[[Answer], str], lie: str) -> None:
    graph = EndpointGraph(serve(LIES[lie]))
    with pytest.raises(InputError) as caught:
        graph.query("SELECT ?x { ?x ?p ?o }", Limits(seconds=30, bytes=1 << 20))
    assert caught.value.key == "graph.endpoint" and caught.value.values["url"] == graph.url


def hang(handler: BaseHTTPRequestHandler, query: str) -> None:
    time.sleep(5)


def drip(handler: BaseHTTPRequestHandler, query: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", JSON)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def drip_headers(handler: BaseHTTPRequestHandler, query: str) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100:
        handler.wfile.write(bytes([letter]))
        time.sleep(0.05)


@pytest.mark.parametrize("slow", [hang, drip, drip_headers])
def test_one_that_hangs_or_drips_is_waited_for_no_longer_than_asked(
    serve: Callable[[Answer], str], slow: Answer
) -> None:
    graph = EndpointGraph(serve(slow))
    with pytest.raises(ResourceError) as caught:
        graph.query("ASK { ?s ?p ?o }", Limits(seconds=0.3))
    assert caught.value.key == "graph.endpoint_time"


def test_nobody_there_and_no_url() -> None:
    with pytest.raises(InputError) as caught:
        EndpointGraph("http://127.0.0.1:9/").query("ASK { ?s ?p ?o }")
    assert caught.value.key == "graph.endpoint_unreachable"
    for url in ("file:///etc/passwd", "127.0.0.1:9", "ftp://x/", "http://"):
        with pytest.raises(UsageError):
            EndpointGraph(url)
