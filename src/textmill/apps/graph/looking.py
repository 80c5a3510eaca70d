"""Looking at a graph: what is said of an entity, what there is of what, and the graph as a file.

All but `export` asks by SPARQL, so that an endpoint answers as the embedded store does.
"""

import heapq
import itertools
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from textmill.apps.graph.answers import Limits
from textmill.apps.graph.names import Match, Name
from textmill.apps.graph.reading import QUADS, TRIG, TRIPLES, rdf_format
from textmill.apps.graph.store import EmbeddedGraph, Graph
from textmill.apps.graph.terms import LABEL, PREFIXES, RDF, Term, is_iri, library, local_name, short
from textmill.errors import InputError
from textmill.i18n import language

SORTED_CHUNK = 500_000
"""Lines that are sorted in memory at a time: about 100 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """What a graph says of an entity."""

    iri: str
    names: tuple[Name, ...]
    out: tuple[tuple[str, Term], ...]
    """(predicate, object)"""
    back: tuple[tuple[Term, str], ...]
    """(subject, predicate)"""
    more: bool
    """True where there were more statements than the limit."""


def resolve(graph: Graph, given: str) -> tuple[str, list[Match]]:
    """Returns the IRI that a person meant (an IRI, wd:Q42, a name), and what else it may have been; InputError."""
    given = given.strip()
    bare = given.removeprefix("<").removesuffix(">")
    prefix, colon, rest = bare.partition(":")
    if colon and prefix in PREFIXES and is_iri(PREFIXES[prefix] + rest) and not rest.startswith("//"):
        return PREFIXES[prefix] + rest, []
    if is_iri(bare) and (rest.startswith("//") or prefix.lower() in ("urn", "tag", "mailto")):
        return bare, []
    matches = graph.find(given)
    if not matches:
        raise InputError("graph.no_entity", name=given)
    return matches[0].iri, matches[1:]


def entity(graph: Graph, iri: str, most: int) -> Entity:
    """Returns what a graph says of an entity, at most so many statements each way; InputError for none at all."""
    limits = Limits(rows=most)
    out = graph.query(f"SELECT ?p ?o WHERE {{ <{iri}> ?p ?o }} ORDER BY ?p LIMIT {most + 1}", limits)
    back = graph.query(f"SELECT ?s ?p WHERE {{ ?s ?p <{iri}> }} LIMIT {most + 1}", limits)
    if not out.rows and not back.rows:
        raise InputError("graph.no_entity", name=short(iri))
    return Entity(
        iri=iri,
        names=tuple(graph.names(iri)),
        out=tuple((row["p"]["value"], row["o"]) for row in out.rows),
        back=tuple((row["s"], row["p"]["value"]) for row in back.rows),
        more=not (out.complete and back.complete),
    )


def display(graph: Graph, iri: str, known: dict[str, str]) -> str:
    """Returns the name of an entity or a predicate in the interface's language, else in any, else its short IRI."""
    if iri not in known:
        labels = [name for name in graph.names(iri) if name.kind == LABEL]
        known[iri] = best_name(labels) or (short(iri) if short(iri) != iri else local_name(iri))
    return known[iri]


def best_name(labels: list[Name], wanted: str = "") -> str:
    """Returns the label in a language (by default the interface's), else English, else without one, else the first."""
    wanted = wanted or language()

    def rank(name: Name) -> int:
        tag = name.language.partition("-")[0].lower()
        return 0 if tag == wanted else 1 if tag == "en" else 2 if not tag else 3

    return min(labels, key=rank).text if labels else ""


def statistics(graph: Graph, limits: Limits, most: int) -> dict[str, Any]:
    """Returns counts: of statements, of each predicate's, of each class's members."""
    total = graph.query("SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }", limits)
    predicates = graph.query(
        f"SELECT ?x (COUNT(*) AS ?n) WHERE {{ ?s ?x ?o }} GROUP BY ?x ORDER BY DESC(?n) ?x LIMIT {most}", limits
    )
    classes = graph.query(
        f"SELECT ?x (COUNT(*) AS ?n) WHERE {{ ?s <{RDF}type> ?x }} GROUP BY ?x ORDER BY DESC(?n) ?x LIMIT {most}",
        limits,
    )
    counted = [
        [{"iri": row["x"]["value"], "count": int(row["n"]["value"])} for row in answer.rows if "x" in row]
        for answer in (predicates, classes)
    ]
    return {"statements": int(total.rows[0]["n"]["value"]), "predicates": counted[0], "classes": counted[1]}


def export(graph: EmbeddedGraph, form: str, file: BinaryIO) -> int:
    """Writes the whole graph; N-Triples and N-Quads sorted, so that equal graphs are equal files. Returns the count."""
    kinds = library()
    if form not in (TRIPLES, QUADS):
        quads = graph.statements()
        count = itertools.count()
        counted = (quad for quad in quads if next(count) >= 0)
        if form == TRIG:
            kinds.serialize(counted, file, format=rdf_format(form), prefixes=PREFIXES)
        else:
            triples = (quad.triple for quad in counted)
            kinds.serialize(triples, file, format=rdf_format(form), prefixes=PREFIXES)
        return next(count)
    lines = (line_of(quad, form) for quad in graph.statements())
    written = 0
    for line in unrepeated(sorted_lines(lines)):
        file.write(line)
        written += 1
    return written


def line_of(quad: Any, form: str) -> bytes:
    """Returns a statement as a line."""
    return f"{quad.triple if form == TRIPLES or quad.graph_name == library().DefaultGraph() else quad} .\n".encode()


def sorted_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yields lines in order, however many: sorted chunks in temporary files, merged."""
    lines = iter(lines)
    with ExitStack() as open_files:
        chunks: list[IO[bytes]] = []
        while chunk := sorted(itertools.islice(lines, SORTED_CHUNK)):
            if not chunks and len(chunk) < SORTED_CHUNK:
                yield from chunk
                return
            file = open_files.enter_context(tempfile.TemporaryFile())
            file.writelines(chunk)
            file.seek(0)
            chunks.append(file)
        yield from heapq.merge(*chunks)


def unrepeated(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yields sorted lines, each once: a triple of two graphs is one triple."""
    return (line for line, _ in itertools.groupby(lines))


def lines_of_file(path: Path, graph: EmbeddedGraph | None) -> tuple[bytes, ...]:
    """Returns a graph's statements as sorted lines, its blank nodes under canonical names where there are any."""
    from textmill.apps.graph.reading import Reading, format_of, open_source, statements

    kinds = library()
    if graph is not None:
        quads = graph.statements()
        dataset = kinds.Dataset(quads)
    else:
        source = open_source(path)
        with source.raw:
            dataset = kinds.Dataset(statements(source, format_of(path, Reading()), Reading()))
    if any(isinstance(term, kinds.BlankNode) for quad in dataset for term in (quad.subject, quad.object)):
        dataset.canonicalize(kinds.CanonicalizationAlgorithm.RDFC_1_0)
    return tuple(sorted(line_of(quad, QUADS) for quad in dataset))


def difference(first: tuple[bytes, ...], second: tuple[bytes, ...]) -> tuple[list[str], list[str]]:
    """Returns the lines that only the first has, and those that only the second has."""
    one, other = set(first), set(second)
    return (
        [line.decode().rstrip("\n") for line in first if line not in other],
        [line.decode().rstrip("\n") for line in second if line not in one],
    )
