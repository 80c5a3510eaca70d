"""Pairs made out of the graph itself, where there are none: its statements asked for by templates, in two languages.

    <lamp> length 300      "What is the length of Lamp Street?"  "灯街的长度是多少？"  ·  and who has it, and how many

A predicate is called by its names, in a language that it has none in by any it has. What is learned of templates are
forms (how many, the longest, of the ... of the ...); words that people use and the graph does not are not in them.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from textmill.apps.ask.lessons import Pair
from textmill.apps.ask.neighbourhood import Neighbourhood, Way
from textmill.apps.ask.query import ANSWER, COUNT, VALUE, Pattern, Query, path
from textmill.apps.graph.store import EmbeddedGraph
from textmill.apps.graph.terms import LOCAL, RDF, library, local_name

ENGLISH, CHINESE = "en", "zh"
FORWARD, BACK, FORWARD_TWO, BACK_FORWARD, COUNTED, COUNTED_BACK, GREATEST, LEAST, ABOVE = range(9)
TEMPLATES = {
    ENGLISH: {
        FORWARD: ("What is the {p} of {e}?", "{e}'s {p}?", "Tell me the {p} of {e}.", "Who or what is {e}'s {p}?",
                  "What {p} does {e} have?", "Which {p} is it for {e}?"),
        BACK: ("Whose {p} is {e}?", "What has {e} as its {p}?", "Which of them have the {p} {e}?",
               "Who has {e} as {p}?"),
        FORWARD_TWO: ("What is the {q} of the {p} of {e}?", "{e}'s {p}'s {q}?", "Tell me the {q} of {e}'s {p}."),
        BACK_FORWARD: ("What is the {q} of those whose {p} is {e}?", "The {q} of what has {e} as {p}?"),
        COUNTED: ("How many {p} does {e} have?", "What is the number of {p} of {e}?"),
        COUNTED_BACK: ("How many have {e} as {p}?", "How many are there whose {p} is {e}?"),
        GREATEST: ("Which {e} has the most {p}?", "What is the {e} with the largest {p}?",
                   "Which {e} has the highest {p}?"),
        LEAST: ("Which {e} has the least {p}?", "What is the {e} with the smallest {p}?",
                "Which {e} has the lowest {p}?"),
        ABOVE: ("Which {e} has a {p} of more than {v}?", "Which {e} has a {p} over {v}?"),
    },
    CHINESE: {
        FORWARD: ("{e}的{p}是什么？", "{e}的{p}是谁？", "{e}的{p}是多少？", "请问{e}的{p}？",  # text data
                  "{e}有什么{p}？", "{e}{p}是哪个？", "谁是{e}的{p}？"),  # text data
        BACK: ("谁的{p}是{e}？", "哪些的{p}是{e}？", "{e}是谁的{p}？", "{p}是{e}的有哪些？"),  # text data
        FORWARD_TWO: ("{e}的{p}的{q}是什么？", "{e}的{p}的{q}是谁？", "请问{e}{p}的{q}？"),  # text data
        BACK_FORWARD: ("{p}是{e}的，{q}是什么？", "以{e}为{p}的有哪些{q}？"),  # text data
        COUNTED: ("{e}有多少个{p}？", "{e}有几个{p}？"),  # text data
        COUNTED_BACK: ("有多少个的{p}是{e}？", "{p}是{e}的有几个？"),  # text data
        GREATEST: ("{p}最大的{e}是哪个？", "哪个{e}的{p}最多？", "{p}最高的{e}是？"),  # text data
        LEAST: ("{p}最小的{e}是哪个？", "哪个{e}的{p}最少？", "{p}最低的{e}是？"),  # text data
        ABOVE: ("{p}超过{v}的{e}有哪些？", "哪些{e}的{p}大于{v}？"),  # text data
    },
}  # fmt: skip
PAIRS = 3000
EXAMPLES = 40
"""Entities of each kind of path that are asked about."""
ENTITIES = 2000
FORMS = {(True,): FORWARD, (False,): BACK, (True, True): FORWARD_TWO, (False, True): BACK_FORWARD}
TYPE = RDF + "type"


@dataclass(slots=True)
class Maker:
    """Makes questions on one graph."""

    graph: EmbeddedGraph
    generator: random.Random

    def names(self, iri: str, language: str) -> list[str]:
        """Returns what a thing may be called in a language, labels and aliases; any names where it has none in it."""
        found = [name for name in self.graph.names(iri) if name.kind != LOCAL]
        own = [name.text for name in found if name.language.startswith(language) or not name.language]
        return own or [name.text for name in found[:1]] or [local_name(iri)]

    def name(self, iri: str, language: str) -> str:
        """Returns one of them."""
        return self.generator.choice(self.names(iri, language))

    def said(self, form: int, language: str, **iris: str) -> str:
        """Returns a question of a form."""
        words = {slot: self.name(iri, language) if slot != "v" else iri for slot, iri in iris.items()}
        return self.generator.choice(TEMPLATES[language][form]).format(**words)

    def questions(self, iri: str, way: Way, language: str) -> Iterator[Pair]:
        """Yields questions along a way from an entity."""
        form = FORMS.get(tuple(step.forward for step in way.steps))
        predicates = [step.predicate for step in way.steps]
        if form is None:
            return
        slots = dict(zip("pq", predicates, strict=False))
        query = path(f"<{iri}>", way.steps)
        if TYPE not in predicates:
            yield Pair(question=self.said(form, language, e=iri, **slots), query=query)
            if len(way.steps) == 1 and len(way.ends) > 1:
                counted = COUNTED if form == FORWARD else COUNTED_BACK
                yield Pair(question=self.said(counted, language, e=iri, **slots), query=replace(query, form=COUNT))
        elif predicates[0] == TYPE and form == BACK_FORWARD and way.kinds - {""}:
            yield from self.of_values(iri, way, language)

    def of_values(self, kind: str, way: Way, language: str) -> Iterator[Pair]:
        """Yields questions for the first and last of a kind by a value, and those beyond one."""
        last = way.steps[-1].predicate
        query = path(f"<{kind}>", way.steps[:1])
        valued = replace(query, patterns=(*query.patterns, Pattern(subject=ANSWER, predicate=last, object=VALUE)))
        for form, order in ((GREATEST, "DESC"), (LEAST, "ASC")):
            yield Pair(question=self.said(form, language, e=kind, p=last), query=replace(valued, order=order))
        number = next((end.partition('"')[2].partition('"')[0] for end in way.ends if end.startswith('"')), "")
        if number.isdigit():
            question = self.said(ABOVE, language, e=kind, p=last, v=number)
            yield Pair(question=question, query=replace(valued, operator=">", bound=number))


def generate_pairs(graph: EmbeddedGraph, *, seed: int = 0, count: int = PAIRS) -> list[Pair]:
    """Returns questions about the graph with their queries, spread over its kinds of paths and both languages."""
    maker, around = Maker(graph, random.Random(seed)), Neighbourhood(graph)
    entities = [iri for iri in some_entities(graph, maker.generator) if not around.has(iri)]
    used: Counter[Query] = Counter()
    found: dict[str, Pair] = {}
    for iri in entities:
        ways = around.paths(iri, 2)
        maker.generator.shuffle(ways)
        for way in ways:
            shape = path("<1>", way.steps)
            if used[shape] >= EXAMPLES:
                continue
            used[shape] += 1
            for language in (ENGLISH, CHINESE):
                for pair in maker.questions(iri, way, language):
                    found.setdefault(pair.question, pair)
        if len(found) >= count:
            break
    return list(found.values())[:count]


def some_entities(graph: EmbeddedGraph, generator: random.Random) -> list[str]:
    """Returns entities that have names, drawn by lot; the kinds of things come first."""
    kinds: Any = library()
    classes: dict[str, None] = {}
    named: dict[str, None] = {}
    quads: Iterator[Any] = graph.statements()
    for quad in quads:
        if isinstance(quad.subject, kinds.NamedNode):
            named[quad.subject.value] = None
        if quad.predicate.value == TYPE and isinstance(quad.object, kinds.NamedNode):
            classes[quad.object.value] = None
    drawn = generator.sample(list(named), min(ENTITIES, len(named)))
    return [*classes, *(iri for iri in drawn if iri not in classes)]
