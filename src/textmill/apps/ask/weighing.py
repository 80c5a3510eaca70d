"""How likely each query is meant, by words alone: no model, nothing learned (see `likeness`).

What a cue asks for and a query does not do counts against it: "the longest" without an order, "more than 200" without a
bound, "is …?" without yes or no.
"""

from collections.abc import Sequence
from typing import Protocol

from textmill.apps.ask.candidates import Candidate
from textmill.apps.ask.cues import Cues
from textmill.apps.ask.likeness import content, likeness
from textmill.apps.ask.linking import Mention
from textmill.apps.ask.query import ASK, COUNT, Query
from textmill.apps.graph.store import EmbeddedGraph
from textmill.apps.graph.terms import RDF, local_name

LIKELY = 0.45
"""Likeness below which no query is taken for what was meant."""
UNDONE = 0.5
"""What is left of the likeness of a query that does not do what a cue asks for."""
UNASKED = 0.9
"""… of one that does what no cue asks for, by which a tie is decided."""
UNCALLED = 0.8
"""… of one that orders by what is not called as the cue has it."""
KIND = 0.7
"""Likeness of "all streets" where nothing but "street" is left of the question."""
TYPE = RDF + "type"


class Judge(Protocol):
    """Says how likely each query is what a question means."""

    way: str
    """Its name: words, trained, model."""
    likely: float
    """Below it, nothing is meant."""
    most_steps: int
    """Of the paths that it wants to see."""

    def proposed(self, question: str, mentions: Sequence[Mention], cues: Cues) -> list[Candidate]:
        """Returns queries of its own to be looked at, whatever was found around the entities."""
        ...

    def weighed(self, question: str, cues: Cues, options: Sequence[Candidate]) -> list[float]:
        """Returns how likely each is, 0 to 1."""
        ...


def masked(question: str, mentions: Sequence[Mention], places: Sequence[str]) -> str:
    """Returns a question with what stands in `places` for its mentions."""
    spans = sorted(zip(mentions, places, strict=True), key=lambda pair: -pair[0].start)
    for mention, place in spans:
        question = f"{question[: mention.start]} {place} {question[mention.end :]}"
    return question


class WordsAlone:
    """The judge that is always there."""

    way, likely, most_steps = "words", LIKELY, 2

    def __init__(self, graph: EmbeddedGraph) -> None:
        self._graph = graph
        self._known: dict[str, list[list[str]]] = {}

    def proposed(self, question: str, mentions: Sequence[Mention], cues: Cues) -> list[Candidate]:
        """Returns nothing: it knows no queries by heart."""
        return []

    def weighed(self, question: str, cues: Cues, options: Sequence[Candidate]) -> list[float]:
        """Returns the likeness of each."""
        asked: dict[tuple[tuple[int, int], ...], list[str]] = {}
        found = []
        for option in options:
            spans = tuple((mention.start, mention.end) for mention in option.mentions)
            if spans not in asked:
                rest = masked(question, option.mentions, [" "] * len(spans)).casefold()
                for word in cues.spoken:
                    rest = rest.replace(word, " ")
                asked[spans] = content(rest)
            found.append(round(self._likeness(asked[spans], option.query, cues), 4))
        return found

    def _likeness(self, asked: list[str], query: Query, cues: Cues) -> float:
        predicates = list(query.predicates()) + ([query.optional.predicate] if query.optional else [])
        called = 1.0
        if (query.order or query.operator) and cues.hints:
            # "longest" itself asks for the value: its predicate is called so, or there is no telling
            called = 1.0 if likeness(content(cues.hints), [self.names_of(predicates.pop())]) else UNCALLED
        names = [self.names_of(predicate) for predicate in predicates if predicate != TYPE]
        if not names:
            return done(called * (KIND if not asked else KIND / 2), query, cues)
        return done(called * (likeness(asked, names) if asked else KIND), query, cues)

    def names_of(self, predicate: str) -> list[list[str]]:
        """Returns a predicate's names in every language, as content words."""
        if predicate not in self._known:
            texts = [name.text for name in self._graph.names(predicate)] or [local_name(predicate)]
            self._known[predicate] = [content(text) for text in texts]
        return self._known[predicate]


def done(score: float, query: Query, cues: Cues) -> float:
    """Returns a likeness less what the query leaves undone, and what it does unasked."""
    doings = (
        (cues.counting, query.form == COUNT, UNASKED),  # "how many metres": the number may be what is stored
        (cues.extreme is not None, bool(query.order), UNDONE),
        (bool(cues.operator), bool(query.operator), UNDONE),
        (cues.yes_no, query.form == ASK, UNDONE),
        (cues.beside, query.optional is not None, UNASKED),
    )
    for asked, does, left in doings:
        score *= left if asked and not does else UNASKED if does and not asked else 1.0
    return score
