"""What may be said: classes, predicates, what stands on each side of them. TOML, or Turtle in RDFS's and OWL's words.

    namespace = "https://example.org/"
    [class.Town]
    label = { en = "town", zh = "镇" }
    [predicate.mayor]
    domain = "Town"
    range = "Person"               # a class, or one of string, integer, decimal, date, gYear
    most = 1                       # a subject has one at most
    label = { en = "mayor", zh = "镇长" }

A schema that contradicts itself is refused, with what contradicts what.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from textmill.apps.graph.chains import cycle
from textmill.apps.graph.terms import PREFIXES, RDF, RDFS, XSD, is_iri, library, local_name
from textmill.errors import InputError

LITERALS = ("string", "integer", "decimal", "date", "gYear")
OWL = PREFIXES["owl"]
NAME = re.compile(r"\w[\w-]{0,63}")
MOST_PREDICATES, MOST_CLASSES = 200, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """A kind of thing."""

    name: str
    iri: str
    above: tuple[str, ...] = ()
    """Names of the classes that it is a kind of."""
    disjoint: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """What may be said of a thing: of which class it is, and what the other side is."""

    name: str
    iri: str
    domain: str
    range: str
    """A class's name or one of LITERALS."""
    values: tuple[str, ...] = ()
    """The only texts that the object may be; () for any."""
    most: int = 0
    """Objects that a subject may have; 0: any number."""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Classes and predicates by name."""

    namespace: str
    classes: dict[str, Class]
    predicates: dict[str, Predicate]

    @property
    def digest(self) -> str:
        """A hash that changes whenever something else may be said."""
        told = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    def as_dict(self) -> dict[str, Any]:
        """Returns the schema as JSON has it; `from_dict` reads it again."""
        return asdict(self)

    def root(self, name: str) -> str:
        """Returns the topmost class above one (the first, where there are several)."""
        while self.classes[name].above:
            name = self.classes[name].above[0]
        return name

    def above(self, name: str) -> set[str]:
        """Returns a class and all that it is a kind of."""
        found, waiting = set[str](), [name]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.classes[one].above
        return found


def from_dict(given: dict[str, Any]) -> Schema:
    """Returns the schema that `Schema.as_dict` told."""

    def lists(item: dict[str, Any]) -> dict[str, Any]:
        return {key: tuple(value) if isinstance(value, list | tuple) else value for key, value in item.items()}

    return Schema(
        namespace=given["namespace"],
        classes={name: Class(**lists(item)) for name, item in given["classes"].items()},
        predicates={name: Predicate(**lists(item)) for name, item in given["predicates"].items()},
    )


def read_schema(path: Path) -> Schema:
    """Returns the schema in a file; InputError for one that cannot be read or contradicts itself."""
    try:
        text = path.read_text(encoding="utf-8")
        schema = of_toml(tomllib.loads(text)) if path.suffix.lower() == ".toml" else of_turtle(path)
    except OSError as error:
        raise InputError("graph.file_unreadable", path=path, detail=error.strerror or error) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # a TOML fault is a ValueError
        raise InputError("extract.schema", path=path, detail=str(error)[:300]) from error
    if problems := contradictions(schema):
        raise InputError("extract.schema_contradiction", path=path, detail="; ".join(problems[:5]))
    return schema


def of_toml(given: dict[str, Any]) -> Schema:
    """Returns the schema that a TOML file holds."""
    space = given.get("namespace", "https://example.org/")
    if not is_iri(space):
        raise ValueError(f"namespace: {space!r}")
    if unknown := sorted(given.keys() - {"namespace", "class", "predicate"}):
        raise ValueError(", ".join(unknown))
    classes = {
        name: Class(name=name, iri=space + name, above=names(item.get("subclass_of")),
                    disjoint=names(item.get("disjoint_with")), labels=dict(item.get("label", {})))
        for name, item in given.get("class", {}).items()
    }  # fmt: skip
    predicates = {
        name: Predicate(name=name, iri=space + name, domain=item["domain"], range=item.get("range", "string"),
                        values=names(item.get("values")), most=int(item.get("most", 0)),
                        labels=dict(item.get("label", {})))
        for name, item in given.get("predicate", {}).items()
    }  # fmt: skip
    return Schema(namespace=space, classes=classes, predicates=predicates)


def names(given: Any) -> tuple[str, ...]:
    """Returns one name or a list of them as a tuple."""
    return (given,) if isinstance(given, str) else tuple(str(name) for name in given or ())


def of_turtle(path: Path) -> Schema:
    """Returns the schema that RDF in the words of RDFS and OWL holds."""
    from textmill.apps.graph.reading import Reading, format_of, open_source, statements

    source = open_source(path)
    with source.raw:
        store = library().Dataset(statements(source, format_of(path, Reading()), Reading()))
    kinds = library()

    def objects(subject: Any, predicate: str) -> list[Any]:
        found = store.quads_for_subject(subject)
        return [quad.object for quad in found if quad.predicate.value == predicate]

    def of_type(*types: str) -> list[Any]:
        found = {quad.subject for quad in store if quad.predicate.value == RDF + "type" and quad.object.value in types}
        return sorted((node for node in found if isinstance(node, kinds.NamedNode)), key=lambda node: node.value)

    def labels(node: Any) -> dict[str, str]:
        return {label.language or "": label.value for label in objects(node, RDFS + "label")}

    def ends(node: Any, predicate: str) -> tuple[str, ...]:
        return tuple(sorted(local(item.value) for item in objects(node, predicate)))

    classes = {
        local(node.value): Class(name=local(node.value), iri=node.value, above=ends(node, RDFS + "subClassOf"),
                                 disjoint=ends(node, OWL + "disjointWith"), labels=labels(node))
        for node in of_type(RDFS + "Class", OWL + "Class")
    }  # fmt: skip
    properties = (RDF + "Property", OWL + "ObjectProperty", OWL + "DatatypeProperty", OWL + "FunctionalProperty")
    functional = {node.value for node in of_type(OWL + "FunctionalProperty")}
    predicates = {}
    for node in of_type(*properties):
        domain, ranges = ends(node, RDFS + "domain"), ends(node, RDFS + "range")
        if len(domain) != 1 or len(ranges) > 1:
            raise ValueError(f"{node.value}: rdfs:domain {domain}, rdfs:range {ranges}")
        name = local(node.value)
        predicates[name] = Predicate(name=name, iri=node.value, domain=domain[0], range=(ranges or ("string",))[0],
                                     most=int(node.value in functional), labels=labels(node))  # fmt: skip
    first = next(iter([*classes.values(), *predicates.values()]), None)
    space = re.sub(r"[^/#]*$", "", first.iri) if first else "https://example.org/"
    return Schema(namespace=space, classes=classes, predicates=predicates)


def local(iri: str) -> str:
    """Returns the end of an IRI as a name; of XML Schema's types their own."""
    return iri.removeprefix(XSD) if iri.startswith(XSD) else local_name(iri).replace(" ", "_")


def contradictions(schema: Schema) -> list[str]:
    """Returns what in a schema cannot be, each thing in a few words."""
    found = [] if schema.predicates else ["0 predicates"]
    found += [f"{len(schema.predicates)} predicates > {MOST_PREDICATES}"] * (len(schema.predicates) > MOST_PREDICATES)
    found += [f"{len(schema.classes)} classes > {MOST_CLASSES}"] * (len(schema.classes) > MOST_CLASSES)
    found += [f"name {name!r}" for name in (*schema.classes, *schema.predicates) if not NAME.fullmatch(name)]
    found += [f"class = predicate: {name}" for name in sorted(schema.classes.keys() & schema.predicates.keys())]
    found += [f"class = {name}" for name in LITERALS if name in schema.classes]
    for one in schema.classes.values():
        found += [f"{one.name} ⊂ {name}?" for name in (*one.above, *one.disjoint) if name not in schema.classes]
    for predicate in schema.predicates.values():
        if predicate.domain not in schema.classes:
            found.append(f"{predicate.name}: domain {predicate.domain}?")
        if predicate.range not in schema.classes and predicate.range not in LITERALS:
            found.append(f"{predicate.name}: range {predicate.range}?")
        if predicate.values and predicate.range != "string":
            found.append(f"{predicate.name}: values, range {predicate.range}")
        if predicate.most < 0:
            found.append(f"{predicate.name}: most = {predicate.most}")
    if found:
        return found
    chain = cycle({one.name: one.above for one in schema.classes.values()})
    return [" ⊂ ".join(chain)] if chain else list(clashes(schema))


def clashes(schema: Schema) -> Iterable[str]:
    """Yields the classes that are a kind of two things that nothing can be both of."""
    for name in schema.classes:
        above = schema.above(name)
        for one in sorted(above):
            for other in schema.classes[one].disjoint:
                if other in above:
                    yield f"{name} ⊂ {one}, {name} ⊂ {other}, {one} ∩ {other} = ∅"
