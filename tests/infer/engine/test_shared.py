"""An engine that several share: to each it is as its own, to the bit, and it lets go of whoever leaves."""

import threading
from collections.abc import Iterator

import pytest
from tiny_models import TEXTS, tiny_config, tiny_model

from textmill.config import TokenizerSettings
from textmill.errors import ModelError, ResourceError
from textmill.infer.answers import Answer, answers
from textmill.infer.constraints import REGEX, compile_grammar
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.interface import TextEngine
from textmill.infer.engine.request import SCORE, Request
from textmill.infer.engine.shared import SharedEngine, WorkEnded
from textmill.infer.engine.thread import EngineSwitch
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.infer.events import Output
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import SMALLEST_VOCABULARY, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=SMALLEST_VOCABULARY)


def own_engine(tokenizer: Tokenizer) -> Engine:
    return Engine(TorchRunner(tiny_model(tiny_config(context=128)), page_count=256, page_size=16), tokenizer)


@pytest.fixture
def switch(tokenizer: Tokenizer) -> Iterator[EngineSwitch]:
    made = EngineSwitch(own_engine(tokenizer))
    yield made
    assert made.close(drain=False, timeout=20.0)


def requests(tokenizer: Tokenizer, count: int = 6) -> list[Request]:
    """Drawn texts, beams, texts under a grammar, and scores."""
    grammar = compile_grammar(tokenizer, REGEX, "[a-z]{3,9}")
    made = []
    for number in range(count):
        ids = tuple(tokenizer.encode(f"text number {number}"))
        settings = SamplingSettings(n=2, max_tokens=6 + number, seed=number, temperature=0.9, slide=False)
        kinds = ({}, {"beams": 3}, {"grammar": grammar}, {"kind": SCORE})
        made.append(Request(ids=ids, settings=settings, **kinds[number % 4]))
    return made


def test_a_share_gives_the_same_bits_beside_others(switch: EngineSwitch, tokenizer: Tokenizer) -> None:
    wanted = list(answers(own_engine(tokenizer), requests(tokenizer)))
    found: dict[int, list[Answer]] = {}

    def work(number: int) -> None:
        with switch.held() as thread:
            shared = SharedEngine(thread, key=str(number))
            assert isinstance(shared, TextEngine)
            found[number] = list(answers(shared, requests(tokenizer)))
            assert shared.written and not shared.step()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [len(found[number]) for number in range(3)] == [6, 6, 6]
    for made in found.values():
        assert [answer.samples for answer in made] == [answer.samples for answer in wanted]


def test_what_cannot_be_answered_is_refused_as_an_own_engine_does(switch: EngineSwitch) -> None:
    with switch.held() as thread:
        (answer,) = answers(SharedEngine(thread), [Request(ids=(1,) * 129)])
    assert isinstance(answer.error, ModelError)


def test_ended_work_leaves_nothing_behind(switch: EngineSwitch, tokenizer: Tokenizer) -> None:
    first, raised = threading.Event(), list[BaseException]()
    with switch.held() as thread:
        shared = SharedEngine(thread)

        def told(output: Output) -> None:
            first.set()

        def work() -> None:
            settings = SamplingSettings(max_tokens=100_000, seed=1, ignore_end=True)
            shared.add(Request(ids=tuple(tokenizer.encode("a")), settings=settings), told)
            try:
                while shared.step():
                    pass
            except WorkEnded as error:
                raised.append(error)

        worker = threading.Thread(target=work)
        worker.start()
        assert first.wait(60)
        shared.end()
        worker.join(60)
        assert raised
        with pytest.raises(WorkEnded):
            shared.add(Request(ids=(1,)), told)
        list(answers(SharedEngine(thread), requests(tokenizer, 1)))
        assert not thread.engine.scheduler.running and not thread.engine.scheduler.pool.held


def test_a_held_engine_outlives_its_replacement_but_not_the_end(switch: EngineSwitch, tokenizer: Tokenizer) -> None:
    with switch.held() as thread:
        switch.replace(own_engine(tokenizer))
        shared = SharedEngine(thread)
        assert len(list(answers(shared, requests(tokenizer, 2)))) == 2
        assert shared.thread.engine is not switch.engine
        assert switch.close(drain=False, timeout=20.0)
        (answer,) = answers(shared, requests(tokenizer, 1))
        assert isinstance(answer.error, ResourceError)
