"""Wikidata's JSON dump, an entity a line, as the statements that its own RDF calls truthy.

    "labels", "aliases", "descriptions"   rdfs:label, skos:altLabel, schema:description in the languages asked for
    "claims"                              wdt:P… of the best rank; deprecated ones and "no value" say nothing
    a property                            its labels also for wdt:P…, so that predicates have names

The dump is one JSON list of a hundred gigabytes, written a line an entity, and is read so. A line that is broken is
left out and counted.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from textmill.apps.graph.terms import PREFIXES, RDFS, SCHEMA, SKOS, XSD, is_iri, library
from textmill.data.streams import json_lines

if TYPE_CHECKING:
    from pyoxigraph import Quad

Languages = tuple[str, ...]
LONGEST_LINE = 64 << 20
"""Bytes; the longest entities have some megabytes."""
ID = re.compile(r"[QPL]\d+(-[FS]\d+)?")
START = re.compile(rb'\s*\[?\s*\{\s*"(?:type|id|pageid)"\s*:')
TIME = re.compile(r"([+-])(\d{4,16})-(\d\d)-(\d\d)T00:00:00Z")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
WKT = "http://www.opengis.net/ont/geosparql#wktLiteral"


def looks_like_dump(head: bytes) -> bool:
    """True when a file begins as a dump does."""
    return START.match(head) is not None and (b'"labels"' in head or b'"claims"' in head or b'"id":"Q' in head)


def entities_of(stream: BinaryIO, languages: Languages, leave_out: Callable[[str], None]) -> "Iterator[Quad]":
    """Yields the statements of a dump."""
    for record in json_lines(stream, LONGEST_LINE):
        if record.problem:
            leave_out(f"{record.position}: {record.problem}")
            continue
        line = record.value.strip().removeprefix(b"[").removesuffix(b"]").strip().removesuffix(b",")
        if not line:
            continue
        try:
            entity = json.loads(line)
            yield from statements_of(entity, languages, leave_out)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            leave_out(f"{record.position}: {type(error).__name__}: {str(error)[:80]}")


def statements_of(entity: dict[str, Any], languages: Languages, leave_out: Callable[[str], None]) -> "list[Quad]":
    """Returns the statements of one entity."""
    kinds = library()
    name = entity["id"]
    if not ID.fullmatch(name):
        raise ValueError(f"id {name!r}")
    subject = kinds.NamedNode(PREFIXES["wd"] + name)
    also = (kinds.NamedNode(PREFIXES["wdt"] + name),) if name.startswith("P") else ()
    quads = []
    for predicate, text, language in _texts(entity, languages):
        literal = kinds.Literal(text, language=language)
        quads += [kinds.Quad(node, kinds.NamedNode(predicate), literal) for node in (subject, *also)]
    for number, claims in (entity.get("claims") or {}).items():
        predicate = kinds.NamedNode(PREFIXES["wdt"] + number)
        for value in _best(claims):
            term = _term(kinds, value)
            if term is None:
                leave_out(f"{name} {number}: {str(value)[:80]}")
            else:
                quads.append(kinds.Quad(subject, predicate, term))
    return quads


def _texts(entity: dict[str, Any], languages: Languages) -> Iterator[tuple[str, str, str]]:
    for part, predicate in (("labels", RDFS + "label"), ("descriptions", SCHEMA + "description")):
        for language, value in (entity.get(part) or {}).items():
            if language in languages:
                yield predicate, value["value"], language
    for language, values in (entity.get("aliases") or {}).items():
        if language in languages:
            for value in values:
                yield SKOS + "altLabel", value["value"], language


def _best(claims: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the values of the preferred claims, else of the normal ones; what has no value has none here."""
    ranks = {claim.get("rank", "normal") for claim in claims}
    best = "preferred" if "preferred" in ranks else "normal"
    chosen = [claim["mainsnak"] for claim in claims if claim.get("rank", "normal") == best]
    return [snak["datavalue"] for snak in chosen if snak.get("snaktype") == "value"]


def _term(kinds: Any, value: dict[str, Any]) -> Any:
    """Returns a value as a term, None for one that cannot be."""
    kind, content = value["type"], value["value"]
    if kind == "wikibase-entityid":
        name = content.get("id") or f"Q{content['numeric-id']}"
        return kinds.NamedNode(PREFIXES["wd"] + name) if ID.fullmatch(name) else None
    if kind == "string":
        return kinds.NamedNode(content) if content.startswith(("http://", "https://")) and is_iri(content) else (
            kinds.Literal(content)
        )  # fmt: skip
    if kind == "monolingualtext":
        return kinds.Literal(content["text"], language=content["language"])
    if kind == "quantity":
        amount = content["amount"].removeprefix("+")
        return kinds.Literal(amount, datatype=kinds.NamedNode(XSD + "decimal")) if NUMBER.fullmatch(amount) else None
    if kind == "globecoordinate":
        return kinds.Literal(f"Point({content['longitude']} {content['latitude']})", datatype=kinds.NamedNode(WKT))
    return _time(kinds, content) if kind == "time" else None


def _time(kinds: Any, content: dict[str, Any]) -> Any:
    """Returns a point in time as far as it is known: a day, a month, a year; None for centuries and the like."""
    match = TIME.fullmatch(content["time"])
    if not match:
        return None
    sign, year, month, day = match.groups()
    year = ("-" if sign == "-" else "") + year[-max(4, len(year.lstrip("0"))) :]
    forms = {11: (f"{year}-{month}-{day}", "date"), 10: (f"{year}-{month}", "gYearMonth"), 9: (year, "gYear")}
    if content.get("precision") not in forms:
        return None
    text, datatype = forms[content["precision"]]
    return kinds.Literal(text, datatype=kinds.NamedNode(XSD + datatype))
