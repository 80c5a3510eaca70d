"""The queries that may be meant: from a linked entity one or two steps along what the graph has there.

    forward   <entity> <predicate> ?answer          back   ?answer <predicate> <entity>

Both directions, two steps in all four combinations. Labels and aliases are no steps; what is asked for is a thing or a
value, and its name is found afterwards.
"""

from dataclasses import dataclass

from textmill.apps.graph.answers import Limits
from textmill.apps.graph.store import EmbeddedGraph
from textmill.apps.graph.terms import NAME_PREDICATES

MOST_PATHS = 2000
LIMITS = Limits(seconds=5, rows=MOST_PATHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One predicate, walked forward or back."""

    predicate: str
    forward: bool

    def pattern(self, start: str, end: str) -> str:
        """Returns the triple pattern of the step."""
        return f"{start} <{self.predicate}> {end} ." if self.forward else f"{end} <{self.predicate}> {start} ."


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A path from an entity, and whether its answers are to be counted."""

    entity: str
    steps: tuple[Step, ...]
    count: bool = False

    def pattern(self) -> str:
        """Returns the triple patterns from the entity to ?answer."""
        names = [f"<{self.entity}>", *(f"?x{number}" for number in range(1, len(self.steps))), "?answer"]
        return " ".join(step.pattern(*names[at : at + 2]) for at, step in enumerate(self.steps))

    def sparql(self) -> str:
        """Returns the query."""
        body = f"{self.pattern()} FILTER(?answer != <{self.entity}>)"
        if self.count:
            return f"SELECT (COUNT(DISTINCT ?answer) AS ?number) WHERE {{ {body} }}"
        return f"SELECT DISTINCT ?answer WHERE {{ {body} }} ORDER BY ?answer"

    def evidence(self) -> str:
        """Returns the query for the triples that say so."""
        return f"CONSTRUCT {{ {self.pattern()} }} WHERE {{ {self.pattern()} FILTER(?answer != <{self.entity}>) }}"


def candidates(graph: EmbeddedGraph, entity: str) -> list[tuple[Step, ...]]:
    """Returns the paths of one and two steps that the graph has from an entity."""
    found: dict[tuple[Step, ...], None] = {}
    for directions in ((True,), (False,), (True, True), (True, False), (False, True), (False, False)):
        variables = [f"?p{number}" for number in range(len(directions))]
        names = [f"<{entity}>", *(f"?x{number}" for number in range(1, len(directions))), "?answer"]
        lines = []
        for at, forward in enumerate(directions):
            start, end = names[at : at + 2] if forward else names[at : at + 2][::-1]
            lines.append(f"{start} {variables[at]} {end} .")
        query = f"SELECT DISTINCT {' '.join(variables)} WHERE {{ {' '.join(lines)} FILTER(?answer != <{entity}>) }}"
        for row in graph.query(f"{query} LIMIT {MOST_PATHS}", LIMITS).rows:
            predicates = [row[name.removeprefix("?")]["value"] for name in variables]
            if not any(predicate in NAME_PREDICATES for predicate in predicates):
                steps = (Step(predicate=name, forward=way) for name, way in zip(predicates, directions, strict=True))
                found[tuple(steps)] = None
    return list(found)
