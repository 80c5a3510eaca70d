"""Any SPARQL 1.1 endpoint as the graph: asked by POST, and not believed.

What comes back is held to the query and to the limits. An endpoint that hangs, drips, sends too much, redirects,
answers in another form or with what SPARQL's JSON results do not know is one error that says what it did. Names are
looked up by SPARQL: the very label or alias in the languages that a text may be in, since a server's own full-text
index has no common form.
"""

import http.client
import json
import re
import socket
import threading
import time
import unicodedata
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlencode, urlsplit

from textmill.apps.graph.answers import ASK, GRAPH, PARTS, SELECT, Answer, Limits
from textmill.apps.graph.folding import LONGEST
from textmill.apps.graph.names import EXACT, Match, Name
from textmill.apps.graph.sparql import check_query
from textmill.apps.graph.store import DEFAULT_LIMITS
from textmill.apps.graph.terms import ALIAS, NAME_PREDICATES, PREFIXES, Term, is_iri, library, term_json, written
from textmill.errors import InputError, ResourceError, UsageError

BLOCK = 1 << 16
TOLD = 300
LANGUAGES = ("", "en", "zh", "zh-cn", "zh-hans")
JSON_RESULTS = "application/sparql-results+json"
TRIPLES = "application/n-triples"
KINDS = ("uri", "bnode", "literal", "typed-literal")
LANGUAGE = re.compile(r"[A-Za-z]+(-[A-Za-z0-9]+)*")


class Lie(ValueError):
    """What an endpoint sent is not what was asked for."""


class EndpointGraph:
    """A graph behind a URL."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not is_iri(url):
            raise UsageError("graph.endpoint_url", got=url)
        self.url = url

    def query(self, text: str, limits: Limits = DEFAULT_LIMITS) -> Answer:
        """Returns the endpoint's answer to a query."""
        form = check_query(text)
        began = time.monotonic()
        prologue = "".join(f"PREFIX {name}: <{start}>\n" for name, start in PREFIXES.items())
        accept = TRIPLES if form in ("CONSTRUCT", "DESCRIBE") else JSON_RESULTS
        data = self._exchange(prologue + text, accept, limits)
        try:
            answer = graph_answer(data, limits) if accept == TRIPLES else results(data, form, limits)
        except (ValueError, KeyError, TypeError, SyntaxError, RecursionError) as error:
            raise InputError("graph.endpoint", url=self.url, detail=str(error)[:TOLD]) from error
        return Answer(**answer, seconds=time.monotonic() - began)

    def find(self, text: str, *, most: int = 10) -> list[Match]:
        """Returns the entities that have this very text for a name."""
        given = unicodedata.normalize("NFKC", " ".join(text.split()))[:LONGEST]
        if not given:
            return []
        forms = dict.fromkeys((given, given.title(), given.capitalize(), given.lower()))
        terms = [{"type": "literal", "value": form} | ({"xml:lang": language} if language else {})
                 for form in forms for language in LANGUAGES]  # fmt: skip
        texts = " ".join(written(term) for term in terms)
        paths = " ".join(f"<{iri}>" for iri in NAME_PREDICATES)
        answer = self.query(
            f"SELECT DISTINCT ?s ?p ?n WHERE {{ VALUES ?n {{ {texts} }} VALUES ?p {{ {paths} }} ?s ?p ?n }} LIMIT 200"
        )
        found: dict[str, Match] = {}
        for row in answer.rows:
            if "s" not in row or row["s"]["type"] != "uri":
                continue
            score = 1.0 - 0.02 * NAME_PREDICATES.get(row["p"]["value"], ALIAS)
            match = Match(iri=row["s"]["value"], name=row["n"]["value"], language=row["n"].get("xml:lang", ""),
                          how=EXACT, score=score)  # fmt: skip
            if match.iri not in found or found[match.iri].score < score:
                found[match.iri] = match
        return sorted(found.values(), key=lambda match: (-match.score, match.iri))[:most]

    def names(self, iri: str) -> list[Name]:
        """Returns an entity's names."""
        if not is_iri(iri):
            return []
        paths = " ".join(f"<{name}>" for name in NAME_PREDICATES)
        answer = self.query(f"SELECT ?p ?n WHERE {{ VALUES ?p {{ {paths} }} <{iri}> ?p ?n }} LIMIT 200")
        names = [
            Name(iri=iri, text=row["n"]["value"], language=row["n"].get("xml:lang", ""),
                 kind=NAME_PREDICATES.get(row["p"]["value"], ALIAS))
            for row in answer.rows if "n" in row and row["n"]["type"] == "literal"
        ]  # fmt: skip
        return sorted(names, key=lambda name: (name.kind, name.language, name.text))

    def close(self) -> None:
        """Nothing is held open between two queries."""

    def _exchange(self, query: str, accept: str, limits: Limits) -> bytes:
        """Returns what the endpoint sends; waits no longer than the limit, whatever it does."""
        exchange = Exchange(self.url, query, accept, limits.bytes)
        try:
            data, error = exchange.wait(limits.seconds)
        finally:
            exchange.stop()
        if error is None:
            return data
        if isinstance(error, Empty | TimeoutError):
            raise ResourceError("graph.endpoint_time", url=self.url, seconds=limits.seconds)
        if isinstance(error, Lie):
            raise InputError("graph.endpoint", url=self.url, detail=str(error)[:TOLD]) from error
        raise InputError("graph.endpoint_unreachable", url=self.url, detail=str(error)[:TOLD] or repr(error)) from error


class Exchange:
    """One request in a thread of its own, which is let go of when it takes too long."""

    def __init__(self, url: str, query: str, accept: str, most: int) -> None:
        self.url, self.query, self.accept, self.most = url, query, accept, most
        self.outcome: SimpleQueue[tuple[bytes, Exception | None]] = SimpleQueue()
        self.connection: http.client.HTTPConnection | None = None
        self.response: http.client.HTTPResponse | None = None
        self.socket: socket.socket | None = None

    def wait(self, seconds: float | int) -> tuple[bytes, Exception | None]:
        """Returns the body, or what went wrong."""
        self.seconds = seconds
        threading.Thread(target=self._run, daemon=True).start()
        try:
            return self.outcome.get(timeout=seconds)
        except Empty as error:
            return b"", error

    def stop(self) -> None:
        """Breaks the connection, on which the thread may still wait."""
        if self.socket is not None:
            try:
                self.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already

    def _run(self) -> None:
        try:
            self.outcome.put((self._exchange(), None))
        except Exception as error:  # told to the one who waits
            self.outcome.put((b"", error))
        finally:
            for held in (self.response, self.connection):
                if held is not None:
                    held.close()

    def _exchange(self) -> bytes:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        assert parts.hostname is not None
        self.connection = kind(parts.hostname, parts.port, timeout=self.seconds)
        self.connection.connect()
        self.socket = self.connection.sock
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": self.accept, "User-Agent": "textmill"}
        self.connection.request("POST", path, urlencode({"query": self.query}), headers)
        try:
            response = self.response = self.connection.getresponse()
            if 300 <= response.status < 400:
                raise Lie(f"{response.status} → {response.getheader('Location', '')}")
            body = self._body(response)
        except http.client.HTTPException as error:
            raise Lie(f"{type(error).__name__}: {error}") from error
        if response.status != 200:
            raise Lie(f"{response.status} {response.reason}: {body[:TOLD].decode('utf-8', 'replace')}")
        sent = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
        if sent not in (self.accept, "application/json", "text/plain"):
            raise Lie(f"Content-Type: {sent or '-'}; Accept: {self.accept}")
        return body

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        parts, size = [], 0
        while block := response.read1(BLOCK):
            size += len(block)
            if size > self.most:
                raise Lie(f"> {self.most / (1 << 20):g} MB")
            parts.append(block)
        if response.length:  # fewer bytes than its header promised
            raise Lie(f"{size} < {size + response.length} bytes")
        return b"".join(parts)


def results(data: bytes, form: str, limits: Limits) -> dict[str, Any]:
    """Returns the fields of the answer that SPARQL's JSON results hold; ValueError where they are none."""
    found = json.loads(data.decode("utf-8"))
    if form == "ASK":
        if not isinstance(found["boolean"], bool):
            raise Lie(f"boolean: {found['boolean']!r}")
        return {"kind": ASK, "truth": found["boolean"]}
    variables, bindings = tuple(found["head"]["vars"]), found["results"]["bindings"]
    if not all(isinstance(name, str) for name in variables) or not isinstance(bindings, list):
        raise Lie("head.vars, results.bindings")
    rows = []
    for binding in bindings[: limits.rows]:
        if unknown := set(binding) - set(variables):
            raise Lie(f"?{sorted(unknown)[0]} ∉ head.vars")
        rows.append({name: term(value) for name, value in binding.items()})
    return {"kind": SELECT, "variables": variables, "rows": tuple(rows), "complete": len(bindings) <= limits.rows}


def term(value: Any, depth: int = 0) -> Term:
    """Returns a term of the results, checked."""
    kind, content = value["type"], value["value"]
    if kind == "triple" and depth < 8:
        return {"type": kind, "value": {name: term(content[name], depth + 1) for name in PARTS}}
    if kind not in KINDS or not isinstance(content, str):
        raise Lie(f"{kind!r}: {str(content)[:60]!r}")
    if kind == "uri" and re.search(r"[\x00-\x20<>\"{}|^`\\]", content):
        raise Lie(f"uri: {content[:60]!r}")
    if kind in ("uri", "bnode"):
        return {"type": kind, "value": content}
    made: Term = {"type": "literal", "value": content}
    if (language := value.get("xml:lang")) is not None:
        if not LANGUAGE.fullmatch(language):
            raise Lie(f"xml:lang: {str(language)[:60]!r}")
        return made | {"xml:lang": language}
    if (datatype := value.get("datatype")) is not None:
        if not is_iri(datatype):
            raise Lie(f"datatype: {str(datatype)[:60]!r}")
        return made | {"datatype": datatype}
    return made


def graph_answer(data: bytes, limits: Limits) -> dict[str, Any]:
    """Returns the fields of the answer that N-Triples hold."""
    kinds = library()
    rows: list[dict[str, Term]] = []
    for quad in kinds.parse(data, format=kinds.RdfFormat.N_TRIPLES):
        if len(rows) >= limits.rows:
            return {"kind": GRAPH, "variables": PARTS, "rows": tuple(rows), "complete": False}
        rows.append({name: term_json(getattr(quad, name)) for name in PARTS})
    return {"kind": GRAPH, "variables": PARTS, "rows": tuple(rows), "complete": True}
