"""What the tests of the server share: servers of tiny models that must leave nothing behind."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from serving import Serving, script_runner, start
from tiny_models import TEXTS, tiny_config, tiny_model

from textmill.config import TokenizerSettings
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer


@pytest.fixture(scope="session")
def byte_tokenizer() -> Tokenizer:
    """Every token but the special ones is one byte."""
    return train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY)


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    """Starts servers: ``serve(runner, tokenizer, **settings)``; in the end nothing of any request may be left."""
    started: list[Serving] = []

    def make(*arguments: Any, **named: Any) -> Serving:
        started.append(start(*arguments, **named))
        return started[-1]

    yield make
    for each in started:
        settled = each.settled()
        each.stop()
        assert settled, "a request left a sample, a page or a place behind"


@pytest.fixture(scope="session")
def tiny(byte_tokenizer: Tokenizer) -> Iterator[Serving]:
    """One server of a tiny random model for all tests that only ask."""
    model = tiny_model(tiny_config(context=2048))
    served = start(TorchRunner(model, page_count=1024, page_size=16), byte_tokenizer, samples=16)
    yield served
    settled = served.settled()
    served.stop()
    assert settled


@pytest.fixture
def scripted(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> Callable[..., Serving]:
    """Starts a server whose model answers every chat with a script: ``scripted("text", **settings)``."""

    def make(script: str | bytes, *, runner: dict[str, Any] | None = None, **settings: Any) -> Serving:
        return serve(script_runner(byte_tokenizer, script, **(runner or {})), byte_tokenizer, **settings)

    return make
