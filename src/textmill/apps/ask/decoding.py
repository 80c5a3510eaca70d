"""SPARQL that a model writes under a grammar made of what is around the entities: every text is a query that runs.

    mentions ─▶ paths of one to three steps ─▶ a Lark grammar ─▶ beams ─▶ texts ─▶ queries, with their likelihood

    SELECT DISTINCT ?answer WHERE { :Riverton :mayor ?x1 . ?x1 :bornIn ?answer . }

What the model writes are short names (`:mayor`), which stand for one IRI each; a grammar lists whole paths that the
graph was seen to have, so no name is invented and no path leads nowhere. Free are the forms (count, first or last,
compared, with one thing more of each, yes or no) and the number or date that is compared with. Of what was written the
likelier by the model's own probability is asked first, and what finds nothing gives way to the next.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from textmill.apps.ask.candidates import Candidate, of_two
from textmill.apps.ask.cues import Cues
from textmill.apps.ask.linking import Mention
from textmill.apps.ask.neighbourhood import DATE, MOST_STEPS, NUMBER, YEAR, Neighbourhood, Way
from textmill.apps.ask.query import ANSWER, ASK, EXTRA, VALUE, Pattern, Query, path
from textmill.apps.ask.query_reading import read_query
from textmill.apps.graph.store import EmbeddedGraph
from textmill.apps.graph.terms import local_name
from textmill.infer.answers import answers
from textmill.infer.constraints import LARK, compile_grammar
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.sampling import SamplingSettings

LIKELY = 0.1
"""Share of the beams' likelihood below which nothing is meant."""
BEAMS = 6
MOST_TOKENS = 256
MOST_PATHS = 1500
"""Of one grammar; the shorter first."""
VALUES = {
    NUMBER: r"/-?[0-9]{1,9}(\.[0-9]{1,4})?/",
    DATE: r'"\"" /[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])/ "\"^^xsd:date"',
    YEAR: r'"\"" /[0-9]{4}/ "\"^^xsd:gYear"',
}
PROMPT = "Question: {question}\nSPARQL: "


@dataclass(slots=True)
class Names:
    """Short names of IRIs, each of one only."""

    iris: dict[str, str] = field(default_factory=dict)
    shorts: dict[str, str] = field(default_factory=dict)

    def short(self, iri: str) -> str:
        """Returns the short name of an IRI, with its colon."""
        if iri not in self.shorts:
            base = re.sub(r"[^0-9A-Za-z_-]+", "_", local_name(iri)).strip("_-")[:40] or "thing"
            name, number = base, 2
            while name in self.iris:
                name, number = f"{base}_{number}", number + 1
            self.iris[name], self.shorts[iri] = iri, name
        return ":" + self.shorts[iri]

    def body(self, patterns: Sequence[Pattern]) -> str:
        """Returns triple patterns as the model writes them."""
        return " ".join(
            f"{self._term(each.subject)} {self.short(each.predicate)} {self._term(each.object)} ." for each in patterns
        )

    def _term(self, term: str) -> str:
        return self.short(term[1:-1]) if term.startswith("<") else term


def query_grammar(
    around: Neighbourhood, mentions: Sequence[Mention], names: Names, most_steps: int = MOST_STEPS
) -> str:
    """Returns the Lark grammar of all queries about these mentions."""
    paths: dict[str, None] = {}
    valued: dict[str, set[str]] = {kind: set() for kind in VALUES}
    beside: set[str] = set()
    for iri in dict.fromkeys(match.iri for mention in mentions for match in mention.matches):
        for way in around.paths(iri, most_steps)[:MOST_PATHS]:
            patterns = path(f"<{iri}>", way.steps).patterns
            paths[names.body(patterns)] = None
            if len(way.steps) > 1 and way.steps[-1].forward:
                _with_values(iri, way, names, valued, beside)
    for query in _of_pairs(around, mentions):
        paths[names.body(query.patterns)] = None
    told = {_ask(names, query): None for query in _of_pairs(around, mentions, yes_no=True) if query.form == ASK}
    ordered = {kind: sorted(some) for kind, some in valued.items()}
    return _lark(list(paths)[:MOST_PATHS], ordered, sorted(beside), list(told))


def _with_values(iri: str, way: Way, names: Names, valued: dict[str, set[str]], beside: set[str]) -> None:
    """Adds what can be ordered, compared or told of the answers of a path."""
    before, last = path(f"<{iri}>", way.steps[:-1]).patterns, way.steps[-1].predicate
    value = Pattern(subject=ANSWER, predicate=last, object=VALUE)
    for kind in way.kinds - {""}:
        valued[kind].add(names.body((*before, value)))
    extra = names.body([Pattern(subject=ANSWER, predicate=last, object=EXTRA)])
    beside.add(f"{names.body(before)} OPTIONAL {{ {extra} }}")


def _of_pairs(around: Neighbourhood, mentions: Sequence[Mention], *, yes_no: bool = False) -> Iterator[Query]:
    for at, one in enumerate(mentions[:3]):
        for other in mentions[at + 1 : 3]:
            yield from of_two(around, one.matches[0].iri, other.matches[0].iri, Cues(yes_no=yes_no))


def _ask(names: Names, query: Query) -> str:
    return f"ASK WHERE {{ {names.body(query.patterns)} }}"


def _lark(paths: list[str], valued: dict[str, list[str]], beside: list[str], told: list[str]) -> str:
    """Returns the rules."""
    select, end = '"SELECT DISTINCT ?answer WHERE { "', '" }"'
    starts = [f"{select} path {end}", f'"SELECT (COUNT(DISTINCT ?answer) AS ?number) WHERE {{ " path {end}']
    rules = [f"path: {_either(paths)}"]
    for kind, some in valued.items():
        if some:
            rules += [f"{kind}: {_either(some)}", f"{kind}_value: {VALUES[kind]}"]
            starts.append(f'{select} {kind} " }} ORDER BY " ("DESC" | "ASC") "(?value) LIMIT 1"')
            starts.append(f'{select} {kind} " FILTER(?value " (">=" | "<=" | ">" | "<" | "=") " " {kind}_value ") }}"')
    if beside:
        rules.append(f"beside: {_either(beside)}")
        starts.append(f'"SELECT DISTINCT ?answer ?extra WHERE {{ " beside {end}')
    if told:
        rules.append(f"told: {_either(told)}")
        starts.append("told")
    return "\n".join(["start: " + "\n     | ".join(starts), *rules])


def _either(texts: Sequence[str]) -> str:
    return "\n  | ".join(json.dumps(text, ensure_ascii=False) for text in texts)


def read_written(text: str, names: Names) -> Query | None:
    """Returns the query that a model wrote; what goes two steps or more does not come back to where it began."""
    query = read_query(text.strip(), names.iris.__getitem__)
    if query is None or query.form == ASK or len(query.entities()) != 1:
        return query
    start = f"<{query.entities()[0]}>"
    ends = [(each.subject, each.object) for each in query.patterns]
    variables = dict.fromkeys(term for pair in ends for term in pair if term.startswith("?") and term != VALUE)
    direct = {term for pair in ends if start in pair for term in pair}
    return replace(query, apart=tuple((name, start) for name in variables if name not in direct))


class ModelJudge:
    """A judge whose queries a model writes."""

    way, likely, most_steps = "model", LIKELY, 1

    def __init__(self, graph: EmbeddedGraph, engine: Engine, *, most_tokens: int = MOST_TOKENS) -> None:
        self.engine, self.around, self.most_tokens = engine, Neighbourhood(graph), most_tokens
        self._written: dict[Query, float] = {}

    def proposed(self, question: str, mentions: Sequence[Mention], cues: Cues) -> list[Candidate]:
        """Returns the queries that the model writes."""
        names = Names()
        source = query_grammar(self.around, mentions, names)
        grammar = compile_grammar(self.engine.tokenizer, LARK, source)
        ids = tuple(self.engine.tokenizer.encode(PROMPT.format(question=question)))
        room = max(1, self.engine.capacity - self.most_tokens)
        settings = SamplingSettings(temperature=0.0, n=BEAMS, max_tokens=self.most_tokens, seed=0, slide=False)
        request = Request(ids=ids[-room:], settings=settings, grammar=grammar, beams=BEAMS)
        (answer,) = answers(self.engine, [request])
        self._written = {}
        found = []
        for sample in answer.samples:
            query = read_written(sample.text, names)
            if query is not None and query not in self._written:
                self._written[query] = sample.log_probability
                found.append(self._owned(query, mentions))
        return found

    def _owned(self, query: Query, mentions: Sequence[Mention]) -> Candidate:
        owners = {match.iri: mention for mention in mentions for match in mention.matches}
        iris = tuple(iri for iri in query.entities() if iri in owners)
        return Candidate(query=query, mentions=tuple(owners[iri] for iri in iris), entities=iris)

    def weighed(self, question: str, cues: Cues, options: Sequence[Candidate]) -> list[float]:
        """Returns the share of each in the likelihood of all that was written; nothing else is likely at all."""
        import torch

        logs = torch.tensor([self._written.get(option.query, float("-inf")) for option in options])
        shares = logs.softmax(0) if self._written else torch.zeros(len(options))
        return [round(value, 4) for value in shares.tolist()]
