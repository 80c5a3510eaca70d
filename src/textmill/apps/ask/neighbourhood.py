"""What the graph has around an entity: paths of up to three steps, and where a path leads.

Read straight from the store, a node's statements at a time, with bounds on how many nodes of a path are looked at: what
is found is there, whether or not all of it is found. Names (rdfs:label and the like) are no steps.

    paths("riverton")   (mayor →) (mayor →, bornIn →) (in ←) (in ←, length →) ...
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from textmill.apps.ask.query import Pattern, Query, Step
from textmill.apps.graph import folding
from textmill.apps.graph.store import STORE, EmbeddedGraph, opened
from textmill.apps.graph.terms import NAME_PREDICATES, XSD, library

MOST_STEPS = 3
LOOKED_AT = 24
"""Nodes behind each path from which steps further on are looked for."""
EDGES = 400
"""Statements of a node that are looked at when paths are found, either way."""
REMEMBERED = 20_000
"""Nodes whose statements are kept in memory."""
MOST_PATHS = 4000
MOST_FOLLOWED = 5_000
"""Nodes on a way; one that leads to more is not followed to its end."""
NUMBERS = frozenset(XSD + name for name in ("integer", "decimal", "double", "float", "int", "long",
                                            "nonNegativeInteger", "positiveInteger"))  # fmt: skip
DATES = frozenset(XSD + name for name in ("date", "dateTime"))
YEARS = frozenset({XSD + "gYear"})
NUMBER, DATE, YEAR = "number", "date", "year"
Path = tuple[Step, ...]
Edge = tuple[str, bool, str, str]
"""Predicate, forward, the other node as SPARQL writes it, and what kind of value it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A path that the graph has from an entity."""

    steps: Path
    kinds: frozenset[str]
    """Kinds of values at its end: number, date, year; "" for what has no order."""
    ends: tuple[str, ...]
    """Some of what it leads to, as SPARQL writes it."""


class Neighbourhood:
    """Looks around in one graph as it lies there when this is made."""

    def __init__(self, graph: EmbeddedGraph) -> None:
        self._kinds = library()
        self._store = opened(lambda: self._kinds.Store.read_only(str(graph.folder / STORE)), graph.folder)
        self._known: OrderedDict[str, tuple[Edge, ...]] = OrderedDict()

    def edges(self, node: str) -> tuple[Edge, ...]:
        """Returns the statements of a node, each way at most `EDGES`, kept in memory; `node` as SPARQL writes it."""
        found = self._known.get(node)
        if found is None:
            found = tuple(self._edges(node, EDGES))
            self._known[node] = found
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _edges(self, node: str, most: int) -> Iterable[Edge]:
        if not node.startswith("<"):
            return
        term = self._kinds.NamedNode(node[1:-1])
        for forward in (True, False):
            seen: dict[str, int] = {}
            found = self._store.quads_for_pattern(*((term, None, None) if forward else (None, None, term)), None)
            for quad in islice(found, 10 * most):
                predicate = quad.predicate.value
                seen[predicate] = seen.get(predicate, 0) + 1
                if predicate in NAME_PREDICATES or seen[predicate] > most:
                    continue
                other = quad.object if forward else quad.subject
                yield predicate, forward, self._written(other), self._kind(other)

    def _written(self, term: Any) -> str:
        if isinstance(term, self._kinds.NamedNode):
            return f"<{term.value}>"
        return "_:" + term.value if isinstance(term, self._kinds.BlankNode) else str(term)

    def _kind(self, term: Any) -> str:
        if not isinstance(term, self._kinds.Literal):
            return ""
        datatype = term.datatype.value
        return NUMBER if datatype in NUMBERS else DATE if datatype in DATES else YEAR if datatype in YEARS else ""

    def paths(self, iri: str, most_steps: int = MOST_STEPS) -> list[Way]:
        """Returns the paths from an entity, the shorter first."""
        level: dict[Path, dict[str, str]] = {(): {f"<{iri}>": ""}}
        start = f"<{iri}>"
        found: list[Way] = []
        for _ in range(most_steps):
            further: dict[Path, dict[str, str]] = {}
            for steps, ends in level.items():
                for node in islice(ends, LOOKED_AT):
                    for predicate, forward, other, kind in self.edges(node):
                        step = Step(predicate=predicate, forward=forward)
                        if other == start:
                            continue
                        reached = further.setdefault((*steps, step), {})
                        if len(reached) < EDGES:
                            reached[other] = kind
            found += [
                Way(steps=steps, kinds=frozenset(ends.values()), ends=tuple(ends)) for steps, ends in further.items()
            ]
            if len(found) > MOST_PATHS:
                return found[:MOST_PATHS]
            level = further
        return found

    def has(self, predicate: str) -> bool:
        """True where the graph says something by this predicate."""
        node = self._kinds.NamedNode(predicate)
        return next(iter(self._store.quads_for_pattern(None, node, None, None)), None) is not None

    def holds(self, query: Query) -> bool:
        """True where the graph has what a query's patterns say, whatever is compared; False where that is not found
        among the first `LOOKED_AT` things of each."""
        return self._meets(list(query.patterns), {})

    def _meets(self, patterns: list[Pattern], bound: dict[str, str]) -> bool:
        if not patterns:
            return True
        here = next((each for each in patterns if _fixed(each, bound)), None)
        if here is None:
            return False
        rest = [each for each in patterns if each is not here]
        ends = [bound.get(term, term) for term in (here.subject, here.object)]
        forward = not ends[0].startswith("?")
        start, other = ends if forward else ends[::-1]
        found = self._along(start, Step(predicate=here.predicate, forward=forward))
        if not other.startswith("?"):
            return other in found and self._meets(rest, bound)
        return any(self._meets(rest, bound | {other: node}) for node in islice(found, LOOKED_AT))

    def follow(
        self, iri: str, steps: Path, *, apart: bool | None = None, within: frozenset[str] | None = None
    ) -> set[str] | None:
        """Returns the nodes at the end of a path, as SPARQL writes them; None where there are too many on the way.

        `apart` as in `query.path`; `within`: None as soon as it leads anywhere else.
        """
        apart = len(steps) > 1 if apart is None else apart
        start = f"<{iri}>"
        ends = {start}
        for number, step in enumerate(steps, start=1):
            further: set[str] = set()
            for node in ends:
                for other in self._along(node, step):
                    if apart and number > 1 and other == start:
                        continue
                    if within is not None and number == len(steps) and not self.same(other, within):
                        return None
                    further.add(other)
                if len(further) > MOST_FOLLOWED:
                    return None
            ends = further
        return ends

    @staticmethod
    def same(node: str, within: frozenset[str]) -> bool:
        """True where a node is one of these, a literal by its text."""
        return node in within or (node.startswith('"') and folding.fold(literal_text(node)) in within)

    def _along(self, node: str, step: Step) -> Iterable[str]:
        if not node.startswith("<"):
            return
        term, predicate = self._kinds.NamedNode(node[1:-1]), self._kinds.NamedNode(step.predicate)
        ends = (term, predicate, None) if step.forward else (None, predicate, term)
        for quad in self._store.quads_for_pattern(*ends, None):
            yield self._written(quad.object if step.forward else quad.subject)


def _fixed(pattern: Pattern, bound: dict[str, str]) -> bool:
    """True where one end of a pattern is known."""
    return any(not term.startswith("?") or term in bound for term in (pattern.subject, pattern.object))


def literal_text(node: str) -> str:
    """Returns the text of a literal as SPARQL writes it."""
    return node[1:].rpartition('"')[0] if node.startswith('"') else node
