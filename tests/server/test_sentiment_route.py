"""/v1/sentiment: what the judge says, and what it is not asked."""

from collections.abc import Callable

import numpy as np
import pytest
from judging import reviews
from serving import Serving
from tiny_models import tiny_config, tiny_model

from textmill.apps.sentiment.form import WORDS, Blend, Form
from textmill.apps.sentiment.judge import Judge
from textmill.apps.sentiment.words import train_words
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.serve.offers import Offers
from textmill.serve.sentiment import JudgeOnOffer
from textmill.tokenizer.tokenizer import Tokenizer

ROUTE = "/v1/sentiment"


@pytest.fixture
def judge() -> Judge:
    rows = reviews(40)
    labels = ("negative", "positive")
    words = train_words([text for text, _ in rows], np.array([labels.index(label) for _, label in rows]), 2)
    form = Form(labels=labels, answers=labels, use=WORDS, threshold=0.3, blend=Blend(words=1.0))
    return Judge(form, words=words)


@pytest.fixture
def served(serve: Callable[..., Serving], byte_tokenizer: Tokenizer, judge: Judge) -> Serving:
    runner = TorchRunner(tiny_model(tiny_config(context=64)), page_count=64, page_size=16)
    return serve(runner, byte_tokenizer, offers=Offers(judge=JudgeOnOffer(name="ours", judge=judge)))


def paths(served: Serving) -> dict:
    with served.http as client:
        return client.get("/openapi.json").json()["paths"]


def test_texts_are_judged(served: Serving, judge: Judge) -> None:
    texts = ["the staff was rude", "the room was lovely", "", "x" * 500]
    status, document = served.post(ROUTE, {"input": texts, "model": "ours"})
    assert status == 200
    for text, told in zip(texts, document["data"], strict=True):
        expected = judge.judge([text])[0]
        assert told["label"] == (expected.label or None)
        assert told["set"] == list(expected.set) and told["unsure"] == expected.unsure
        assert told["abstained"] == (expected.abstained or None)
    assert [told["label"] for told in document["data"]] == ["negative", "positive", None, None]
    assert document["labels"] == ["negative", "positive"] and document["calibrated"]
    assert served.post(ROUTE, {"input": texts[0]})[1]["data"] == document["data"][:1]
    assert ROUTE in paths(served)


@pytest.mark.parametrize(
    "body", [{}, {"input": []}, {"input": 3}, {"input": ["x"] * 257}, {"input": "x", "labels": []}]
)
def test_what_is_refused(served: Serving, body: dict) -> None:
    status, document = served.post(ROUTE, body)
    assert status == 400 and document["error"]["type"] == "invalid_request_error"


def test_another_judge_is_not_there(served: Serving) -> None:
    assert served.post(ROUTE, {"input": "x", "model": "theirs"})[0] == 404


def test_without_a_judge_the_route_says_how_to_get_one(tiny: Serving) -> None:
    status, document = tiny.post(ROUTE, {"input": "x"})
    assert status == 404 and "--sentiment" in document["error"]["message"]
    assert ROUTE not in paths(tiny)
