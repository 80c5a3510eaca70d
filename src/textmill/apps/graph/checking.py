"""Is a graph as its shapes and its own schema say? Each thing that is not, with the node, the path and the value.

Shapes are SHACL's (`shapes`). Without any, three rules that the graph states itself are held against it: no class is a
kind of itself (rdfs:subClassOf), nothing is of two classes at odds (owl:disjointWith), a functional property has one
value (owl:FunctionalProperty). All named graphs count as one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from textmill.apps.graph.chains import cycle
from textmill.apps.graph.shapes import BACK, EITHER, FORWARD, Shape, Way
from textmill.apps.graph.terms import PREFIXES, RDF, RDFS, XSD, library, short

OWL = PREFIXES["owl"]
TOLD = 200
NUMBERS = frozenset(
    XSD + name for name in ("integer", "decimal", "double", "float", "int", "long", "nonNegativeInteger")
)
KINDS = {"IRI": 1, "BlankNode": 2, "Literal": 4, "BlankNodeOrIRI": 3, "IRIOrLiteral": 5, "BlankNodeOrLiteral": 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    focus: str
    path: str
    value: str
    rule: str
    """The constraint, as sh:minCount; or subclass_cycle, disjoint, functional."""
    severity: str = "Violation"
    message: str = ""


class Checker:
    """A store, or anything else with `quads_for_pattern`, held against shapes."""

    def __init__(self, store: Any) -> None:
        self.store, self.kinds = store, library()
        self.below: dict[Any, frozenset[Any]] = {}

    def check(self, shapes: Iterable[Shape]) -> Iterator[Finding]:
        """Yields what the shapes find, in their order."""
        for shape in shapes:
            for focus in self.targeted(shape):
                yield from self.held(shape, focus)

    def rules(self) -> Iterator[Finding]:
        """Yields what is against the graph's own schema."""
        above: dict[str, set[str]] = {}
        for low, high in self.pairs(RDFS + "subClassOf"):
            above.setdefault(str(low), set()).add(str(high))
            above.setdefault(str(high), set())
        if chain := cycle(above):
            yield Finding(
                focus=told(chain[0]), path="rdfs:subClassOf", value=told(" ⊂ ".join(chain)), rule="subclass_cycle"
            )
        for one, other in self.pairs(OWL + "disjointWith"):
            for node in self.members(one) & self.members(other):
                yield Finding(focus=told(node), path="rdf:type", value=told(f"{one} ∩ {other}"), rule="disjoint")
        for node in self.subjects(RDF + "type", OWL + "FunctionalProperty"):
            values: dict[Any, set[Any]] = {}
            for subject, thing in self.pairs(node.value):
                values.setdefault(subject, set()).add(thing)
            for subject, things in values.items():
                if len(things) > 1:
                    said = told(", ".join(sorted(map(str, things))))
                    yield Finding(focus=told(subject), path=short(node.value), value=said, rule="functional")

    def targeted(self, shape: Shape) -> list[Any]:
        """Returns the nodes that a shape is held against, in order, each once."""
        found: dict[Any, None] = {}
        for kind, value in shape.targets:
            if kind == "targetNode":
                nodes: Iterable[Any] = [value]
            elif kind == "targetClass":
                nodes = self.members(value)
            else:
                at = 0 if kind == "targetSubjectsOf" else 1
                nodes = {pair[at] for pair in self.pairs(value.value)}
            found |= dict.fromkeys(sorted(nodes, key=str))
        return list(found)

    def held(self, shape: Shape, focus: Any) -> Iterator[Finding]:
        """Yields what is wrong with a node by a shape."""
        values = list(dict.fromkeys(self.reached(focus, shape.path))) if shape.path else [focus]
        for name, wanted in shape.constraints:
            if name in ("node", "property"):
                yield from (found for value in values for found in self._nested(shape, name, wanted, focus, value))
                continue
            for value in WHOLE[name](self, values, wanted, shape, focus) if name in WHOLE else (
                value for value in values if not self.fits(name, value, wanted, shape)
            ):  # fmt: skip
                yield self.finding(shape, focus, value, f"sh:{name}")
        if shape.closed is not None:
            for value in values:
                for quad in self.store.quads_for_pattern(value, None, None, None):
                    if quad.predicate not in shape.closed:
                        yield self.finding(shape, value, quad.object, "sh:closed", short(quad.predicate.value))

    def _nested(self, shape: Shape, name: str, wanted: Shape, focus: Any, value: Any) -> Iterator[Finding]:
        """Yields what an inner shape finds: a property's findings as they are, a node's as one of the outer's."""
        if isinstance(value, self.kinds.Literal) and name == "property":
            return
        if name == "property":
            yield from self.held(wanted, value)
        elif next(self.held(wanted, value), None) is not None:
            yield self.finding(shape, focus, value, "sh:node")

    def finding(self, shape: Shape, focus: Any, value: Any, rule: str, path: str = "") -> Finding:
        """Returns a finding in words."""
        return Finding(focus=told(focus), path=path or (str(shape.path) if shape.path else ""),
                       value=told(value) if value is not None else "", rule=rule, severity=shape.severity,
                       message="; ".join(shape.messages))  # fmt: skip

    def reached(self, node: Any, way: Way) -> Iterator[Any]:
        """Yields the nodes at the end of a path."""
        if way.kind == FORWARD:
            if not isinstance(node, self.kinds.Literal):
                for quad in self.store.quads_for_pattern(node, way.predicate, None, None):
                    yield quad.object
        elif way.kind == BACK:
            for quad in self.store.quads_for_pattern(None, way.predicate, node, None):
                yield quad.subject
        elif way.kind == EITHER:
            for part in way.parts:
                yield from self.reached(node, part)
        else:
            nodes = [node]
            for part in way.parts:
                nodes = list(dict.fromkeys(end for start in nodes for end in self.reached(start, part)))
            yield from nodes

    def fits(self, name: str, value: Any, wanted: Any, shape: Shape) -> bool:
        """True where a value is as a constraint on single values wants it."""
        literal = isinstance(value, self.kinds.Literal)
        if name == "class":
            return not literal and value in self.members(wanted)
        if name == "datatype":
            return literal and value.datatype == wanted and well_formed(value)
        if name == "nodeKind":
            bit = 4 if literal else 1 if isinstance(value, self.kinds.NamedNode) else 2
            return bool(bit & KINDS.get(wanted.value.rpartition("#")[2], 0))
        if name in ("minInclusive", "maxInclusive", "minExclusive", "maxExclusive"):
            order = compared(value, wanted) if literal else None
            if order == 0:
                return name.endswith("Inclusive")
            return order == (1 if name.startswith("min") else -1)
        if name in ("minLength", "maxLength", "pattern"):
            if isinstance(value, self.kinds.BlankNode):
                return False
            if name == "pattern":
                flags = re.IGNORECASE if "i" in shape.flags else 0
                return re.search(wanted.value, value.value, flags) is not None
            length = len(value.value)
            return length >= int(wanted.value) if name == "minLength" else length <= int(wanted.value)
        if name == "in":
            return value in wanted
        if name == "languageIn":
            ranges = [item.value.lower() for item in wanted]
            tag = (value.language or "").lower() if literal else ""
            return any(tag == item or tag.startswith(item + "-") for item in ranges)
        passed = [next(self.held(each, value), None) is None for each in (wanted if name != "not" else (wanted,))]
        count, every = sum(passed), len(passed)
        return {"not": count == 0, "and": count == every, "or": count > 0, "xone": count == 1}[name]

    def members(self, kind: Any) -> frozenset[Any]:
        """Returns the nodes of a class and of all that are a kind of it."""
        if kind not in self.below:
            classes, waiting = set[Any](), [kind]
            while waiting:
                one = waiting.pop()
                if one not in classes:
                    classes.add(one)
                    waiting += self.subjects(RDFS + "subClassOf", one.value)
            self.below[kind] = frozenset(
                node for each in classes for node in self.subjects(RDF + "type", each.value)
            )  # fmt: skip
        return self.below[kind]

    def subjects(self, predicate: str, thing: str) -> list[Any]:
        """Returns the subjects of a predicate and an object."""
        pattern = (None, self.kinds.NamedNode(predicate), self.kinds.NamedNode(thing), None)
        return [quad.subject for quad in self.store.quads_for_pattern(*pattern)]

    def pairs(self, predicate: str) -> list[tuple[Any, Any]]:
        """Returns the (subject, object) of a predicate."""
        found = self.store.quads_for_pattern(None, self.kinds.NamedNode(predicate), None, None)
        return [(quad.subject, quad.object) for quad in found]


def _too_few(_: Checker, values: list[Any], wanted: Any, *__: Any) -> list[Any]:
    return [None] if len(values) < int(wanted.value) else []


def _too_many(_: Checker, values: list[Any], wanted: Any, *__: Any) -> list[Any]:
    return values[int(wanted.value) :]


def _has(_: Checker, values: list[Any], wanted: Any, *__: Any) -> list[Any]:
    return [] if wanted in values else [wanted]


def _unique(checker: Checker, values: list[Any], wanted: Any, *_: Any) -> list[Any]:
    if wanted.value not in ("true", "1"):
        return []
    tags = [value.language.lower() for value in values if isinstance(value, checker.kinds.Literal) and value.language]
    return [None] if len(tags) != len(set(tags)) else []


def _others(checker: Checker, wanted: Any, focus: Any) -> list[Any]:
    return list(checker.reached(focus, Way(kind=FORWARD, predicate=wanted)))


def _equal(checker: Checker, values: list[Any], wanted: Any, _: Shape, focus: Any) -> list[Any]:
    return sorted(set(values) ^ set(_others(checker, wanted, focus)), key=str)


def _apart(checker: Checker, values: list[Any], wanted: Any, _: Shape, focus: Any) -> list[Any]:
    return sorted(set(values) & set(_others(checker, wanted, focus)), key=str)


def _less(checker: Checker, values: list[Any], wanted: Any, _: Shape, focus: Any) -> list[Any]:
    others = _others(checker, wanted, focus)
    return [one for one in values if any((order := compared(one, two)) is None or order >= 0 for two in others)]


def _at_most(checker: Checker, values: list[Any], wanted: Any, _: Shape, focus: Any) -> list[Any]:
    others = _others(checker, wanted, focus)
    return [one for one in values if any((order := compared(one, two)) is None or order > 0 for two in others)]


WHOLE: dict[str, Any] = {
    "minCount": _too_few, "maxCount": _too_many, "hasValue": _has, "uniqueLang": _unique, "equals": _equal,
    "disjoint": _apart, "lessThan": _less, "lessThanOrEquals": _at_most,
}  # fmt: skip
"""Constraints on all values of a path together; each gives the values that are wrong (None: what is missing)."""


def well_formed(literal: Any) -> bool:
    """True where a value is one of its datatype's, as far as the datatype is known."""
    from textmill.apps.graph.tables import FORMS

    form = FORMS.get(literal.datatype.value.removeprefix(XSD)) if literal.datatype.value.startswith(XSD) else None
    return form is None or form.fullmatch(literal.value) is not None


def compared(one: Any, other: Any) -> int | None:
    """Returns -1, 0 or 1 for two values in order; None for what has no order between them."""
    from decimal import Decimal, InvalidOperation

    kinds = library()
    if not isinstance(one, kinds.Literal) or not isinstance(other, kinds.Literal):
        return None
    if {one.datatype.value, other.datatype.value} <= NUMBERS:
        try:
            first, second = Decimal(one.value), Decimal(other.value)
            return (first > second) - (first < second)
        except (InvalidOperation, ValueError):
            return None
    if one.datatype != other.datatype or one.language:
        return None
    return (one.value > other.value) - (one.value < other.value)


def told(term: Any) -> str:
    """Returns a term for people, cut where it is long."""
    text = str(term)
    inner = text[1:-1] if text.startswith("<") and text.endswith(">") and " " not in text else text
    return (short(inner) if inner != text else text)[:TOLD]
