"""/v1/write: the article that the command writes, sentence by sentence, from texts alone, no further than wanted."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from serving import SECONDS, Serving
from tiny_models import tiny_config, tiny_model

from textmill.apps.write.asking import Asker, knows_template
from textmill.apps.write.compose import Writer
from textmill.apps.write.kinds import load_kind
from textmill.apps.write.order import Order
from textmill.apps.write.outline import Outline, Section
from textmill.apps.write.piece import Piece
from textmill.apps.write.render import markdown
from textmill.apps.write.sources import Finder, text_sources
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.tokenizer.tokenizer import Tokenizer

pytest.importorskip("llguidance")

ROUTE = "/v1/write"
SOURCES = [
    "The bakery on Mill Street opened in 1994. It is run by Ana Torres and her sons.",
    {"title": "Prices", "text": "A new oven from Lyon costs a lot. The council paid for it in the end."},
]
OUTLINE = {"title": "Bread", "sections": [{"heading": "One", "points": ["the bakery"]}]}
BODY = {
    "topic": "The bakery",
    "words": 20,
    "level": "simple",
    "language": "en",
    "candidates": 1,
    "outline": OUTLINE,
    "sources": SOURCES,
}


def runner() -> TorchRunner:
    return TorchRunner(tiny_model(tiny_config(context=1024)), page_count=256)


@pytest.fixture
def served(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> Serving:
    return serve(runner(), byte_tokenizer)


def own_article(tokenizer: Tokenizer) -> str:
    """The same with an engine of one's own, as the command has it."""
    engine = Engine(runner(), tokenizer)
    wanted = Order(kind="post", topic="The bakery", words=20, level="simple", language="en", candidates=1)
    kind = load_kind("post")
    asker = Asker(tokenizer=tokenizer, kind=kind, order=wanted, chat=knows_template(engine), context=1024)
    pairs = [(SOURCES[0], SOURCES[0]), (SOURCES[1]["title"], SOURCES[1]["text"])]  # type: ignore[index]
    sources = text_sources(pairs, "en")  # type: ignore[arg-type]
    sections = (Section(heading="One", points=("the bakery",)),)
    piece = Piece(order=wanted, outline=Outline(title="Bread", sections=sections).allotted(wanted), sources=sources)
    piece.begin("tiny")
    Writer(engine=engine, asker=asker, finder=Finder(sources)).write(piece)
    return markdown(piece, kind.headings)


def test_an_article_is_the_commands_also_in_a_stream(served: Serving, byte_tokenizer: Tokenizer) -> None:
    status, whole = served.post(ROUTE, BODY)
    assert status == 200, whole
    assert whole["text"] == own_article(byte_tokenizer)
    assert whole["check"]["dangling"] == 0 and not whole["check"]["unsupported"]
    assert {each["number"] for each in whole["citations"]} <= {1, 2}
    with served.http as client, client.stream("POST", ROUTE, json=BODY | {"stream": True}) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert lines.pop() == "[DONE]"
    told = [json.loads(line) for line in lines]
    kinds = [each["object"] for each in told]
    assert (kinds[0], kinds[-1], kinds.count("article.section")) == ("article.outline", "article", 1)
    assert told[-1] | {"system_fingerprint": whole["system_fingerprint"]} == whole
    said = [each["text"] for each in told if each["object"] == "article.sentence"]
    assert said == [sentence["text"] for section in whole["sections"] for sentence in section["sentences"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "../../etc/passwd.toml"}, "story"),
        ({"sources": ["  "]}, "no text"),
        ({"sources": [{"url": "http://x.org"}]}, "url"),
        ({"words": 10**9}, "words"),
        ({"words": 0}, "words"),
        ({"require": ["ovens"], "forbid": ["oven"]}, "oven"),
        ({"outline": {"title": "x", "sections": [{"heading": "x"}] * 201}}, "sections"),
        ({"outline": {"title": "x", "sections": [{"heading": "x", "words": 500}]}}, "500"),
        ({"topic": " "}, "topic"),
        ({"out": "a.md"}, "out"),
    ],
)
def test_what_is_refused(served: Serving, change: dict[str, Any], said: str) -> None:
    status, document = served.post(ROUTE, BODY | change)
    assert status == 400 and said in document["error"]["message"]
    assert (
        served.post(ROUTE, BODY | change, accept_language="zh")[1]["error"]["message"] != document["error"]["message"]
    )


def test_who_hangs_up_stops_the_writer(served: Serving) -> None:
    before, begun, go = served.engine.runner.forward, threading.Event(), threading.Event()

    def slow(parts: Any) -> Any:
        begun.set()
        assert go.wait(SECONDS)
        return before(parts)

    served.engine.runner.forward = slow  # type: ignore[method-assign]
    connection = served.connection()
    body = json.dumps(BODY | {"words": 2000, "stream": True}).encode()
    connection.request("POST", ROUTE, body, {"content-type": "application/json"})
    assert begun.wait(SECONDS)
    connection.close()
    go.set()
    assert served.settled()
    steps = served.engine.totals.steps
    assert served.post("/v1/completions", {"prompt": "a", "max_tokens": 1})[0] == 200
    assert served.engine.totals.steps <= steps + 2, "nobody writes any more"


def test_the_time_limit_ends_it(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    served = serve(runner(), byte_tokenizer, request_seconds=0.1)
    status, document = served.post(ROUTE, BODY | {"words": 5000})
    assert (status, document["error"]["code"]) == (504, "timeout")
