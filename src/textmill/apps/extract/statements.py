"""From what was proposed to what stands in the graph: a pure function of document, proposals, schema and merges.

In the named graph of its document (urn:textmill:document:ID) each statement stands with

    subject predicate object .                          subject rdf:type Class ; rdfs:label "its words"@language .
    _:s… rdf:reifies <<( subject predicate object )>> ; tm:document, tm:start, tm:end, tm:quote, tm:date, tm:model,
         tm:confidence                                  RDF 1.2: a statement about the statement

An entity's IRI is made of its topmost class and its name as `folding.fold` compares it, so that two documents that
name the same thing alike speak of one entity without having to know of each other. An entity that was merged into
another is replaced by it, and its name becomes an alias.
"""

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from textmill.apps.extract.ledger import Merge, Read
from textmill.apps.extract.proposals import Proposal
from textmill.apps.extract.schema import LITERALS, Schema
from textmill.apps.graph import folding
from textmill.apps.graph.tables import UNSAFE
from textmill.apps.graph.terms import PREFIXES, RDF, RDFS, SKOS, XSD, library
from textmill.data.sentences import HAN
from textmill.data.sentences import ends as sentence_ends

TM = PREFIXES["tm"]
DOCUMENT = TM + "document:"
SCHEMA_GRAPH = TM + "schema"
ARTICLE = re.compile(r"^(?:the|a|an) +(?=\S)", re.IGNORECASE)
POSSESSIVE = re.compile(r"['’]s$")


def entity_iri(schema: Schema, name: str, kind: str) -> str:
    """Returns the IRI of what a text calls `name`; articles, case and width do not count."""
    plain = POSSESSIVE.sub("", ARTICLE.sub("", folding.fold(name))) or folding.fold(name)
    safe = UNSAFE.sub(lambda sign: quote(sign[0]), plain.replace(" ", "_"))
    return f"{schema.namespace}{schema.root(kind)}/{safe}"


def resolver(merges: Iterable[Merge]) -> Callable[[str], str]:
    """Returns the function from an entity to the one that it was merged into."""
    into = {merge.gone: merge.kept for merge in merges}

    def resolve(iri: str) -> str:
        for _ in range(len(into)):
            if iri not in into:
                break
            iri = into[iri]
        return iri

    return resolve


def schema_quads(schema: Schema) -> list[Any]:
    """Returns the names of classes and predicates and what is a kind of what, in a named graph of their own."""
    kinds = library()
    place = kinds.NamedNode(SCHEMA_GRAPH)
    found = []

    def say(subject: str, predicate: str, thing: Any) -> None:
        found.append(kinds.Quad(kinds.NamedNode(subject), kinds.NamedNode(predicate), thing, place))

    for one in (*schema.classes.values(), *schema.predicates.values()):
        for language, label in sorted((one.labels or {"": one.name.replace("_", " ")}).items()):
            say(one.iri, RDFS + "label", _text(label, language))
    for one in schema.classes.values():
        for above in one.above:
            say(one.iri, RDFS + "subClassOf", kinds.NamedNode(schema.classes[above].iri))
    return found


class Maker:
    """Makes the statements of one document."""

    def __init__(self, document: Read, schema: Schema, resolve: Callable[[str], str]) -> None:
        self.document, self.schema, self.resolve = document, schema, resolve
        self.kinds = library()
        self.place = self.kinds.NamedNode(DOCUMENT + document.id)
        self.cuts = list(sentence_ends(document.text))
        self.quads: dict[Any, None] = {}
        self.mentions: dict[str, str] = {}
        """Entities before any merge, and the class of each."""
        self.given: dict[tuple[str, str], set[str]] = {}
        self.statements = 0
        self.left_out = 0
        """Statements that the schema forbids: one too many, or of a thing that would be of two classes at odds."""

    def add(self, start: int, proposals: Iterable[Proposal]) -> None:
        """Takes in what was proposed for the part that begins at `start`."""
        for one in proposals:
            self._add(start, one)

    def _add(self, start: int, one: Proposal) -> None:
        predicate, text = self.schema.predicates[one.predicate], self.document.text
        first = (start + one.subject[0], start + one.subject[1])
        second = (start + one.object[0], start + one.object[1]) if one.object else first
        subject_name = text[slice(*first)]
        subject = entity_iri(self.schema, subject_name, predicate.domain)
        literal = predicate.range in LITERALS
        thing = one.value if literal else entity_iri(self.schema, one.value, predicate.range)
        have = self.given.setdefault((self.resolve(subject), one.predicate), set())
        if (predicate.most and len(have | {thing}) > predicate.most) or not self._fits(subject, predicate.domain):
            self.left_out += 1
            return
        if not literal and (thing == subject or not self._fits(thing, predicate.range)):
            self.left_out += 1
            return
        have.add(thing)
        node = self._entity(subject, subject_name, predicate.domain)
        target = self._value(one.value, predicate.range) if literal else (
            self._entity(thing, text[slice(*second)], predicate.range)
        )  # fmt: skip
        said = self.kinds.NamedNode(predicate.iri)
        self._say(node, said, target)
        self.statements += 1
        self._reify(self.kinds.Triple(node, said, target), quoted(text, self.cuts, first, second), one.confidence)

    def _fits(self, iri: str, kind: str) -> bool:
        """True where what is known of an entity in this document does not keep it from being of a class."""
        known = self.mentions.get(iri)
        if known is None:
            return True
        above = self.schema.above(known) | self.schema.above(kind)
        return not any(other in above for name in above for other in self.schema.classes[name].disjoint)

    def _say(self, subject: Any, predicate: Any, thing: Any) -> None:
        self.quads[self.kinds.Quad(subject, predicate, thing, self.place)] = None

    def _entity(self, iri: str, name: str, kind: str) -> Any:
        """Returns an entity's node, and says what it is and what it is called."""
        self.mentions.setdefault(iri, kind)
        kept = self.resolve(iri)
        node = self.kinds.NamedNode(kept)
        words = ARTICLE.sub("", " ".join(name.split()))
        naming = RDFS + "label" if kept == iri else SKOS + "altLabel"
        self._say(node, self.kinds.NamedNode(RDF + "type"), self.kinds.NamedNode(self.schema.classes[kind].iri))
        self._say(node, self.kinds.NamedNode(naming), _text(words, "zh" if HAN.search(words) else ""))
        return node

    def _value(self, text: str, kind: str) -> Any:
        if kind == "string":
            return _text(text, "zh" if HAN.search(text) else "")
        return self.kinds.Literal(text, datatype=self.kinds.NamedNode(XSD + kind))

    def _reify(self, triple: Any, place: tuple[int, int], confidence: float) -> None:
        """Says where and by whom a statement was found."""
        kinds, document = self.kinds, self.document
        start, end = place
        told = f"{document.id} {start} {end} {triple}"
        node = kinds.BlankNode("s" + hashlib.sha256(told.encode()).hexdigest()[:24])
        integer, decimal = kinds.NamedNode(XSD + "integer"), kinds.NamedNode(XSD + "decimal")
        values = {
            "document": kinds.Literal(document.place),
            "start": kinds.Literal(str(start), datatype=integer),
            "end": kinds.Literal(str(end), datatype=integer),
            "quote": kinds.Literal(document.text[start:end]),
            "date": _date(document.date),
            "model": kinds.Literal(document.model),
            "confidence": kinds.Literal(f"{confidence:.4f}", datatype=decimal),
        }
        self._say(node, kinds.NamedNode(RDF + "reifies"), triple)
        for name, value in values.items():
            self._say(node, kinds.NamedNode(TM + name), value)


def quoted(text: str, cuts: list[int], first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    """Returns the place of the sentences in a row in which both places lie; `cuts`: where sentences end."""
    low, high = min(first[0], second[0]), max(first[1], second[1])
    at = bisect_right(cuts, low)
    start = cuts[at - 1] if at else 0
    after = bisect_left(cuts, high)
    piece = text[start : cuts[after] if after < len(cuts) else len(text)]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _text(text: str, language: str) -> Any:
    kinds = library()
    return kinds.Literal(text, language=language) if language else kinds.Literal(text)


def _date(date: str) -> Any:
    kinds = library()
    day = re.match(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?!\d)", date)
    return kinds.Literal(day[0], datatype=kinds.NamedNode(XSD + "date")) if day else kinds.Literal(date)
