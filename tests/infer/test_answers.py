"""Many requests over one engine: each answer whole, in order, read only as far ahead as is needed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from hash_runner import HashRunner

from textmill.errors import ModelError
from textmill.infer.answers import AHEAD, Answer, answers
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.engine.scheduler import Limits
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.tokenizer import Tokenizer

WRITING = SamplingSettings(temperature=1.0, top_p=1.0, seed=3, ignore_end=True)


def make_engine(tokenizer: Tokenizer, running: int) -> Engine:
    return Engine(HashRunner(page_count=200), tokenizer, limits=Limits(running=running))


def make_requests(count: int) -> list[Request]:
    return [
        Request(ids=(5, 6 + number), settings=replace(WRITING, max_tokens=1 + number * 7 % 23, n=1 + number % 2))
        for number in range(count)
    ]


def test_in_order_and_as_alone(byte_tokenizer: Tokenizer) -> None:
    given = make_requests(40)
    found = list(answers(make_engine(byte_tokenizer, 8), given))
    assert [answer.request for answer in found] == given
    for request, answer in zip(given, found, strict=True):
        alone = next(answers(make_engine(byte_tokenizer, 1), [request]))
        assert answer.samples == alone.samples
        assert len(answer.samples) == request.settings.n


def test_reads_no_further_ahead_than_it_must(byte_tokenizer: Tokenizer) -> None:
    read: list[int] = []

    def source() -> Iterator[Request]:
        for number, request in enumerate(make_requests(100)):
            read.append(number)
            yield request

    engine = make_engine(byte_tokenizer, 2)
    coming = answers(engine, source())
    for told in range(5):
        next(coming)
        assert len(read) <= told + 1 + AHEAD * 2
    coming.close()
    assert engine.idle
    assert engine.scheduler.pool.held == 0


def test_what_cannot_be_answered_stands_in_its_place(byte_tokenizer: Tokenizer) -> None:
    good = make_requests(3)
    too_long = replace(good[1], ids=(5,) * 10_000)
    found: list[Answer] = list(answers(make_engine(byte_tokenizer, 2), [good[0], too_long, good[2]]))
    assert [answer.error is None for answer in found] == [True, False, True]
    assert isinstance(found[1].error, ModelError)
    assert found[1].samples == ()


def test_a_bug_is_no_property_of_one_request(byte_tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    from textmill.infer.engine.sample import Sample

    def broken(self: Sample, logits_V: torch.Tensor, context: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Sample, "next_event", broken)
    engine = make_engine(byte_tokenizer, 2)
    with pytest.raises(ZeroDivisionError):
        list(answers(engine, make_requests(3)))
    assert engine.idle


def test_a_text_that_outgrows_the_context(byte_tokenizer: Tokenizer) -> None:
    runner = HashRunner(page_count=200)
    request = Request(ids=(5,), settings=replace(WRITING, max_tokens=runner.config.context + 5))
    assert [answer.slid for answer in answers(Engine(runner, byte_tokenizer), [request])] == [True]
