"""Files of every form as one stream of statements.

    Turtle, TriG, N-Triples, N-Quads, N3, JSON-LD   pyoxigraph's parsers
    RDF/XML      the same, after the project's XML parser has gone over it (no DTD, no entities, limits, line numbers)
    CSV, TSV     rows by a mapping (`tables`)
    JSON         a Wikidata dump (`wikidata`), or JSON-LD

gzip, bzip2, xz and zstd are read through, within the limits for archives. Nothing is fetched: a JSON-LD context that
lies elsewhere is an error. A fault names its line. Blank nodes get names made of the file's first bytes and their order
in it, so that the same file gives the same statements each time, and two files never share one.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from textmill.apps.graph.tables import Mapping, rows_of
from textmill.apps.graph.terms import is_iri, library
from textmill.apps.graph.wikidata import Languages, entities_of, looks_like_dump
from textmill.data import formats, safe_xml
from textmill.data.formats_in import archives
from textmill.data.formats_in.problem import Budget, Unreadable
from textmill.errors import InputError, UsageError

if TYPE_CHECKING:
    from pyoxigraph import Quad

TURTLE, TRIG, TRIPLES, QUADS, N3 = "turtle", "trig", "ntriples", "nquads", "n3"
RDF_XML, JSON_LD, CSV, TSV, WIKIDATA = "rdfxml", "jsonld", "csv", "tsv", "wikidata"
FORMATS = (TURTLE, TRIG, TRIPLES, QUADS, N3, RDF_XML, JSON_LD, CSV, TSV, WIKIDATA)
ENDINGS = {
    ".ttl": TURTLE, ".turtle": TURTLE, ".trig": TRIG, ".nt": TRIPLES, ".ntriples": TRIPLES, ".nq": QUADS,
    ".nquads": QUADS, ".n3": N3, ".rdf": RDF_XML, ".owl": RDF_XML, ".xml": RDF_XML, ".jsonld": JSON_LD,
    ".csv": CSV, ".tsv": TSV, ".tab": TSV,
}  # fmt: skip
COMPRESSED_ENDINGS = formats.COMPRESSION_ENDINGS
MOST_UNPACKED = 4 << 40
LONGEST_XML = 16 << 20
"""Bytes of XML without a single element or text."""
LONGEST_LINE = 4 << 20
"""Bytes of a line of the formats that have lines; pyoxigraph goes over an unfinished one again with each block."""
LINED = (TURTLE, TRIG, TRIPLES, QUADS, N3)
TOLD = 300


def rdf_format(name: str) -> Any:
    """Returns pyoxigraph's name for a format of RDF."""
    kinds = library().RdfFormat
    return {
        TURTLE: kinds.TURTLE,
        TRIG: kinds.TRIG,
        TRIPLES: kinds.N_TRIPLES,
        QUADS: kinds.N_QUADS,
        N3: kinds.N3,
        RDF_XML: kinds.RDF_XML,
        JSON_LD: kinds.JSON_LD,
    }[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How files are to be read."""

    format: str = ""
    """One of FORMATS; "" goes by the file's name and first bytes."""
    base: str | None = None
    """What relative IRIs are relative to; without one they are an error."""
    graph: str = ""
    """The named graph for statements that name none; "" is the default graph."""
    mapping: Mapping | None = None
    languages: Languages = ("en", "zh")
    """Of a Wikidata dump: the languages whose names are taken."""

    def __post_init__(self) -> None:
        for option, value in (("--base", self.base), ("--graph", self.graph)):
            if value and not is_iri(value):
                raise UsageError("graph.not_an_iri", option=option, got=value)


@dataclass(slots=True, kw_only=True)
class Source:
    """A file on its way through a parser: what may be told of it, and what went wrong inside of a read."""

    path: Path
    raw: BinaryIO
    stream: Any
    left_out: int = 0
    """Rows and values that are no statements: an empty cell, a date that is none."""
    first_left_out: str = ""
    problem: BaseException | None = None
    lined: bool = False
    """True for a format with lines, whose length is then held to the limit."""
    line_bytes: int = 0
    names: dict[str, str] = field(default_factory=dict)
    """Blank nodes as the file (or the parser) calls them, and as they are called here."""
    prefix: str = ""

    def read(self, size: int = -1) -> bytes:
        """Returns bytes for a parser; keeps the error, which a parser in another language cannot hand through."""
        try:
            data = self.stream.read(size)
            end = data.rfind(b"\n")
            self.line_bytes = len(data) - end - 1 if end >= 0 else self.line_bytes + len(data)
            if self.lined and self.line_bytes > LONGEST_LINE:
                raise ValueError(f"> {LONGEST_LINE >> 20} MB without a line break")
        except BaseException as error:
            self.problem = error
            raise
        return data

    def leave_out(self, why: str) -> None:
        """Counts something that is no statement."""
        self.left_out += 1
        self.first_left_out = self.first_left_out or why

    @property
    def done(self) -> int:
        """Bytes of the file on disk that are read."""
        return self.raw.tell()


def open_source(path: Path) -> Source:
    """Opens a file, through its compression if it has one."""
    try:
        raw = open(path, "rb")  # noqa: SIM115  (the source's own, closed by who asked for it)
    except OSError as error:
        raise InputError("graph.file_unreadable", path=path, detail=error.strerror or error) from error
    head = raw.read(formats.HEAD_BYTES)
    raw.seek(0)
    stream: Any = raw
    if (form := _compression(head)) is not None:
        budget = Budget.of(path.stat().st_size, MOST_UNPACKED)
        stream = archives.counted(archives.decompressed(raw, form, head), budget)
    prefix = hashlib.sha256(head + str(path.stat().st_size).encode()).hexdigest()[:16]
    return Source(path=path, raw=raw, stream=stream, prefix=f"b{prefix}")


def _compression(head: bytes) -> str | None:
    found = next((form for start, form in formats.FORMS if head.startswith(start) and form in formats.COMPRESSED), None)
    return found or (formats.BZIP2 if formats.BZIP2_START.match(head) else None)


def format_of(path: Path, reading: Reading) -> str:
    """Returns the form of a file: as told, by its name, for .json by how it begins."""
    if reading.format:
        return reading.format
    name = COMPRESSED_ENDINGS.sub("", path.name).lower()
    ending = Path(name).suffix
    if ending in ENDINGS:
        return ENDINGS[ending]
    if ending == ".json":
        source = open_source(path)
        with source.raw, bad_content(source):
            return WIKIDATA if looks_like_dump(source.stream.read(4096)) else JSON_LD
    raise InputError("graph.unknown_format", path=path, expected=", ".join(FORMATS))


class bad_content:
    """Turns whatever a reader stumbles over into the one error that names the file and, where it is known, the line."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, InputError):
            return
        cause = self.source.problem or error
        if not isinstance(cause, Exception):  # Ctrl-C in the middle of a read
            raise cause from None
        if isinstance(cause, Unreadable):
            raise InputError("graph.bad_archive", path=self.source.path, detail=f"{cause.reason} {cause.value}")
        if isinstance(cause, SyntaxError | ValueError | OSError | EOFError | MemoryError):
            line = getattr(cause, "lineno", None)
            detail = str(getattr(cause, "msg", cause))[:TOLD]
            key = "graph.bad_line" if line else "graph.bad_file"
            values = {"path": self.source.path, "detail": detail} | ({"line": line} if line else {})
            raise InputError(key, **values) from error


def statements(source: Source, form: str, reading: Reading) -> "Iterator[Quad]":
    """Yields the statements of an open file, in order; InputError where it is broken."""
    with bad_content(source):
        if form in (CSV, TSV):
            if reading.mapping is None:
                raise UsageError("graph.mapping_missing", path=source.path)
            found = rows_of(source.stream, reading.mapping, form == TSV, source.leave_out)
        elif form == WIKIDATA:
            found = entities_of(source.stream, reading.languages, source.leave_out)
        else:
            if form == RDF_XML:
                _go_over(source.path)
            source.lined = form in LINED
            found = library().parse(source, format=rdf_format(form), base_iri=reading.base)
        yield from _settled(found, source, reading.graph)


def _settled(found: Any, source: Source, graph: str) -> "Iterator[Quad]":
    """Gives each blank node its lasting name, and each statement without a graph the one that was asked for."""
    kinds = library()
    place = kinds.NamedNode(graph) if graph else kinds.DefaultGraph()
    blank, default, triple = kinds.BlankNode, kinds.DefaultGraph(), kinds.Triple

    def change(term: Any) -> Any:
        if isinstance(term, blank):
            return blank(source.names.setdefault(term.value, f"{source.prefix}n{len(source.names)}"))
        if isinstance(term, triple):
            return triple(change(term.subject), term.predicate, change(term.object))
        return term

    for quad in found:
        subject, thing, where = quad.subject, quad.object, quad.graph_name
        moved = bool(graph) and where == default
        if moved or isinstance(subject, blank) or isinstance(thing, blank | triple) or isinstance(where, blank):
            where = place if moved else change(where)
            quad = kinds.Quad(change(subject), quad.predicate, change(thing), where)
        yield quad


def _go_over(path: Path) -> None:
    """Reads an XML file by the parser with limits first, for the one that knows RDF has none."""
    source = open_source(path)
    with source.raw, bad_content(source):
        for _ in safe_xml.events(source.stream, LONGEST_XML):
            pass
