"""From pairs to lessons: which query a question was about, and which others it could have been.

    question + SPARQL      the query is read; its entities are those that the question names
    question + answers     the paths around the named entities that lead to just these answers; of several, the one that
                           explains most of the other questions

Lessons set the query beside shapes that others were about, what else is around its entity, and what is around other
things that the question names.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from textmill.apps.ask.candidates import Candidate
from textmill.apps.ask.cues import cues_of
from textmill.apps.ask.linking import Mention, link
from textmill.apps.ask.neighbourhood import Neighbourhood, Path, literal_text
from textmill.apps.ask.query import SLOTS, Query, path
from textmill.apps.ask.trained import Reader, groups_of, meanings_of
from textmill.apps.ask.training import Lesson
from textmill.apps.ask.weighing import WordsAlone, masked
from textmill.apps.graph import folding
from textmill.apps.graph.names import EXACT, Match
from textmill.apps.graph.store import EmbeddedGraph

LOOKED_THROUGH = 200
"""Questions whose surroundings are looked through to find out which paths lead to answers at all."""
MOST_SHAPES = 400
MOST_RIGHT = 4
MOST_NEARLY = 40
"""Frequent paths of one step that may lead to more than the answers: graphs merge things of one name."""
FREQUENT, RANDOM, NEAR, ELSEWHERE = 12, 6, 8, 6
"""Options beside the right one: frequent and random learned shapes, paths around, and of what else is named."""
UNLINKED, NO_PATH, NO_FORM = "unlinked", "no_path", "no_form"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question with its query, or with its answers."""

    question: str
    query: Query | None = None
    answers: tuple[str, ...] = ()
    held_out: bool = False
    entities: tuple[str, ...] = ()
    """Whom it is about, where that is known already."""


@dataclass(slots=True)
class Understood:
    """A pair whose query is known, and its mentions."""

    pair: Pair
    mentions: list[Mention]
    meant: tuple[Candidate, ...]
    """One, or those that lead to the same answers."""


@dataclass(slots=True)
class Teacher:
    """Makes lessons on one graph."""

    graph: EmbeddedGraph
    left_out: Counter[str] = field(default_factory=Counter)
    around: Neighbourhood = field(init=False)
    reader: Reader = field(init=False)
    _places: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.around = Neighbourhood(self.graph)
        self.reader = Reader(WordsAlone(self.graph))

    # ---- which query was meant

    def understood(self, pairs: Sequence[Pair], progress: Progress = lambda done, total: None) -> list[Understood]:
        """Returns the pairs that can be learned from; the others are counted."""
        linked = [(pair, self.mentions(pair)) for pair in pairs]
        common = self._common([(pair, found) for pair, found in linked if pair.query is None and found])
        made = []
        for number, (pair, mentions) in enumerate(linked, start=1):
            if pair.query is not None:
                meant, why = of_query(pair.query, mentions), UNLINKED
            elif mentions:
                meant, why = self._leading(pair, mentions, common), NO_PATH
            else:
                meant, why = (), UNLINKED
            if not meant:
                self.left_out[why] += 1
            else:
                made.append(Understood(pair, mentions, meant))
            progress(number, len(linked))
        return made

    def mentions(self, pair: Pair) -> list[Mention]:
        """Returns what a question names; what it is known to be about, wherever it stands in it."""
        if not pair.entities:
            return link(self.graph, pair.question)
        return [given_mention(self.graph, pair.question, iri) for iri in pair.entities]

    def answers_of(self, answers: Sequence[str]) -> list[frozenset[str]]:
        """Returns for each answer the nodes that it may be, as SPARQL writes them."""
        found = []
        for text in answers:
            if text not in self._places:
                named = {f"<{match.iri}>" for match in self.graph.index.exactly(folding.fold(text))}
                self._places[text] = frozenset(named | {f"<{text}>", folding.fold(text)})
            found.append(self._places[text])
        return found

    def leads(self, iri: str, shape: Query, steps: Path, wanted: Sequence[frozenset[str]]) -> bool:
        """True where a path leads to these answers and nothing else."""
        ends = self.around.follow(iri, steps, apart=bool(shape.apart), within=frozenset[str]().union(*wanted))
        plain = {end if end.startswith("<") else folding.fold(literal_text(end)) for end in ends or ()}
        return all(plain & place for place in wanted)

    def _common(self, pairs: list[tuple[Pair, list[Mention]]]) -> list[tuple[Query, Path]]:
        """Returns the shapes that lead to the answers of questions, the one that explains most first."""
        explained: dict[tuple[Query, Path], set[int]] = {}
        some = random.Random(0).sample(pairs, min(LOOKED_THROUGH, len(pairs)))
        for number, (pair, mentions) in enumerate(some):
            for key in self._all_leading(pair, mentions):
                explained.setdefault(key, set()).add(number)
        ordered = []
        while explained and len(ordered) < MOST_SHAPES:
            best = max(explained, key=lambda key: (len(explained[key]), -len(key[1]), key[0].sparql()))
            gone = explained.pop(best)
            ordered.append(best)
            explained = {key: left for key, numbers in explained.items() if (left := numbers - gone)}
        return ordered

    def _all_leading(self, pair: Pair, mentions: Sequence[Mention]) -> Iterator[tuple[Query, Path]]:
        wanted = self.answers_of(pair.answers)
        every = frozenset[str]().union(*wanted)
        for mention in mentions[:2]:
            for meaning in mention.matches[:2]:
                for way in self.around.paths(meaning.iri):
                    if not all(self.around.same(end, every) for end in way.ends):
                        continue
                    for apart in (True, False) if len(way.steps) > 1 else (False,):
                        shape = path(SLOTS[0], way.steps, apart=apart)
                        if self.leads(meaning.iri, shape, way.steps, wanted):
                            yield shape, way.steps
                            break

    def _leading(
        self, pair: Pair, mentions: Sequence[Mention], common: Sequence[tuple[Query, Path]]
    ) -> tuple[Candidate, ...]:
        """Returns the queries that lead to a pair's answers, or the one that leads to little else beside them."""
        wanted = self.answers_of(pair.answers)
        found: list[Candidate] = []
        nearly: list[tuple[int, int, Candidate]] = []
        for rank, (shape, steps) in enumerate(common):
            for mention in mentions[:2]:
                for meaning in mention.matches[:2]:
                    made = Candidate(query=shape.filled((meaning.iri,)), mentions=(mention,), entities=(meaning.iri,))
                    if self.leads(meaning.iri, shape, steps, wanted):
                        found.append(made)
                    elif not found and rank < MOST_NEARLY and len(steps) == 1:
                        ends = self.around.follow(meaning.iri, steps) or ()
                        plain = {end if end.startswith("<") else folding.fold(literal_text(end)) for end in ends}
                        if all(plain & place for place in wanted):
                            nearly.append((len(plain), rank, made))
            if len(found) == MOST_RIGHT:
                break
        return tuple(found) or tuple(made for _, _, made in sorted(nearly, key=lambda one: one[:2])[:1])

    # ---- what else it could have been

    def lessons(self, found: Sequence[Understood], seed: int = 0) -> list[Lesson]:
        """Returns a lesson a question."""
        counted = Counter(one.shape for each in found for one in each.meant)
        frequent = [shape for shape, _ in counted.most_common(FREQUENT)]
        pool, generator = list(counted), random.Random(seed)
        return [self._lesson(each, frequent, pool, generator) for each in found]

    def _lesson(
        self, each: Understood, frequent: Sequence[Query], pool: Sequence[Query], generator: random.Random
    ) -> Lesson:
        meant, question = each.meant[0], each.pair.question
        cues = cues_of(masked(question, each.mentions, [" "] * len(each.mentions)))
        options = {one.query: one for one in each.meant}
        learned = [*frequent, *generator.sample(pool, min(RANDOM, len(pool)))]
        groups = [meant.mentions, *(group for group in groups_of(each.mentions) if group != meant.mentions)]
        for group in groups[:4]:
            own = group == meant.mentions
            entities = meant.entities if own else meanings_of(group)[0]
            shapes = learned if own else learned[:ELSEWHERE]
            for shape in shapes:
                if shape.slots() == len(group):
                    query = shape.filled(entities, cues.bound)
                    options.setdefault(query, Candidate(query=query, mentions=group, entities=entities))
            if len(group) == 1:
                self._near(group, entities, options, generator, NEAR if own else ELSEWHERE)
        chosen = tuple(options.values())
        rows = self.reader.likenesses(question, cues, chosen)
        given = {"question": question, "answers": each.pair.answers, "right": len(each.meant)}
        return Lesson(options=chosen, likenesses=tuple(map(tuple, rows)), **given)

    def _near(self, group: tuple[Mention, ...], entities: tuple[str, ...], options: dict[Query, Candidate],
              generator: random.Random, most: int) -> None:  # fmt: skip
        """Adds what is said of an entity itself."""
        ways = self.around.paths(entities[0], 1)
        for way in generator.sample(ways, min(most, len(ways))):
            query = path(f"<{entities[0]}>", way.steps)
            options.setdefault(query, Candidate(query=query, mentions=group, entities=entities))


def of_query(query: Query, mentions: Sequence[Mention]) -> tuple[Candidate, ...]:
    """Returns a question's query with the mentions it is about; nothing where it has no entity that they name."""
    owners = {match.iri: mention for mention in reversed(mentions) for match in mention.matches}
    found = [iri for iri in query.entities() if iri in owners][: len(SLOTS)]
    if not found:
        return ()
    return (Candidate(query=query, mentions=tuple(owners[iri] for iri in found), entities=tuple(found)),)


def given_mention(graph: EmbeddedGraph, question: str, iri: str) -> Mention:
    """Returns where a question names an entity that it is known to be about: its longest name in it, or nowhere."""
    folded = question.casefold()
    names = sorted((name.text for name in graph.names(iri)), key=len, reverse=True)
    name = next((name for name in names if name.casefold() in folded), "")
    start = folded.find(name.casefold()) if name else 0
    match = Match(iri=iri, name=name, language="", how=EXACT, score=1.0)
    return Mention(start=start, end=start + len(name), text=name, matches=(match,))
