"""The queries that a question can mean: few forms, each written as SPARQL and read back from it.

    SELECT DISTINCT ?answer WHERE { <e> <p> ?x1 . ?x1 <q> ?answer . } ORDER BY ?answer
    SELECT (COUNT(DISTINCT ?answer) AS ?number) WHERE { ... }
    SELECT DISTINCT ?answer WHERE { ... ?answer <q> ?value . FILTER(?value > 200) }
    SELECT DISTINCT ?answer WHERE { ... ?answer <q> ?value . } ORDER BY DESC(?value) LIMIT 1
    ASK WHERE { <e> <p> <f> . }

A query's shape is the query with its entities in slots (`<1>`, `<2>`): what is learned of questions is which shape they
ask for, and a shape that was learned of one entity is asked of another.
"""

from dataclasses import dataclass, replace

SELECT, COUNT, ASK = "select", "count", "ask"
ANSWER, VALUE, EXTRA = "?answer", "?value", "?extra"
SLOTS = ("<1>", "<2>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One predicate, walked forward or back."""

    predicate: str
    forward: bool

    def pattern(self, start: str, end: str) -> "Pattern":
        """Returns the triple pattern of the step."""
        ends = (start, end) if self.forward else (end, start)
        return Pattern(subject=ends[0], predicate=self.predicate, object=ends[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A triple pattern: `subject` and `object` as SPARQL writes them, the predicate's IRI bare."""

    subject: str
    predicate: str
    object: str

    def __str__(self) -> str:
        return f"{self.subject} <{self.predicate}> {self.object} ."


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query."""

    form: str = SELECT
    patterns: tuple[Pattern, ...]
    apart: tuple[tuple[str, str], ...] = ()
    """Pairs of terms that must not be the same: who shares a director with a film is another film."""
    operator: str = ""
    """Of a comparison of ?value with `bound`: < > <= >= =."""
    bound: str = ""
    """A literal as SPARQL writes it."""
    order: str = ""
    """"" | ASC | DESC: the first by ?value."""
    optional: Pattern | None = None
    """What is told of each answer where it is there."""

    @property
    def body(self) -> str:
        """What stands between the braces."""
        parts = [*map(str, self.patterns)]
        parts += [f"FILTER({one} != {other})" for one, other in self.apart]
        if self.operator:
            parts.append(f"FILTER({VALUE} {self.operator} {self.bound})")
        if self.optional is not None:
            parts.append(f"OPTIONAL {{ {self.optional} }}")
        return " ".join(parts)

    def sparql(self) -> str:
        """Returns the query as it is run."""
        if self.form == ASK:
            return f"ASK WHERE {{ {self.body} }}"
        if self.form == COUNT:
            return f"SELECT (COUNT(DISTINCT {ANSWER}) AS ?number) WHERE {{ {self.body} }}"
        extra = f" {EXTRA}" if self.optional is not None else ""
        order = f"ORDER BY {self.order}({VALUE}) {ANSWER} LIMIT 1" if self.order else f"ORDER BY {ANSWER}"
        return f"SELECT DISTINCT {ANSWER}{extra} WHERE {{ {self.body} }} {order}"

    def evidence(self, answer: str = "") -> str:
        """Returns the query for the triples that say so, of one answer (as SPARQL writes it) or of all."""
        patterns = " ".join(map(str, self.patterns))
        extra = f" {self.optional}" if self.optional is not None else ""
        values = f"VALUES {ANSWER} {{ {answer} }} " if answer else ""
        return f"CONSTRUCT {{ {patterns}{extra} }} WHERE {{ {values}{self.body} }}"

    def predicates(self) -> tuple[str, ...]:
        """Returns the predicates, in order."""
        return tuple(pattern.predicate for pattern in self.patterns)

    def entities(self) -> tuple[str, ...]:
        """Returns the IRIs of subjects and objects (classes too), in order, each once."""
        terms = (term for pattern in self.patterns for term in (pattern.subject, pattern.object))
        return tuple(dict.fromkeys(term[1:-1] for term in terms if term.startswith("<")))

    def renamed(self, names: dict[str, str]) -> "Query":
        """Returns the query with other terms in the places of some."""

        def pattern(given: Pattern) -> Pattern:
            start, end = names.get(given.subject, given.subject), names.get(given.object, given.object)
            return Pattern(subject=start, predicate=given.predicate, object=end)

        return replace(
            self,
            patterns=tuple(map(pattern, self.patterns)),
            apart=tuple((names.get(one, one), names.get(other, other)) for one, other in self.apart),
            optional=pattern(self.optional) if self.optional else None,
        )

    def shape(self, entities: tuple[str, ...]) -> "Query":
        """Returns the query with slots for these entities, and without the value that it compares with."""
        slots = {f"<{iri}>": slot for iri, slot in zip(entities, SLOTS, strict=False)}
        return replace(self.renamed(slots), bound="")

    def filled(self, entities: tuple[str, ...], bound: str = "") -> "Query":
        """Returns a shape with entities in its slots and a value to compare with."""
        terms = {slot: f"<{iri}>" for slot, iri in zip(SLOTS, entities, strict=False)}
        return replace(self.renamed(terms), bound=bound if self.operator else "")

    def slots(self) -> int:
        """Returns how many entities a shape needs."""
        terms = {term for pattern in self.patterns for term in (pattern.subject, pattern.object)}
        return sum(slot in terms for slot in SLOTS)


def path(start: str, steps: tuple[Step, ...], *, apart: bool | None = None) -> Query:
    """Returns the query along a path from `start` (a slot or <IRI>).

    `apart`: nothing on the way back is the start; by default where there are two steps or more, since "films of the
    director of X" means other films.
    """
    names = [start, *(f"?x{number}" for number in range(1, len(steps))), ANSWER]
    patterns = tuple(step.pattern(*names[at : at + 2]) for at, step in enumerate(steps))
    apart = len(steps) > 1 if apart is None else apart
    pairs = tuple((name, start) for name in names[2:]) if apart else ()
    return Query(patterns=patterns, apart=pairs)
