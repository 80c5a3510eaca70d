"""One question, from its words to an answer with evidence, or to a refusal that says what was looked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from textmill.apps.ask.candidates import Candidate, candidates
from textmill.apps.ask.cues import Cues, cues_of
from textmill.apps.ask.following import subjects
from textmill.apps.ask.linking import Mention, link
from textmill.apps.ask.neighbourhood import Neighbourhood
from textmill.apps.ask.query import ANSWER, ASK, COUNT, Query
from textmill.apps.ask.weighing import Judge, WordsAlone, masked
from textmill.apps.graph.answers import Limits
from textmill.apps.graph.looking import display
from textmill.apps.graph.store import EmbeddedGraph
from textmill.apps.graph.terms import XSD, Term, plain, written
from textmill.errors import TextmillError
from textmill.i18n import t

NO_ENTITY, UNLIKELY, EMPTY, TOO_MUCH = "no_entity", "unlikely", "empty", "too_much"
SHOWN = 10
"""Candidates that an explanation shows."""
TRIED = 3
"""Likely queries that are run until one finds something."""
NEARLY = 0.9
"""Share of the best one's likelihood that another must have to be run in its place."""
MOST_TRIPLES = 200
LIMITS = Limits(seconds=5, rows=2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a question."""

    question: str
    answers: tuple[Term, ...] = ()
    texts: tuple[str, ...] = ()
    """The answers' names."""
    sparql: str = ""
    triples: tuple[str, ...] = ()
    """Lines of N-Triples that say so."""
    sentences: tuple[str, ...] = ()
    """The same in words, a triple a sentence."""
    refused: str = ""
    """Why there is no answer: no_entity, unlikely, empty, too_much; "" where there is one."""
    linked: tuple[Mention, ...] = ()
    considered: tuple[tuple[float, str], ...] = ()
    """The likeliest queries with their likelihood."""
    looked_at: int = 0
    """How many queries there were to choose from."""
    tried: tuple[tuple[str, int], ...] = ()
    """Those that were run, and how many rows each found."""
    judge: str = ""
    """Who said how likely they are: words, trained, model."""


class Asker:
    """Answers questions from one graph. Not for two threads at once: its parts keep what they have seen."""

    def __init__(self, graph: EmbeddedGraph, judge: Judge | None = None) -> None:
        self.graph = graph
        self.around = Neighbourhood(graph)
        self.judge = judge or WordsAlone(graph)

    def ask(self, question: str, history: Sequence[str] = (), *, mentions: Sequence[Mention] | None = None) -> Reply:
        """Returns the answer to a question, or a refusal. `history`: what was asked before, oldest first; `mentions`:
        whom it names, where that is known already."""
        mentions = link(self.graph, question) if mentions is None else list(mentions)
        if history:
            mentions = subjects(question, mentions, self._before(history))
        if not mentions:
            return Reply(question=question, refused=NO_ENTITY, judge=self.judge.way)
        try:
            return self._answer(question, mentions)
        except TextmillError as error:
            if error.key != "graph.query_time":
                raise
            told = {"question": question, "linked": tuple(mentions), "judge": self.judge.way}
            return Reply(refused=TOO_MUCH, **told)

    def _before(self, history: Sequence[str]) -> Reply:
        """Returns what came of the last question: asked again, since a conversation is nothing but its text."""
        return self.ask(history[-1], history[-3:-1])

    def options(self, question: str, mentions: Sequence[Mention], cues: Cues) -> list[Candidate]:
        """Returns the queries that may be meant, each once."""
        found = candidates(self.around, mentions, cues, self.judge.most_steps)
        own = self.judge.proposed(question, mentions, cues)
        return list({option.query: option for option in (*found, *own)}.values())

    def _answer(self, question: str, mentions: Sequence[Mention]) -> Reply:
        cues = cues_of(masked(question, mentions, [" "] * len(mentions)))
        options = self.options(question, mentions, cues)
        weights = self.judge.weighed(question, cues, options)
        ranked = sorted(zip(weights, options, strict=True), key=lambda pair: (-pair[0], _length(pair[1].query)))
        told: dict[str, Any] = {
            "question": question,
            "linked": tuple(mentions),
            "considered": tuple((round(weight, 4), option.query.sparql()) for weight, option in ranked[:SHOWN]),
            "looked_at": len(ranked),
            "judge": self.judge.way,
        }
        if not ranked or ranked[0][0] < self.judge.likely:
            return Reply(refused=UNLIKELY, **told)
        least = max(self.judge.likely, NEARLY * ranked[0][0])
        return self._first([option.query for weight, option in ranked[:TRIED] if weight >= least], told)

    def _first(self, queries: Sequence[Query], told: dict[str, Any]) -> Reply:
        """Returns what the first query that finds anything finds."""
        tried: list[tuple[str, int]] = []
        for query in queries:
            reply = self._run(query, told)
            tried.append((reply.sparql, len(reply.answers)))
            if not reply.refused:
                return replace(reply, tried=tuple(tried))
        return Reply(sparql=tried[0][0], refused=EMPTY, tried=tuple(tried), **told)

    def _run(self, query: Query, told: dict[str, Any]) -> Reply:
        """Returns what a query finds, with its evidence."""
        if query.form == ASK:
            return self._yes_or_no(query, told)
        if query.form == COUNT and all_numbers(self.graph.query(replace(query, form="select").sparql(), LIMITS).rows):
            query = replace(query, form="select")  # "how many metres": the number is what is stored
        rows = self.graph.query(query.sparql(), LIMITS).rows
        answers = tuple(row["number" if query.form == COUNT else "answer"] for row in rows)
        only = written(answers[0]) if query.order and answers and answers[0]["type"] == "uri" else ""
        triples = self.graph.query(f"{query.evidence(only)} LIMIT {MOST_TRIPLES}", LIMITS).rows
        if not answers or not triples:
            return Reply(sparql=query.sparql(), refused=EMPTY, **told)
        names: dict[str, str] = {}
        texts = tuple(self._named(row, name, names) for row, name in zip(rows, answers, strict=True))
        return self._told(query, answers, texts, triples, told)

    def _named(self, row: dict[str, Term], answer: Term, names: dict[str, str]) -> str:
        text = self.name(answer, names)
        return f"{text} ({self.name(row['extra'], names)})" if "extra" in row else text

    def _yes_or_no(self, query: Query, told: dict[str, Any]) -> Reply:
        """Returns yes with the triple, or no with what is said in its place; nothing where neither is."""
        truth = self.graph.query(query.sparql(), LIMITS).truth
        proof = query if truth else query.renamed({query.patterns[-1].object: ANSWER})
        triples = self.graph.query(f"{proof.evidence()} LIMIT {MOST_TRIPLES}", LIMITS).rows
        if not triples:
            return Reply(sparql=query.sparql(), refused=EMPTY, **told)
        answer = {"type": "literal", "value": str(truth).lower(), "datatype": f"{XSD}boolean"}
        return self._told(query, (answer,), (t("ask.yes" if truth else "ask.no"),), triples, told)

    def _told(
        self,
        query: Query,
        answers: tuple[Term, ...],
        texts: tuple[str, ...],
        rows: Iterable[dict[str, Term]],
        told: Any,
    ) -> Reply:
        """Returns the reply, its evidence in words."""
        names: dict[str, str] = {}
        unique = {" ".join(written(term) for term in row.values()) + " .": row for row in rows}
        said = tuple(" — ".join(self.name(term, names) for term in row.values()) for row in unique.values())
        return Reply(answers=answers, texts=texts, sparql=query.sparql(), triples=tuple(unique), sentences=said, **told)

    def name(self, term: Term, names: dict[str, str]) -> str:
        """Returns a term for people."""
        return display(self.graph, term["value"], names) if term["type"] == "uri" else plain(term)


def ask(graph: EmbeddedGraph, question: str, history: Sequence[str] = ()) -> Reply:
    """Returns the answer to one question by words alone; for many, keep an `Asker`."""
    return Asker(graph).ask(question, history)


def all_numbers(rows: Iterable[dict[str, Term]]) -> bool:
    """True when all answers are numbers, and there is one."""
    datatypes = {row["answer"].get("datatype", "") for row in rows}
    return bool(datatypes) and datatypes <= {XSD + name for name in ("integer", "decimal", "double", "float")}


def _length(query: Query) -> tuple[int, str]:
    return len(query.patterns), query.sparql()
