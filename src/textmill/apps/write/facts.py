"""Sources out of a graph: what it says of the things that a topic names, as sentences, each thing a source by its IRI.

    topic ──link──▶ things, and what stands next to them ──statements──▶ "The library is located in Bell Street."

A predicate is said by its label in the article's language, else by the end of its IRI; statements that share subject
and predicate are one sentence. What has no name in the language is left out: half a sentence in another one is none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from textmill.apps.ask.linking import link
from textmill.apps.graph.answers import Limits
from textmill.apps.graph.looking import best_name, entity
from textmill.apps.graph.names import Name
from textmill.apps.graph.store import EmbeddedGraph
from textmill.apps.graph.terms import LABEL, NAME_PREDICATES, RDF, Term, local_name
from textmill.apps.write.order import CHARACTER
from textmill.apps.write.sources import Source
from textmill.errors import InputError

MOST_THINGS = 16
MOST_STATEMENTS = 60
MOST_OBJECTS = 5
"""Objects that one sentence names."""
DATE = re.compile(r"(-?\d{1,4})-(\d\d)-(\d\d)(?:T.*|Z)?")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
VERBS = frozenset(("is", "has", "likes", "sells", "owns", "makes", "knows", "contains", "includes", "uses", "plays"))
PREPOSITIONS = frozenset(("in", "on", "at", "to", "of", "by", "with", "from", "for", "near"))
CHINESE_VERB = re.compile(r"[在于到是有卖住爱属任了]$|^(?:位于|住在|出售|拥有|喜欢|属于|参加|起因于)$")  # text data


@dataclass(frozen=True, slots=True, kw_only=True)
class _Teller:
    """Says statements of one graph in one language."""

    graph: EmbeddedGraph
    language: str

    def name(self, iri: str) -> str:
        """Returns a thing's name in the language; "" for one that has none."""
        labels = [each for each in self.graph.names(iri) if each.kind == LABEL]
        own = [each for each in labels if _tag(each) in ("", self.language)]
        found = best_name(own, self.language)
        if not found and self.language == "en" and not labels:
            found = local_name(iri)
        # "Late delivery: Celia, day 20" is a heading, and no part of a sentence
        return found if _fits(found, self.language) and not re.search(r"[:;：；]", found) else ""  # text data

    def words(self, predicate: str) -> str:
        """Returns what a predicate is called."""
        labels = [each for each in self.graph.names(predicate) if each.kind == LABEL and _tag(each) == self.language]
        found = best_name(labels, self.language)
        return found or (local_name(predicate).lower() if self.language == "en" else "")

    def value(self, term: Term) -> str:
        """Returns an object as the language says it; "" for what cannot be said in it."""
        if term["type"] == "uri":
            return self.name(term["value"])
        if term["type"] != "literal" or term.get("xml:lang", self.language).partition("-")[0] != self.language:
            return ""
        text = " ".join(term["value"].split()).replace("_", " ")
        if match := DATE.fullmatch(text):
            return _date(match[1], match[2], match[3], self.language)
        return text if _fits(text, self.language) else ""

    def sentences(self, iri: str) -> list[str]:
        """Returns what the graph says of a thing, a sentence a predicate."""
        subject = self.name(iri)
        if not subject:
            return []
        said: dict[str, list[str]] = {}
        for predicate, term in entity(self.graph, iri, MOST_STATEMENTS).out:
            value = "" if predicate in NAME_PREDICATES or predicate.startswith(RDF) else self.value(term)
            if value and value not in said.setdefault(predicate, []):
                said[predicate].append(value)
        made = [self.sentence(subject, self.words(predicate), values) for predicate, values in said.items() if values]
        return [each for each in made if each]

    def sentence(self, subject: str, words: str, values: Sequence[str]) -> str:
        """Returns one sentence; "" where the predicate has no words."""
        objects = _listed(values[:MOST_OBJECTS], self.language)
        if not words:
            return ""
        if self.language == "zh":
            said = f"{words}{objects}" if CHINESE_VERB.search(words) else f"的{words}是{objects}"  # text data
            return f"{subject}{said}。"  # text data
        first, last = words.split()[0], words.split()[-1]
        if first in VERBS or (last in PREPOSITIONS and first.endswith("s")):
            sentence = f"{subject} {words} {objects}."
        elif last in PREPOSITIONS:
            sentence = f"{subject} is {words} {objects}."
        else:
            sentence = f"The {words} of {subject} is {objects}."
        return sentence[0].upper() + sentence[1:]


def graph_sources(graph: EmbeddedGraph, topic: str, language: str, *, first: int = 1) -> list[Source]:
    """Returns a source for each thing that the topic names, and for what it stands next to, numbered from `first`.

    Raises InputError where the topic names nothing that the graph has something to say of.
    """
    teller = _Teller(graph=graph, language=language)
    named = [mention.matches[0].iri for mention in link(graph, topic)]
    things = dict.fromkeys(named)
    for iri in named:
        things |= dict.fromkeys(neighbours(graph, iri))
    found: list[Source] = []
    for iri in things:
        if len(found) == MOST_THINGS:
            break
        if sentences := teller.sentences(iri):
            text = ("" if language == "zh" else " ").join(sentences)
            title = teller.name(iri)
            found.append(
                Source(number=first + len(found), title=title, place=iri, language=language, text=text, facts=True)
            )
    if not found:
        raise InputError("write.graph_nothing", topic=topic, language=language)
    return found


def neighbours(graph: EmbeddedGraph, iri: str) -> list[str]:
    """Returns the things that a thing's statements name, those it speaks of before those that speak of it."""
    found = []
    for pattern in (f"<{iri}> ?p ?x", f"?x ?p <{iri}>"):
        query = f"SELECT DISTINCT ?x WHERE {{ {pattern} FILTER(isIRI(?x) && ?p != <{RDF}type>) }} LIMIT {MOST_THINGS}"
        found += [row["x"]["value"] for row in graph.query(query, Limits(rows=MOST_THINGS)).rows]
    return found


def _tag(name: Name) -> str:
    return name.language.partition("-")[0].lower()


def _fits(text: str, language: str) -> bool:
    """True where a name or a value can stand in a sentence of the language; figures stand in both."""
    has_chinese, has_latin = CHARACTER.search(text) is not None, re.search(r"[A-Za-z]", text) is not None
    return bool(text) and not (has_chinese if language == "en" else has_latin and not has_chinese)


def _date(year: str, month: str, day: str, language: str) -> str:
    if language == "zh":
        return f"{year}年{int(month)}月{int(day)}日"  # text data
    return f"{int(day)} {MONTHS[int(month) - 1]} {year}" if 1 <= int(month) <= len(MONTHS) else f"{year}-{month}-{day}"


def _listed(values: Sequence[str], language: str) -> str:
    if language == "zh":
        return "、".join(values)  # text data
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} and {values[-1]}"
