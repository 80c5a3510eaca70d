"""One question, from its words to an answer with evidence, or to a refusal that says what was looked for."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from textmill.apps.ask.candidates import LIMITS, Candidate, Step, candidates
from textmill.apps.ask.likeness import content, likeness
from textmill.apps.ask.linking import Mention, link
from textmill.apps.graph import folding
from textmill.apps.graph.looking import display
from textmill.apps.graph.store import EmbeddedGraph
from textmill.apps.graph.terms import XSD, Term, local_name, plain, written
from textmill.errors import TextmillError

LIKELY = 0.45
"""Likeness below which no query is taken for what was meant."""
COUNTING = ("how many", "number of", "多少", "几个", "几部", "几位", "几条")  # text data
NO_ENTITY, UNLIKELY, EMPTY, TOO_MUCH = "no_entity", "unlikely", "empty", "too_much"
SHOWN = 10
"""Candidates that an explanation shows."""
MOST_TRIPLES = 200


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
    considered: tuple[tuple[float, str], ...] = field(default=())
    """The likeliest queries with their likeness."""


def ask(graph: EmbeddedGraph, question: str) -> Reply:
    """Returns the answer to a question, or a refusal."""
    mentions = link(graph, question)
    if not mentions:
        return Reply(question=question, refused=NO_ENTITY)
    known: dict[str, list[list[str]]] = {}
    counting = any(words in folding.fold(question) for words in COUNTING)
    scored: list[tuple[float, int, Candidate]] = []
    try:
        for mention in mentions:
            rest = content(question[: mention.start] + " " + question[mention.end :])
            for meaning in mention.matches:
                for steps in candidates(graph, meaning.iri):
                    score = likeness(rest, [names_of(graph, step, known) for step in steps])
                    made = Candidate(entity=meaning.iri, steps=steps, count=counting)
                    scored.append((round(score, 4), -len(steps), made))
        scored.sort(key=lambda item: (-item[0], -item[1], item[2].sparql()))
        considered = tuple((score, made.sparql()) for score, _, made in scored[:SHOWN])
        told: dict[str, Any] = {"question": question, "linked": tuple(mentions), "considered": considered}
        if not scored or scored[0][0] < LIKELY:
            return Reply(refused=UNLIKELY, **told)
        return answered(graph, scored[0][2], told)
    except TextmillError as error:
        if error.key != "graph.query_time":
            raise
        return Reply(question=question, linked=tuple(mentions), refused=TOO_MUCH)


def names_of(graph: EmbeddedGraph, step: Step, known: dict[str, list[list[str]]]) -> list[list[str]]:
    """Returns a predicate's names in every language, as content words."""
    if step.predicate not in known:
        texts = [name.text for name in graph.names(step.predicate)] or [local_name(step.predicate)]
        known[step.predicate] = [content(text) for text in texts]
    return known[step.predicate]


def answered(graph: EmbeddedGraph, chosen: Candidate, told: dict[str, Any]) -> Reply:
    """Returns what the chosen query finds, with its evidence."""
    if chosen.count and all_numbers(graph.query(replace(chosen, count=False).sparql(), LIMITS).rows):
        chosen = replace(chosen, count=False)  # "how many metres": the number is what is stored
    query = chosen.sparql()
    rows = graph.query(query, LIMITS).rows
    answers = [row["number" if chosen.count else "answer"] for row in rows]
    triples = graph.query(f"{chosen.evidence()} LIMIT {MOST_TRIPLES}", LIMITS).rows
    if not answers or not triples:
        return Reply(sparql=query, refused=EMPTY, **told)
    names: dict[str, str] = {}

    def name(term: Term) -> str:
        return display(graph, term["value"], names) if term["type"] == "uri" else plain(term)

    unique = {" ".join(written(term) for term in row.values()) + " .": row for row in triples}
    return Reply(
        answers=tuple(answers),
        texts=tuple(name(term) for term in answers),
        sparql=query,
        triples=tuple(unique),
        sentences=tuple(sentence(name(term) for term in row.values()) for row in unique.values()),
        **told,
    )


def all_numbers(rows: Iterable[dict[str, Term]]) -> bool:
    """True when all answers are numbers, and there is one."""
    datatypes = {row["answer"].get("datatype", "") for row in rows}
    return bool(datatypes) and datatypes <= {XSD + name for name in ("integer", "decimal", "double", "float")}


def sentence(parts: Iterable[str]) -> str:
    """Returns a triple in words."""
    return " — ".join(parts)
