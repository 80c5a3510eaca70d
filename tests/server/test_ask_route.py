"""/v1/ask: what the graph says, in both languages, and that a question that goes on keeps its subject."""

from collections.abc import Callable
from pathlib import Path

import pytest
from graphs import town_graph
from hash_runner import HashRunner
from serving import Serving

from textmill.apps.ask.asking import Asker
from textmill.apps.graph.store import GraphWriter
from textmill.errors import InputError
from textmill.serve.asking import GraphOnOffer
from textmill.serve.offers import Offers
from textmill.tokenizer.tokenizer import Tokenizer

ROUTE = "/v1/ask"


@pytest.fixture
def served(serve: Callable[..., Serving], byte_tokenizer: Tokenizer, tmp_path: Path) -> Serving:
    town_graph(tmp_path).close()
    offers = Offers(graph=GraphOnOffer(tmp_path / "graph"))
    return serve(HashRunner(page_count=20, page_size=16, context=64), byte_tokenizer, offers=offers)


def test_answers_and_refusals_are_the_commands(served: Serving, tmp_path: Path) -> None:
    graph = town_graph(tmp_path / "own") if (tmp_path / "own").mkdir() is None else None
    assert graph is not None
    wanted = Asker(graph).ask("What is the length of Lamp Street?")
    graph.close()
    status, told = served.post(ROUTE, {"question": "What is the length of Lamp Street?", "explain": True})
    assert status == 200 and told["answers"] == list(wanted.texts) == ["300"]
    assert told["triples"] == list(wanted.triples) and told["evidence"] == list(wanted.sentences)
    assert told["considered"] and told["linked"][0]["text"] == "Lamp Street" and told["reason"] is None
    zh = served.post(ROUTE, {"question": "灯街位于哪里？"})[1]
    assert zh["answers"] == ["Riverton"] and "considered" not in zh
    for language, said in (("en", "Not in the graph"), ("zh", "图谱中没有")):
        refused = served.post(ROUTE, {"question": "Who wrote Hamlet?"}, accept_language=language)[1]
        assert refused["refused"] == "no_entity" and said in refused["reason"] and not refused["answers"]


def test_a_question_that_goes_on_keeps_its_subject(served: Serving) -> None:
    alone = served.post(ROUTE, {"question": "And how long is it, its length?"})[1]
    assert alone["refused"]
    history = ["Where does Lamp Street lie in?"]
    body = {"question": "And what is its length?", "history": history}
    assert served.post(ROUTE, body)[1]["answers"] == ["300"]
    body = {"question": "它位于哪里？", "history": ["灯街好看吗？"]}
    assert served.post(ROUTE, body)[1]["answers"] == ["Riverton"]


def test_a_graph_that_was_changed_is_seen_anew(served: Serving, tmp_path: Path) -> None:
    import pyoxigraph as ox

    question = {"question": "Where does Lamp Street lie?"}
    assert served.post(ROUTE, question)[1]["answers"] == ["Riverton"]
    lamp, lies = ox.NamedNode("https://example.org/lamp"), ox.NamedNode("https://example.org/in")
    with GraphWriter(tmp_path / "graph") as writer:
        writer.add([ox.Quad(lamp, lies, ox.NamedNode("https://example.org/Elsewhere"))])
    assert len(served.post(ROUTE, question)[1]["answers"]) == 2


@pytest.mark.parametrize("body", [{}, {"question": ""}, {"question": "  "}, {"question": "x", "graph": "/etc"}])
def test_what_is_refused(served: Serving, body: dict) -> None:
    assert served.post(ROUTE, body)[0] == 400


def test_without_a_graph(tiny: Serving, tmp_path: Path) -> None:
    status, document = tiny.post(ROUTE, {"question": "x"})
    assert status == 404 and "--graph" in document["error"]["message"]
    with pytest.raises(InputError):
        GraphOnOffer(tmp_path)
