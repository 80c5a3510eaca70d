"""The queries that may be meant: from the entities that were linked, along what the graph has there, as the cues say.

    a path              <e> mayor ?x1 . ?x1 bornIn ?answer            or how many there are
    with a value        ?answer in <e> . ?answer length ?value        the last by it, or those beyond a bound
    of two entities     ?answer director <e> . ?answer star <f>
    yes or no           <e> in <f>

Each follows paths that the graph was just seen to have, so that none names what is not there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from textmill.apps.ask.cues import Cues
from textmill.apps.ask.linking import Mention
from textmill.apps.ask.neighbourhood import Neighbourhood, Way
from textmill.apps.ask.query import ANSWER, ASK, COUNT, EXTRA, VALUE, Pattern, Query, Step, path

MOST_BOTH = 40
"""Ways of each of two entities that are held against the other's."""
Ends = list[tuple[Step, set[str]]]
"""Steps from an entity, and what each leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A query that may be meant, and of whom."""

    query: Query
    mentions: tuple[Mention, ...]
    entities: tuple[str, ...]
    """What each mention is taken for."""

    @property
    def shape(self) -> Query:
        """The query with its entities in slots."""
        return self.query.shape(self.entities)


def candidates(around: Neighbourhood, mentions: Sequence[Mention], cues: Cues, most_steps: int) -> Iterator[Candidate]:
    """Yields the queries from each entity, and those that two of them meet in."""
    for mention in mentions:
        for meaning in mention.matches:
            for query in of_one(meaning.iri, around.paths(meaning.iri, most_steps), cues):
                yield Candidate(query=query, mentions=(mention,), entities=(meaning.iri,))
    for at, first in enumerate(mentions[:3]):
        for second in mentions[at + 1 : 3]:
            for one in first.matches[:2]:
                for other in second.matches[:2]:
                    for query in of_two(around, one.iri, other.iri, cues):
                        both = (one.iri, other.iri)
                        yield Candidate(query=query, mentions=(first, second), entities=both)


def of_one(iri: str, ways: Sequence[Way], cues: Cues) -> Iterator[Query]:
    """Yields the queries from one entity."""
    start = f"<{iri}>"
    for way in ways:
        plain = path(start, way.steps)
        if cues.counting:
            yield replace(plain, form=COUNT)
        yield plain
        if len(way.steps) > 1 and way.steps[-1].forward:
            yield from with_value(path(start, way.steps[:-1]), way, cues)


def with_value(before: Query, way: Way, cues: Cues) -> Iterator[Query]:
    """Yields the queries that order, compare or tell what is one step on from the answers of another."""
    last = way.steps[-1].predicate
    valued = replace(before, patterns=(*before.patterns, Pattern(subject=ANSWER, predicate=last, object=VALUE)))
    for kind in sorted(way.kinds - {""}):
        if order := cues.way(kind):
            yield replace(valued, order=order)
        if bound := cues.literal(kind):
            compared = replace(valued, operator=cues.operator, bound=bound)
            yield replace(compared, form=COUNT) if cues.counting else compared
    if cues.beside:
        yield replace(before, optional=Pattern(subject=ANSWER, predicate=last, object=EXTRA))


def of_two(around: Neighbourhood, one: str, other: str, cues: Cues) -> Iterator[Query]:
    """Yields the queries that two entities meet in: what both lead to, and whether one leads to the other."""
    if one == other:
        return
    ends: list[Ends] = []
    for iri in (one, other):
        near = [way.steps for way in around.paths(iri, 1)][:MOST_BOTH]
        ends.append([(steps[0], around.follow(iri, steps) or set()) for steps in near])
    if cues.yes_no:
        yield from whether(one, other, *ends)
        yield from whether(other, one, *reversed(ends))
    for first, some in ends[0]:
        for second, others in ends[1]:
            if some & others:
                both = (first.pattern(f"<{one}>", ANSWER), second.pattern(f"<{other}>", ANSWER))
                query = Query(patterns=both)
                yield replace(query, form=COUNT) if cues.counting else query
                if cues.extreme or cues.operator:
                    values = [way for way in around.paths(one, 2) if way.steps[0] == first and way.steps[-1].forward]
                    yield from chain.from_iterable(with_value(query, way, cues) for way in values if len(way.steps) > 1)


def whether(start: str, end: str, out: Ends, back: Ends) -> Iterator[Query]:
    """Yields whether one thing leads to another, by any predicate that leads from the one and to the other: a "no" is
    only worth something where a "yes" could have been."""
    leading = {step.predicate for step, _ in back if not step.forward}
    for step, _ in out:
        if step.forward and step.predicate in leading:
            yield Query(form=ASK, patterns=(step.pattern(f"<{start}>", f"<{end}>"),))
