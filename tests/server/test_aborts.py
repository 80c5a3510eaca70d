"""Clients that go away, at any moment: nothing of theirs is left, and the work ends within a step."""

import json
import random
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hash_runner import HashRunner
from serving import Serving, script_runner
from test_faults import CHAT, HELLO, raw, request

from textmill.infer.engine.scheduler import Limits
from textmill.tokenizer.tokenizer import Tokenizer

PHASES = ("connected", "half a head", "half a body", "sent", "waiting", "first event", "in the stream", "tokenizing")


def hang_up(client: socket.socket, rng: random.Random) -> None:
    if rng.random() < 0.5:  # with a reset, as when a process is killed
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def abort(served: Serving, seed: int) -> str:
    """Asks for something and goes away in the middle."""
    rng = random.Random(seed)
    phase = rng.choice(PHASES)
    body = {
        "messages": [{"role": "user", "content": "Hi 你好 " * rng.randrange(1, 20 if phase != "tokenizing" else 4000)}],
        "max_tokens": rng.randrange(1, 60),
        "ignore_eos": True,
        "n": rng.choice((1, 1, 3)),
        "stream": rng.random() < 0.7 or phase in ("first event", "in the stream"),
    }
    if rng.random() < 0.15:
        body |= {"guided_regex": "[a-z ]{200}"}
    data = request(body)
    cut = {"connected": 0, "half a head": 40, "half a body": len(data) - 30}.get(phase, len(data))
    client = raw(served, data[:cut])
    if phase == "waiting":
        time.sleep(rng.random() * 0.05)
    if phase in ("first event", "in the stream"):
        client.recv(1)
        time.sleep(rng.random() * 0.05 if phase == "in the stream" else 0)
    hang_up(client, rng)
    return phase


def run_aborts(served: Serving, count: int, fresh: Callable[[], None] = lambda: None) -> dict[str, int]:
    phases: dict[str, int] = {}
    with ThreadPoolExecutor(16) as pool:
        for phase in pool.map(lambda seed: abort(served, seed), range(count)):
            phases[phase] = phases.get(phase, 0) + 1
    assert served.settled(60)
    pool_of_pages = served.engine.scheduler.pool
    assert pool_of_pages.held == 0
    assert pool_of_pages.available == pool_of_pages.count
    assert served.post(CHAT, {"messages": HELLO, "max_tokens": 2})[0] == 200
    assert set(phases) == set(PHASES)
    return phases


def served_for_aborts(serve: Callable[..., Serving], tokenizer: Tokenizer) -> Serving:
    runner = HashRunner(page_count=150, context=400)
    return serve(runner, tokenizer, limits=Limits(running=6), queue=1000, queue_per_key=1000, read_seconds=5.0)


def test_aborted_requests_leave_nothing(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    run_aborts(served_for_aborts(serve, byte_tokenizer), 300)


@pytest.mark.long
def test_ten_thousand_aborted_requests(
    serve: Callable[..., Serving], byte_tokenizer: Tokenizer, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    phases = run_aborts(served_for_aborts(serve, byte_tokenizer), 10_000)
    with capsys.disabled():
        print(f"\naborts: {json.dumps(phases)} in {time.monotonic() - began:.0f} s")


@pytest.mark.parametrize("stream", [True, False])
def test_the_work_ends_within_a_step(stream: bool, serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    runner = script_runner(byte_tokenizer, [97])
    runner.delay = 0.1
    served = serve(runner, byte_tokenizer)
    client = raw(served, request({"messages": HELLO, "max_tokens": 200, "stream": stream}))
    while not served.engine.totals.written:
        time.sleep(0.01)
    client.close()
    before = served.engine.totals.steps
    assert served.settled(5)
    assert served.engine.totals.steps - before <= 2, "the step that ran, and no other after the next"
