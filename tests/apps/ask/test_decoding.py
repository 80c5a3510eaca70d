"""Whatever a model writes is a query that runs and names only what is there: shown with models that know nothing."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from films import film, films_graph, person
from tiny_models import tiny_config, tiny_model

from textmill.apps.ask.asking import Asker
from textmill.apps.ask.cues import Cues
from textmill.apps.ask.decoding import ModelJudge, Names, query_grammar, read_written
from textmill.apps.ask.linking import link
from textmill.apps.ask.neighbourhood import Neighbourhood
from textmill.apps.ask.query import Query
from textmill.apps.graph.store import EmbeddedGraph, GraphWriter
from textmill.apps.graph.terms import library
from textmill.config import TokenizerSettings
from textmill.infer.constraints import LARK, compile_grammar
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer

pytest.importorskip("llguidance")
WALKS = 24


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedGraph]:
    graph = films_graph(tmp_path_factory.mktemp("decoded"))
    yield graph
    graph.close()


@pytest.fixture(scope="module")
def tokenizer(films: EmbeddedGraph) -> Tokenizer:
    """Returns one that writes a path in few tokens."""
    text = query_grammar(Neighbourhood(films), link(films, "Which Film is it?"), Names(), 2)
    return train_tokenizer([text] * 3, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY + 300)


def only_names_what_is_there(graph: EmbeddedGraph, query: Query) -> bool:
    predicates = [*query.predicates(), *([query.optional.predicate] if query.optional else [])]
    there = Neighbourhood(graph)
    return all(map(there.has, predicates)) and all(map(graph.index.has, query.entities()))


def walk(tokenizer: Tokenizer, grammar: object, generator: random.Random) -> str:
    """Returns a text of the grammar, each token drawn by lot of those that may come next."""
    matcher, ids = grammar.matcher(), []  # type: ignore[attr-defined]
    while not matcher.complete:
        allowed = matcher.allowed().nonzero()[:, 0].tolist()
        id = generator.choice(allowed)
        matcher.take(id)
        if id not in tokenizer.special.values():
            ids.append(id)
    return tokenizer.decode(ids)


def test_every_text_of_the_grammar_is_a_query_that_runs(films: EmbeddedGraph, tokenizer: Tokenizer) -> None:
    around, generator, forms = Neighbourhood(films), random.Random(0), set()
    for question in ("Which Film is the first?", f"Is {person(20)} in {film(7)}?", film(2), person(21)):
        mentions = link(films, question) or link(films, "Film")
        names = Names()
        grammar = compile_grammar(tokenizer, LARK, query_grammar(around, mentions, names, 2))
        for _ in range(WALKS // 4):
            text = walk(tokenizer, grammar, generator)
            query = read_written(text, names)
            assert query is not None, text
            assert only_names_what_is_there(films, query)
            answer = films.query(query.sparql())
            if query.form == "select" and not query.operator and len(query.patterns) == 1:
                assert answer.rows, "a path that the graph has leads somewhere"
            forms.add((query.form, query.operator != "", query.order != "", query.optional is not None))
    assert len(forms) >= 3


def test_a_model_that_knows_nothing_writes_only_queries_that_run(films: EmbeddedGraph, tokenizer: Tokenizer) -> None:
    config = tiny_config(vocabulary_size=tokenizer.vocabulary_size, context=256)
    judge = ModelJudge(films, Engine(TorchRunner(tiny_model(config), page_count=64), tokenizer), most_tokens=60)
    question = f"When was {film(3)} made?"
    reply = Asker(films, judge).ask(question)
    assert reply.judge == "model" and reply.linked and reply.looked_at > 0
    written = judge.proposed(question, link(films, question), Cues())
    assert written and all(only_names_what_is_there(films, one.query) for one in written)
    weights = judge.weighed("", Cues(), written)
    assert sum(weights) == pytest.approx(1, abs=0.01) and all(0 <= weight <= 1 for weight in weights)
    for one in written:
        films.query(one.query.sparql())


def test_hostile_names_write_nothing_of_their_own(tmp_path: Path, tokenizer: Tokenizer) -> None:
    kinds = library()
    evil = kinds.NamedNode("http://x/%22%7Dstart:/.*/DROP")
    label = kinds.NamedNode("http://www.w3.org/2000/01/rdf-schema#label")
    with GraphWriter(tmp_path / "graph") as writer:
        writer.add([
            kinds.Quad(evil, label, kinds.Literal('x" } ; DROP ALL # | /.*/')),
            kinds.Quad(evil, evil, kinds.NamedNode("http://x/other")),
        ])  # fmt: skip
    graph = EmbeddedGraph(tmp_path / "graph")
    names, generator = Names(), random.Random(0)
    around = Neighbourhood(graph)
    mentions = link(graph, "other")
    grammar = compile_grammar(tokenizer, LARK, query_grammar(around, mentions, names))
    for _ in range(4):
        query = read_written(walk(tokenizer, grammar, generator), names)
        assert query is not None and only_names_what_is_there(graph, query)
    graph.close()
