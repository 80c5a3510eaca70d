"""SHACL's core, as far as it is understood here: what a file of shapes asks of a graph.

    targets      sh:targetNode, targetClass, targetSubjectsOf, targetObjectsOf; of a shape that is a class its members
    paths        a predicate, sh:inversePath, a sequence, sh:alternativePath
    constraints  class, datatype, nodeKind, minCount, maxCount, min- and maxInclusive, min- and maxExclusive,
                 minLength, maxLength, pattern, in, hasValue, languageIn, uniqueLang, equals, disjoint, lessThan,
                 lessThanOrEquals, closed, node, property, not, and, or, xone

Whatever else a file asks for (SPARQL, qualified shapes, repeated paths) is an error that names it: a rule that is not
understood is never passed over in silence.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textmill.apps.graph.terms import RDF, RDFS, library, short
from textmill.errors import InputError

SH = "http://www.w3.org/ns/shacl#"
VALUES = frozenset(
    (
        "class", "datatype", "nodeKind", "minCount", "maxCount", "minInclusive", "maxInclusive", "minExclusive",
        "maxExclusive", "minLength", "maxLength", "pattern", "hasValue", "uniqueLang", "equals", "disjoint",
        "lessThan", "lessThanOrEquals",
    )
)  # fmt: skip
"""Constraints whose value is a term."""
LISTS = frozenset(("in", "languageIn"))
SHAPES = frozenset(("node", "property", "not"))
SHAPE_LISTS = frozenset(("and", "or", "xone"))
TARGETS = frozenset(("targetNode", "targetClass", "targetSubjectsOf", "targetObjectsOf"))
PASSED_OVER = frozenset(("name", "description", "order", "group", "defaultValue", "flags", "path", "ignoredProperties",
                         "closed", "severity", "message", "deactivated"))  # fmt: skip
MOST_NESTED = 50

FORWARD, BACK, SEQUENCE, EITHER = "forward", "back", "sequence", "either"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A path from a node to others."""

    kind: str
    predicate: Any = None
    parts: tuple["Way", ...] = ()

    def __str__(self) -> str:
        if self.kind in (FORWARD, BACK):
            return ("^" if self.kind == BACK else "") + short(self.predicate.value)
        return ("/" if self.kind == SEQUENCE else "|").join(map(str, self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is asked of the nodes that it is held against, or, with a path, of what lies at its end."""

    name: str
    path: Way | None = None
    targets: tuple[tuple[str, Any], ...] = ()
    constraints: tuple[tuple[str, Any], ...] = ()
    """(name, value): a term, a tuple of terms, a Shape or a tuple of Shapes."""
    flags: str = ""
    closed: frozenset[Any] | None = None
    """The only predicates that a node may have; None for any."""
    severity: str = "Violation"
    messages: tuple[str, ...] = field(default=())


def read_shapes(paths: Iterable[Path]) -> list[Shape]:
    """Returns the shapes of some files that have targets; InputError for what is not understood."""
    from textmill.apps.graph.reading import Reading, format_of, open_source, statements

    found: list[Shape] = []
    for path in paths:
        source = open_source(path)
        with source.raw:
            dataset = library().Dataset(statements(source, format_of(path, Reading()), Reading()))
        reader = Reader(dataset, path)
        shapes = [reader.shape(node) for node in reader.roots()]
        if not shapes:
            raise InputError("graph.shapes_none", path=path)
        found += shapes
    return found


class Reader:
    """Makes shapes of one file's statements."""

    def __init__(self, dataset: Any, path: Path) -> None:
        self.kinds = library()
        self.dataset, self.path = dataset, path
        self.depth = 0

    def roots(self) -> list[Any]:
        """Returns the nodes with targets, in order of their names."""
        found = {quad.subject for quad in self.dataset if quad.predicate.value.removeprefix(SH) in TARGETS}
        classes = {self.kinds.NamedNode(RDFS + "Class"), self.kinds.NamedNode("http://www.w3.org/2002/07/owl#Class")}
        shape = self.kinds.NamedNode(SH + "NodeShape")
        for quad in self.dataset.quads_for_object(shape):
            if quad.predicate.value == RDF + "type" and classes & set(self.objects(quad.subject, RDF + "type")):
                found.add(quad.subject)
        return sorted(found, key=str)

    def objects(self, node: Any, predicate: str) -> list[Any]:
        """Returns what a predicate leads to, in order."""
        found = {quad.object for quad in self.dataset.quads_for_subject(node) if quad.predicate.value == predicate}
        return sorted(found, key=str)

    def one(self, node: Any, name: str) -> Any:
        """Returns the one value of a SHACL property, None for none."""
        return next(iter(self.objects(node, SH + name)), None)

    def shape(self, node: Any) -> Shape:
        """Returns the shape of a node."""
        self.depth += 1
        if self.depth > MOST_NESTED:
            raise self.bad(node, f"> {MOST_NESTED}")
        path = self.one(node, "path")
        deactivated = self.one(node, "deactivated")
        off = deactivated is not None and deactivated.value in ("true", "1")
        severity = self.one(node, "severity")
        made = Shape(
            name=str(node),
            path=self.way(path) if path is not None else None,
            targets=() if off else tuple(self.targets(node)),
            constraints=() if off else tuple(self.constraints(node)),
            flags=flag.value if (flag := self.one(node, "flags")) is not None else "",
            closed=None if off else self.closed(node),
            severity=severity.value.removeprefix(SH) if severity is not None else "Violation",
            messages=tuple(literal.value for literal in self.objects(node, SH + "message")),
        )
        self.depth -= 1
        return made

    def targets(self, node: Any) -> Iterable[tuple[str, Any]]:
        """Yields what a shape is held against."""
        for name in sorted(TARGETS):
            for value in self.objects(node, SH + name):
                yield name, value
        types = {kind.value for kind in self.objects(node, RDF + "type")}
        if types & {RDFS + "Class", "http://www.w3.org/2002/07/owl#Class"}:
            yield "targetClass", node

    def constraints(self, node: Any) -> Iterable[tuple[str, Any]]:
        """Yields what a shape asks for."""
        for quad in sorted(self.dataset.quads_for_subject(node), key=str):
            if not quad.predicate.value.startswith(SH):
                continue
            name, value = quad.predicate.value.removeprefix(SH), quad.object
            if name in VALUES:
                yield name, self.checked(node, name, value)
            elif name in LISTS:
                yield name, tuple(self.list_of(value))
            elif name in SHAPES:
                yield name, self.shape(value)
            elif name in SHAPE_LISTS:
                yield name, tuple(self.shape(each) for each in self.list_of(value))
            elif name not in PASSED_OVER and name not in TARGETS:
                raise self.bad(node, f"sh:{name}")

    def checked(self, node: Any, name: str, value: Any) -> Any:
        """Returns a constraint's value; InputError for one that cannot be held against anything."""
        try:
            if name == "pattern":
                re.compile(value.value)
            if name.endswith(("Count", "Length")) and int(value.value) < 0:
                raise ValueError(value.value)
        except (re.error, ValueError, RecursionError) as error:
            raise self.bad(node, f"sh:{name} {value} ({error})") from error
        return value

    def closed(self, node: Any) -> frozenset[Any] | None:
        """Returns the predicates that a closed shape allows."""
        flag = self.one(node, "closed")
        if flag is None or flag.value not in ("true", "1"):
            return None
        ignored = self.one(node, "ignoredProperties")
        listed = self.list_of(ignored) if ignored is not None else []
        paths = [self.one(each, "path") for each in self.objects(node, SH + "property")]
        return frozenset([*listed, *(path for path in paths if isinstance(path, self.kinds.NamedNode))])

    def way(self, node: Any) -> Way:
        """Returns a path."""
        if isinstance(node, self.kinds.NamedNode) and node.value != RDF + "nil":
            return Way(kind=FORWARD, predicate=node)
        inverse, either = self.one(node, "inversePath"), self.one(node, "alternativePath")
        if isinstance(inverse, self.kinds.NamedNode):
            return Way(kind=BACK, predicate=inverse)
        if either is not None:
            return Way(kind=EITHER, parts=tuple(self.way(each) for each in self.list_of(either)))
        if self.objects(node, RDF + "first"):
            return Way(kind=SEQUENCE, parts=tuple(self.way(each) for each in self.list_of(node)))
        said = [quad.predicate.value for quad in self.dataset.quads_for_subject(node)]
        raise self.bad(node, "sh:path " + ", ".join(name.replace(SH, "sh:") for name in said))

    def list_of(self, node: Any) -> list[Any]:
        """Returns the members of an RDF list."""
        found, seen = [], set()
        while node.value != RDF + "nil":
            first, rest = self.objects(node, RDF + "first"), self.objects(node, RDF + "rest")
            if node in seen or len(first) != 1 or len(rest) != 1:
                raise self.bad(node, "rdf:first, rdf:rest")
            seen.add(node)
            found.append(first[0])
            node = rest[0]
        return found

    def bad(self, node: Any, detail: str) -> InputError:
        """Returns the error for what is not understood."""
        return InputError("graph.shapes_unknown", path=self.path, shape=str(node)[:200], detail=detail[:200])
