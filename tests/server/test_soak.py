"""Many clients for a while: no error, no growing memory, no key that waits longer than the others."""

import gc
import json
import random
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import psutil
import pytest
from hash_runner import HashRunner
from serving import NAME, Serving

from textmill.infer.engine.scheduler import Limits
from textmill.serve.keys import Keys, load_keys, new_key
from textmill.tokenizer.tokenizer import Tokenizer

CLIENTS = 64
KEYS = 4


def body_of(rng: random.Random) -> tuple[str, dict[str, Any]]:
    """Something of everything, each with what one needs to check it."""
    text = "".join(rng.choice(("the cat ", "猫", "😀", "sat ")) for _ in range(rng.randrange(1, 20)))
    writing = {"model": NAME, "seed": rng.randrange(1000), "ignore_eos": True}
    kind = rng.randrange(6)
    if kind == 0:
        return "/v1/embeddings", {"model": NAME, "input": text}
    if kind == 1:
        return "/v1/completions", writing | {"prompt": text, "max_tokens": 8, "echo": True, "logprobs": 1}
    if kind == 2:
        return "/v1/responses", writing | {"input": text, "max_output_tokens": 8, "stream": rng.random() < 0.5}
    if kind == 3:
        return "/tokenize", {"prompt": text}
    more = {"guided_choice": ["yes", "no"], "ignore_eos": False} if kind == 4 else {}
    messages = [{"role": "user", "content": text}]
    return "/v1/chat/completions", writing | {
        "messages": messages,
        "max_tokens": 8,
        "stream": rng.random() < 0.5,
    } | more


def client(served: Serving, key: str, seed: int, until: float, times: list[float], errors: list[str]) -> None:
    rng = random.Random(seed)
    with httpx.Client(
        base_url=served.address, headers={"authorization": f"Bearer {key}"}, timeout=900, trust_env=False
    ) as http:
        while time.monotonic() < until:
            path, body = body_of(rng)
            began = time.monotonic()
            try:
                answer = http.post(path, json=body)
                good = answer.status_code == 200 and '"error":{' not in answer.text
                if body.get("stream"):
                    good &= (
                        answer.text.endswith("[DONE]\n\n")
                        or "response.incomplete" in answer.text
                        or "response.completed" in answer.text
                    )
            except httpx.HTTPError as error:
                good, answer = False, error
            if not good:
                errors.append(f"{path} {getattr(answer, 'text', answer)!r}"[-400:])
            times.append(time.monotonic() - began)


def soak(served: Serving, keys: list[str], seconds: float) -> dict[str, Any]:
    """Runs the clients; returns figures."""
    times: dict[str, list[float]] = {key: [] for key in keys}
    errors: list[str] = []
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=client, args=(served, keys[n % KEYS], n, until, times[keys[n % KEYS]], errors))
        for n in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    memory: list[float] = []
    while time.monotonic() < until:
        time.sleep(min(5.0, seconds / 10))
        memory.append(psutil.Process().memory_info().rss / 1e6)
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert served.settled(30)
    gc.collect()
    medians = [statistics.median(each) for each in times.values()]
    slow = [statistics.quantiles(each, n=20)[-1] for each in times.values()]
    return {
        "requests": sum(map(len, times.values())),
        "errors": errors[:5],
        "seconds": seconds,
        "median_by_key": [round(each, 3) for each in medians],
        "p95_by_key": [round(each, 3) for each in slow],
        "megabytes": [round(memory[0]), round(memory[len(memory) // 2]), round(memory[-1])],
    }


@pytest.fixture
def soaked(serve: Callable[..., Serving], byte_tokenizer: Tokenizer, tmp_path: Any) -> tuple[Serving, list[str]]:
    file = str(tmp_path / "keys.txt")
    names = [new_key(file, f"key{number}") for number in range(KEYS)]
    keys: Keys = load_keys(file, {})
    runner = HashRunner(page_count=300, page_size=16, context=512)
    served = serve(runner, byte_tokenizer, keys=keys, key=names[0], limits=Limits(running=16), responses=50)
    return served, names


def check(figures: dict[str, Any]) -> None:
    assert figures["errors"] == []
    assert max(figures["median_by_key"]) < 2 * min(figures["median_by_key"])
    assert max(figures["p95_by_key"]) < 2 * min(figures["p95_by_key"])


def test_many_clients(soaked: tuple[Serving, list[str]]) -> None:
    figures = soak(*soaked, seconds=5)
    check(figures)
    assert figures["requests"] > CLIENTS


@pytest.mark.long
def test_soak_for_ten_minutes(soaked: tuple[Serving, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    figures = soak(*soaked, seconds=600)
    with capsys.disabled():
        print(f"\nsoak: {json.dumps(figures)}")
    check(figures)
    _begun, middle, end = figures["megabytes"]
    assert end - middle < 25, "memory is flat once everything has happened"
