"""The engine on its thread: answers, taking back, failing, draining."""

import queue
import threading

import pytest
from hash_runner import HashRunner

from textmill.errors import ModelError, ResourceError
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.engine.thread import EngineSwitch, EngineThread
from textmill.infer.events import Event, Failed, Output
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.tokenizer import Tokenizer

SETTINGS = SamplingSettings(max_tokens=8, seed=1, ignore_end=True)
PATIENCE = 60.0


class Held(HashRunner):
    """Computes only while `go` is set."""

    def __init__(self) -> None:
        super().__init__(page_count=40)
        self.go, self.entered = threading.Event(), threading.Event()

    def forward(self, parts: object) -> object:  # type: ignore[override]
        self.entered.set()
        assert self.go.wait(PATIENCE)
        return super().forward(parts)  # type: ignore[arg-type]


def answer(outputs: "queue.Queue[Output]") -> list[Output]:
    told = []
    while True:
        told.append(outputs.get(timeout=PATIENCE))
        if isinstance(told[-1], Failed) or (isinstance(told[-1], Event) and told[-1].finish_reason):
            return told


def test_many_threads_ask(byte_tokenizer: Tokenizer) -> None:
    thread = EngineThread(Engine(HashRunner(page_count=60), byte_tokenizer)).start()
    outputs: list[queue.Queue[Output]] = [queue.Queue() for _ in range(20)]

    def ask(number: int) -> None:
        thread.submit(Request(ids=(1, number), settings=SETTINGS), outputs[number].put)

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for asker in askers:
        asker.start()
    assert [len(answer(each)) for each in outputs] == [8] * 20
    assert thread.close(timeout=PATIENCE)
    assert thread.engine.idle
    with pytest.raises(ResourceError):
        thread.submit(Request(ids=(1,), settings=SETTINGS), print)


def test_what_is_taken_back_is_told_no_more(byte_tokenizer: Tokenizer) -> None:
    runner = Held()
    thread = EngineThread(Engine(runner, byte_tokenizer)).start()
    taken: queue.Queue[Output] = queue.Queue()
    kept: queue.Queue[Output] = queue.Queue()
    handle = thread.submit(Request(ids=(1, 2), settings=SETTINGS), taken.put)
    assert runner.entered.wait(PATIENCE)
    thread.submit(Request(ids=(3, 4), settings=SETTINGS), kept.put)
    thread.cancel(handle)
    runner.go.set()
    assert len(answer(kept)) == 8
    assert taken.empty()
    assert thread.close(timeout=PATIENCE)
    assert thread.engine.scheduler.pool.held == 0


def test_a_failure_is_told_to_all_and_new_requests_are_answered(byte_tokenizer: Tokenizer) -> None:
    runner = Held()
    thread = EngineThread(Engine(runner, byte_tokenizer)).start()
    outputs: list[queue.Queue[Output]] = [queue.Queue() for _ in range(3)]
    runner.broken = RuntimeError("broken")
    for each in outputs[:2]:
        thread.submit(Request(ids=(1, 2), settings=SETTINGS), each.put)
    runner.go.set()
    first = [answer(each)[-1] for each in outputs[:2]]
    assert all(isinstance(output, Failed) and output.error is runner.broken for output in first)
    runner.broken = None
    thread.submit(Request(ids=(1, 2), settings=SETTINGS), outputs[2].put)
    assert len(answer(outputs[2])) == 8
    refused: queue.Queue[Output] = queue.Queue()
    thread.submit(Request(ids=(999,), settings=SETTINGS), refused.put)
    (output,) = answer(refused)
    assert isinstance(output, Failed)
    assert isinstance(output.error, ModelError)
    assert thread.close(timeout=PATIENCE)


@pytest.mark.parametrize("drain", [True, False])
def test_closing_lets_requests_finish_or_tells_them(drain: bool, byte_tokenizer: Tokenizer) -> None:
    runner = Held()
    thread = EngineThread(Engine(runner, byte_tokenizer)).start()
    outputs: queue.Queue[Output] = queue.Queue()
    thread.submit(Request(ids=(1, 2), settings=SETTINGS), outputs.put)
    assert runner.entered.wait(PATIENCE)
    closer = threading.Thread(target=thread.close, kwargs={"drain": drain})
    closer.start()
    while not thread._closing:
        pass
    runner.go.set()
    closer.join(PATIENCE)
    assert not thread.alive
    told = answer(outputs)
    assert isinstance(told[-1], Event if drain else Failed)


def test_new_requests_get_the_new_engine_and_old_ones_end_on_theirs(byte_tokenizer: Tokenizer) -> None:
    slow, fast = Held(), HashRunner(page_count=40)
    slow.path, fast.path = "slow", "fast"
    switch = EngineSwitch(Engine(slow, byte_tokenizer))
    outputs: list[queue.Queue[Output]] = [queue.Queue() for _ in range(3)]
    first = switch.submit(Request(ids=(1, 2), settings=SETTINGS), outputs[0].put)
    taken_back = switch.submit(Request(ids=(1, 2), settings=SETTINGS), outputs[1].put)
    assert slow.entered.wait(PATIENCE)
    switch.replace(Engine(fast, byte_tokenizer))
    second = switch.submit(Request(ids=(1, 2), settings=SETTINGS), outputs[2].put)
    quick = answer(outputs[2])
    assert [engine.runner.path for engine in switch.engines] == ["slow", "fast"]
    switch.cancel(taken_back)
    slow.go.set()
    assert answer(outputs[0]) == quick, "both are the same model here"
    assert first.ticket is not None
    assert second.ticket is not None
    assert (first.ticket.path, second.ticket.path) == ("slow", "fast")
    assert first.owner._thread.join(PATIENCE) is None
    assert not first.owner.alive
    assert [engine.runner.path for engine in switch.engines] == ["fast"]
    assert outputs[1].empty()
    assert switch.close(timeout=PATIENCE)
    with pytest.raises(ResourceError):
        switch.submit(Request(ids=(1,), settings=SETTINGS), print)
