"""Questions of public sets, learned from a part of them and asked of the rest (see `ask.py` for the cases).

A fifth is held out by the hash of the question (`int(sha256, 16) % 5 == 0`), each set being one file, and read only to
report; of what is left a tenth sets the likelihood below which is refused. Names are not marked in the questions,
except in LC-QuAD, whose gold entities are given.
"""

import hashlib
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import common

SPACE = "http://example.org/"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
UNANSWERABLE = 0.3


def node(name: str) -> Any:
    """Returns the node of a name."""
    from pyoxigraph import NamedNode

    from textmill.apps.graph.tables import UNSAFE

    return NamedNode(SPACE + UNSAFE.sub("_", name) + "-" + hashlib.sha256(name.encode()).hexdigest()[:6])


def graph_of(triples: Sequence[tuple[str, str, str]], folder: Path, *, literal: bool = False) -> Path:
    """Writes triples of names as a graph in which each name is a label, predicates' too; returns its folder."""
    from pyoxigraph import Literal, NamedNode, Quad

    from textmill.apps.graph.store import GraphWriter

    if not folder.exists():
        quads: dict[Any, None] = {}
        for subject, relation, thing in triples:
            predicate = node("p:" + relation)
            target = Literal(thing) if literal else node(thing)
            quads[Quad(node(subject), predicate, target)] = None
            named = {node(subject): subject, predicate: relation} | ({} if literal else {node(thing): thing})
            for one, name in named.items():
                quads[Quad(one, NamedNode(LABEL), Literal(name.replace("_", " ") if one == predicate else name))] = None
        with GraphWriter(folder) as writer:
            writer.add(list(quads))
    return folder


def reported(question: str) -> bool:
    """True for a question that is read only to report."""
    return int(hashlib.sha256(question.encode()).hexdigest(), 16) % 5 == 0


def metaqa(hops: int, data: Path, folder: Path) -> tuple[Path, list[Any]]:
    """Returns MetaQA's graph and its dev questions with their answers."""
    from textmill.apps.ask.lessons import Pair

    lines = (data / "metaqa/kb.txt").read_text(encoding="utf-8").splitlines()
    place = graph_of([tuple(line.split("|")) for line in lines], folder / "metaqa")  # type: ignore[misc]
    rows = (data / f"metaqa/{hops}-hop/dev.txt").read_text(encoding="utf-8").splitlines()
    split = (row.replace("[", "").replace("]", "").partition("\t") for row in rows)
    return place, [Pair(question=question, answers=tuple(answers.split("|"))) for question, _, answers in split]


def pathquestion(hops: int, data: Path, folder: Path) -> tuple[Path, list[Any]]:
    """Returns PathQuestion's graph and its questions with all their answers."""
    from textmill.apps.ask.lessons import Pair

    lines = (data / f"pathquestion/{hops}H-kb.txt").read_text(encoding="utf-8").splitlines()
    triples = [tuple(line.strip().split("\t")) for line in lines if line.strip()]
    place = graph_of(triples, folder / f"pathquestion-{hops}")  # type: ignore[arg-type]
    pairs = []
    for line in (data / f"pathquestion/PQ-{hops}H.train.txt").read_text(encoding="utf-8").splitlines():
        question, answers, _ = line.split("\t")
        first, _, others = answers.partition("(")
        every = (first, *(other for other in others.rstrip(")").split("/") if other))
        pairs.append(Pair(question=question, answers=tuple(dict.fromkeys(every))))
    return place, pairs


def nlpcc(data: Path, folder: Path) -> tuple[Path, list[Any]]:
    """Returns the graph of NLPCC-2016's triples, and its questions with their queries."""
    from textmill.apps.ask.lessons import Pair
    from textmill.apps.ask.query import ANSWER, Pattern, Query

    text = (data / "nlpcc2016/training-data.txt").read_text(encoding="utf-8")
    triples, pairs = [], []
    for block in text.split("=================================================="):
        lines = [line.partition("\t")[2].strip() for line in block.strip().splitlines()]
        if len(lines) == 3 and lines[1].count(" ||| ") == 2:
            subject, relation, thing = (part.strip() for part in lines[1].split(" ||| "))
            triples.append((subject, relation, thing))
            pattern = Pattern(subject=f"<{node(subject).value}>", predicate=node("p:" + relation).value, object=ANSWER)
            pairs.append(Pair(question=lines[0], query=Query(patterns=(pattern,)), answers=(thing,)))
    return graph_of(triples, folder / "nlpcc", literal=True), pairs


def lcquad(data: Path, folder: Path) -> tuple[Path, list[Any]]:
    """Returns the graph in which each gold query of LC-QuAD has one answer, and the questions with gold entities."""
    from pyoxigraph import Literal, NamedNode, Quad

    from textmill.apps.ask.lessons import Pair
    from textmill.apps.ask.query_reading import read_query
    from textmill.apps.graph.store import GraphWriter
    from textmill.apps.graph.terms import RDF, local_name

    rows = json.loads((data / "lcquad1/train-data.json").read_text(encoding="utf-8"))
    pairs, quads = [], dict[Any, None]()
    for row in rows:
        query = read_query(row["sparql_query"])
        if query is None:
            continue
        for pattern in query.patterns:
            ends = [
                NamedNode(f"{SPACE}q{row['_id']}-{term[1:]}" if term.startswith("?") else term[1:-1])
                for term in (pattern.subject, pattern.object)
            ]
            quads[Quad(ends[0], NamedNode(pattern.predicate), ends[1])] = None
            for one in (*ends, NamedNode(pattern.predicate)):
                quads[Quad(one, NamedNode(LABEL), Literal(local_name(one.value)))] = None
        classes = {each.object[1:-1] for each in query.patterns if each.predicate == RDF + "type"}
        entities = tuple(iri for iri in query.entities() if iri not in classes)
        pairs.append(Pair(question=row["corrected_question"], query=query, entities=entities))
    with GraphWriter(folder / "lcquad") as writer:
        writer.add(list(quads))
    return folder / "lcquad", pairs


def learned(case: str, place: Path, pairs: list[Any], learn: int, limit: int) -> Iterator[common.Row]:
    """Yields what a judge of the one part is worth on the other, beside words alone."""
    from textmill.apps.ask.lessons import Teacher
    from textmill.apps.ask.making import make_judge, outcome
    from textmill.apps.ask.pairs import hold_out
    from textmill.apps.ask.weighing import WordsAlone
    from textmill.apps.graph.store import EmbeddedGraph

    random.Random(0).shuffle(pairs)
    training = [pair for pair in pairs if not reported(pair.question)][: learn or None]
    held_out = [pair for pair in pairs if reported(pair.question)][: limit or None]
    graph = EmbeddedGraph(place)
    began = time.perf_counter()
    made = make_judge(graph, hold_out(training, 0.1))
    seconds = time.perf_counter() - began
    yield common.row(case, "seconds to learn", seconds, n=made.lessons, seconds=seconds)
    words = WordsAlone(graph)
    words.most_steps = 3 if case.endswith("3") else 2
    if case == "lcquad":
        teacher = Teacher(graph)
        found = teacher.understood(held_out)
        for name, judge in (("learned", made.judge), ("words", words)):
            began = time.perf_counter()
            hits = sum(outcome(teacher, judge, each)[0] for each in found)
            yield scored(case, f"{name}: query match", hits, len(held_out), time.perf_counter() - began)
    else:
        for name, judge in (("learned", made.judge), ("words", words)):
            yield from asked(case, name, graph, judge, held_out)
        yield from refusing(case, graph, made.judge, held_out, place.parent / f"{case}-without")
    graph.close()


def asked(case: str, name: str, graph: Any, judge: Any, held_out: Sequence[Any]) -> Iterator[common.Row]:
    """Yields how often the answers are right when one must be given: all of these questions have one."""
    from textmill.apps.ask.asking import Asker

    asker, likely = Asker(graph, judge), judge.likely
    judge.likely = 0.0
    first = exact = run = ran = 0
    began = time.perf_counter()
    for pair in held_out:
        reply = asker.ask(pair.question)
        right = set(pair.answers)
        first += bool(reply.texts) and reply.texts[0] in right
        exact += set(reply.texts) == right
        queries = [query for _, query in reply.considered[:3]]
        run += len(queries)
        ran += sum(runs(graph, query) for query in queries)
    seconds = time.perf_counter() - began
    judge.likely = likely
    yield scored(case, f"{name}: Hits@1", first, len(held_out), seconds)
    yield scored(case, f"{name}: exact set", exact, len(held_out), seconds)
    yield scored(case, f"{name}: queries that run", ran, max(1, run), seconds)


def runs(graph: Any, query: str) -> bool:
    """True where a query is one to the store."""
    from textmill.errors import InputError

    try:
        graph.query(query)
    except InputError:
        return False
    return True


def scored(case: str, metric: str, count: int, total: int, seconds: float) -> common.Row:
    """Returns a share as a row."""
    from textmill.evaluate.intervals import wilson

    score = wilson(count, total)
    return common.row(case, metric, score.value, score.low, score.high, score.n, seconds)


def refusing(case: str, graph: Any, judge: Any, held_out: Sequence[Any], folder: Path) -> Iterator[common.Row]:
    """Yields how well is refused where, for three questions in ten, the statements that they need are taken away."""
    from textmill.apps.ask.asking import Asker
    from textmill.apps.ask.lessons import Teacher
    from textmill.apps.ask.trained import TrainedJudge
    from textmill.apps.graph.store import EmbeddedGraph, GraphWriter

    found = Teacher(graph).understood(held_out)
    gone = set()
    for each in found[: round(UNANSWERABLE * len(found))]:
        for meant in each.meant:
            pattern = meant.query.patterns[0]
            gone.add((pattern.predicate, pattern.subject, pattern.object))

    def kept(quad: Any) -> bool:
        ends = str(quad.subject), str(quad.object)
        return not any(
            (quad.predicate.value, one, other) in gone
            for one in (ends[0], "?x1", "?answer")
            for other in (ends[1], "?x1", "?answer")
        )

    with GraphWriter(folder) as writer:
        writer.add([quad for quad in graph.statements() if kept(quad)])
    less = EmbeddedGraph(folder)
    asker = Asker(
        less, TrainedJudge(less, judge.weights, judge.shapes, likely=judge.likely, most_steps=judge.most_steps)
    )
    right = refused = wrong = missed = 0
    began = time.perf_counter()
    for each in found:
        answerable = any(asker.around.holds(meant.query) for meant in each.meant)
        reply = asker.ask(each.pair.question)
        right += answerable and bool(reply.texts) and reply.texts[0] in each.pair.answers
        refused += bool(reply.refused) and not answerable
        wrong += bool(reply.refused) and answerable
        missed += not reply.refused and not answerable
    seconds = time.perf_counter() - began
    less.close()
    unanswerable = refused + missed
    value = 2 * refused / max(1, 2 * refused + wrong + missed)
    yield common.row(case, "refusal F1", value, n=len(found), seconds=seconds)
    yield scored(case, "answered and right, of what has an answer", right, max(1, len(found) - unanswerable), seconds)
    milliseconds = 1000 * seconds / max(1, len(found))
    yield common.row(case, "ms a question, refusals on", milliseconds, n=len(found), seconds=seconds)


CASES = {
    **{f"metaqa-{hops}": (metaqa, hops) for hops in (1, 2, 3)},
    **{f"pathquestion-{hops}": (pathquestion, hops) for hops in (2, 3)},
    "nlpcc": (nlpcc,),
    "lcquad": (lcquad,),
}


def quality(case: str, data: Path, folder: Path, learn: int, limit: int) -> list[common.Row]:
    """Returns the rows of a case."""
    make, *given = CASES[case]
    place, pairs = make(*given, data, folder)  # type: ignore[operator]
    return list(learned(case, place, pairs, learn, limit))
