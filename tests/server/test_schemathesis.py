"""Requests made of the OpenAPI document, good and bad ones: every answer is in order, none is a 5xx."""

import json
import time
from collections.abc import Callable

import pytest
import schemathesis
from hash_runner import HashRunner
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from serving import Serving

from textmill.tokenizer.tokenizer import Tokenizer

pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # other threads of this process do
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
PATHS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/tokenize",
    "/detokenize",
)
MODEL = "/v1/models/{model}"


PATIENCE = 900.0
"""Seconds for an answer: a busy machine may stand still for minutes."""


def ask(served: Serving, path: str, mode: GenerationMode, count: int, slow: list[str] | None = None) -> dict[int, int]:
    """Sends `count` requests; returns {status: how often}, and notes in `slow` which took ten seconds or more."""
    with served.http as client:
        document = client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    operation = schema[path]["GET" if "{" in path else "POST"]
    statuses: dict[int, int] = {}

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        began = time.monotonic()
        answer = case.call(base_url=served.address, timeout=PATIENCE)
        if slow is not None and time.monotonic() - began > 10:
            slow.append(f"{time.monotonic() - began:.0f} s: {case.as_curl_command()[:2000]}")
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        if answer.status_code >= 400 and "json" in answer.headers.get("content-type", [""])[0]:
            error = answer.json()["error"]
            assert set(error) == {"message", "type", "param", "code"}
            assert error["message"]
        if answer.status_code == 200 and "application/json" in answer.headers["content-type"][0]:
            assert answer.json()

    check()
    return statuses


@pytest.fixture
def served(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> Serving:
    return serve(HashRunner(page_count=200, page_size=16, context=512), byte_tokenizer, tokens=24, samples=3)


@pytest.mark.parametrize("path", PATHS)
def test_made_requests(path: str, served: Serving) -> None:
    good = ask(served, path, GenerationMode.POSITIVE, 12)
    bad = ask(served, path, GenerationMode.NEGATIVE, 12)
    assert sum(good.values()) + sum(bad.values()) >= 8
    assert set(bad) - {200}, "what the document forbids is refused"


def test_made_names_of_models(served: Serving) -> None:
    assert set(ask(served, MODEL, GenerationMode.POSITIVE, 20)) <= {200, 404}


@pytest.mark.long
def test_ten_thousand_made_requests(served: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    told, slow = {}, []
    for path in PATHS:
        for mode in MODES:
            told[f"{path} {mode.value}"] = ask(served, path, mode, 850, slow)
    told[MODEL] = ask(served, MODEL, GenerationMode.POSITIVE, 300)
    with capsys.disabled():
        print(f"\nschemathesis: {json.dumps(told, indent=1)}")
    total = sum(sum(statuses.values()) for statuses in told.values())
    with capsys.disabled():
        print(f"schemathesis: {total} requests, no 5xx; slow: {json.dumps(slow)}")
    assert total >= 10_000
