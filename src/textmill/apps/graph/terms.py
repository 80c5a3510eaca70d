"""The graph's words: well-known names, and terms as SPARQL's results in JSON write them.

A term is ``{"type": "uri" | "bnode" | "literal" | "triple", "value": …}``, a literal with ``xml:lang`` or ``datatype``
where it has one: the form in which a worker process, an endpoint and ``--json`` speak of it alike.
"""

import re
from typing import Any
from urllib.parse import unquote

from textmill.errors import MissingExtraError

Term = dict[str, Any]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
SCHEMA = "http://schema.org/"
PREFIXES = {
    "rdf": RDF,
    "rdfs": RDFS,
    "xsd": XSD,
    "skos": SKOS,
    "owl": "http://www.w3.org/2002/07/owl#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "schema": SCHEMA,
    "dct": "http://purl.org/dc/terms/",
    "wd": "http://www.wikidata.org/entity/",
    "wdt": "http://www.wikidata.org/prop/direct/",
    "tm": "urn:textmill:",
}
"""Known in every query without a PREFIX line."""

LABEL, ALIAS, LOCAL = 0, 1, 2
"""What a name is: the name, one of the others, or only the end of the IRI of what has no name."""
NAME_PREDICATES = {
    RDFS + "label": LABEL,
    SKOS + "prefLabel": LABEL,
    PREFIXES["foaf"] + "name": LABEL,
    SCHEMA + "name": LABEL,
    "https://schema.org/name": LABEL,
    SKOS + "altLabel": ALIAS,
    SKOS + "hiddenLabel": ALIAS,
    SCHEMA + "alternateName": ALIAS,
    "https://schema.org/alternateName": ALIAS,
    PREFIXES["foaf"] + "nick": ALIAS,
}
"""The predicates whose objects are names by which an entity is looked up."""

IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")
"""What may stand between < and > in SPARQL; the scheme must be there, for an IRI means nothing without one."""


def library() -> Any:
    """Returns pyoxigraph, or raises the error that says how to install it."""
    try:
        import pyoxigraph
    except ImportError as error:
        raise MissingExtraError("graph.no_pyoxigraph") from error
    return pyoxigraph


def is_iri(text: str) -> bool:
    """True when `text` can be written as <text> in a query and nothing else."""
    return IRI.fullmatch(text) is not None


def term_json(term: Any) -> Term:
    """Returns a pyoxigraph term in the form of SPARQL's JSON results."""
    kinds = library()
    if isinstance(term, kinds.NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, kinds.BlankNode):
        return {"type": "bnode", "value": term.value}
    if isinstance(term, kinds.Triple):
        parts = {name: term_json(getattr(term, name)) for name in ("subject", "predicate", "object")}
        return {"type": "triple", "value": parts}
    if term.language:
        return {"type": "literal", "value": term.value, "xml:lang": term.language}
    if term.datatype.value == XSD + "string":
        return {"type": "literal", "value": term.value}
    return {"type": "literal", "value": term.value, "datatype": term.datatype.value}


def local_name(iri: str) -> str:
    """Returns the end of an IRI as words: ``http://x.org/place#San_Marino`` is "San Marino"."""
    end = re.split(r"[/#:]", iri.rstrip("/#"))[-1]
    words = unquote(end, errors="replace").replace("_", " ")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words).strip() or iri


def written(term: Term) -> str:
    """Returns a term as N-Triples writes it."""
    kind, value = term["type"], term["value"]
    if kind == "uri":
        return f"<{value}>"
    if kind == "bnode":
        return f"_:{value}"
    if kind == "triple":
        return "<<( " + " ".join(written(value[name]) for name in ("subject", "predicate", "object")) + " )>>"
    quoted = re.sub(r"[\x00-\x1f\"\\\x7f]", _escaped, value)
    if language := term.get("xml:lang"):
        return f'"{quoted}"@{language}'
    return f'"{quoted}"^^<{term["datatype"]}>' if term.get("datatype") else f'"{quoted}"'


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
    return known.get(character) or f"\\u{ord(character):04X}"


def plain(term: Term) -> str:
    """Returns a term for people: an IRI with its well-known prefix, a literal's text."""
    kind, value = term["type"], term["value"]
    if kind == "uri":
        return short(value)
    if kind == "triple":
        return "« " + " ".join(plain(value[name]) for name in ("subject", "predicate", "object")) + " »"
    return f"_:{value}" if kind == "bnode" else value


def short(iri: str) -> str:
    """Returns an IRI with a well-known prefix, or as it is."""
    for prefix, start in PREFIXES.items():
        rest = iri[len(start) :]
        if iri.startswith(start) and re.fullmatch(r"[\w-]+", rest):
            return f"{prefix}:{rest}"
    return iri
