"""What goes wrong: in the engine, in the model's own files, in what clients ask for, and in how they behave."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hash_runner import HashRunner
from serving import Serving, script_runner
from test_streams import events

from textmill.infer.engine.engine import Engine
from textmill.infer.engine.scheduler import Limits
from textmill.tokenizer.tokenizer import Tokenizer

HELLO = [{"role": "user", "content": "Hi"}]
CHAT = "/v1/chat/completions"


class BreakingRunner(HashRunner):
    """Works for so many steps, then raises once."""

    steps_left = 10**9

    def forward(self, parts: Any) -> Any:
        self.steps_left -= 1
        if self.steps_left == 0:
            raise RuntimeError("broken in the middle")
        return super().forward(parts)


@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/responses"])
def test_an_engine_that_fails_in_the_middle_is_told_by_an_event(
    path: str, serve: Callable[..., Serving], byte_tokenizer: Tokenizer, capfd: pytest.CaptureFixture[str]
) -> None:
    runner = BreakingRunner(page_count=100, context=200)
    served = serve(runner, byte_tokenizer)
    body = {
        CHAT: {"messages": HELLO, "max_tokens": 50, "ignore_eos": True},
        "/v1/completions": {"prompt": "x", "max_tokens": 50, "ignore_eos": True},
        "/v1/responses": {"input": "x", "max_output_tokens": 50, "ignore_eos": True},
    }[path]
    runner.steps_left = 20
    told = events(served, path, body)
    if path == "/v1/responses":
        assert told[-1]["type"] == "response.failed"
        assert told[-1]["response"]["error"]["code"] == "server_error"
        assert "response.output_text.delta" in {event["type"] for event in told}
        assert [event["sequence_number"] for event in told] == list(range(len(told)))
    else:
        assert told[-1] == "[DONE]"
        assert told[-2]["error"]["type"] == "server_error"
        assert len(told) > 5
    assert "broken" not in json.dumps(told), "what is inside the server is not told"
    assert "broken in the middle" in capfd.readouterr().err
    runner.steps_left = 5
    status, document = served.post(path, body)
    assert (status, document["error"]["code"]) == (500, "internal_error")
    assert served.post(path, body)[0] == 200, "and it goes on"


def test_scores_that_are_no_numbers(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    class Diverged(HashRunner):
        def _scores(self, seen: bytes) -> Any:
            return super()._scores(seen) * float("nan")

    served = serve(Diverged(page_count=50), byte_tokenizer)
    status, document = served.post("/v1/completions", {"prompt": "x"})
    assert (status, document["error"]["code"]) == (500, "model_error")


def test_a_cache_that_is_too_small_for_all_at_once(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    served = serve(HashRunner(page_count=20, context=64), byte_tokenizer, limits=Limits(running=16))
    body = {"prompt": "x" * 30, "max_tokens": 30, "ignore_eos": True, "temperature": 1}

    def ask(seed: int) -> tuple[int, str]:
        status, document = served.post("/v1/completions", body | {"seed": seed})
        return status, document["choices"][0]["text"]

    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(ask, range(16)))
    assert [status for status, _ in together] == [200] * 16
    assert together == [ask(seed) for seed in range(16)], "each has the text that it has alone"


def test_a_cache_that_is_smaller_than_the_context(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    served = serve(HashRunner(page_count=8, context=64), byte_tokenizer)
    status, document = served.post("/v1/completions", {"prompt": "x" * 40})
    assert (status, document["error"]["code"]) == (400, "context_length_exceeded")
    status, document = served.post("/v1/completions", {"prompt": "x" * 20, "max_tokens": 32, "ignore_eos": True})
    assert (status, document["usage"]["total_tokens"]) == (200, 32)


LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize("template", [LOOP, "{{ 'x' * 2000000000 }}", "{{ messages[0].nothing.more }}", "{% broken"])
def test_a_template_that_loops_holds_nobody_up(
    template: str, serve: Callable[..., Serving], byte_tokenizer: Tokenizer
) -> None:
    foreign = Tokenizer(byte_tokenizer.json_bytes, config=dict(byte_tokenizer.config) | {"chat_template": template})
    served = serve(HashRunner(page_count=400, context=400), foreign)
    with ThreadPoolExecutor(1) as pool:
        chat = pool.submit(served.post, CHAT, {"messages": HELLO})
        time.sleep(0.2)
        began = time.monotonic()
        assert served.post("/v1/completions", {"prompt": "x", "max_tokens": 20})[0] == 200
        assert time.monotonic() - began < 1.5
        status, document = chat.result()
    assert (status, document["error"]["type"]) == (400, "invalid_request_error")


RULES = "start: r0\n" + "\n".join(f'r{n}: "a" r{n + 1}' for n in range(9000)) + '\nr9000: "b"'
TERMINALS = "start: T0\n" + "\n".join(f'T{n}: "a" T{n + 1}' for n in range(9000)) + '\nT9000: "b"'
OPTIONAL = "start: " + " ".join(f"r{n}?" for n in range(3000)) + "\n" + "\n".join(f'r{n}: "a"' for n in range(3000))
PATTERNS = {f"p{n}": {"type": "string", "pattern": "(a|b){1,500}"} for n in range(300)}
BOMBS: list[dict[str, Any]] = [
    {"guided_regex": "((((a{1,200}){1,200}){1,200}){1,200})"},
    {"guided_regex": "(a|aa)+(b|bb)+(a|b|ab)*c{99999}"},
    {"guided_regex": "(" * 20_000 + "a" + ")" * 20_000},
    {"guided_regex": "|".join(f"(a{{{n}}}b)*" for n in range(2000))},
    {"guided_grammar": RULES},
    {"guided_grammar": TERMINALS},
    {"guided_grammar": OPTIONAL},
    {"guided_grammar": "start: " + '"a"? ' * 20_000},
    {"guided_grammar": "start: T\nT: " + " & ".join(f"/(.|\\n)*a{n}(.|\\n)*/" for n in range(200))},
    {"guided_grammar": 'start: start start | "a"'},
    {"guided_json": {"type": "object", "properties": PATTERNS}},
    {"guided_json": {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}] * 500}}, "$ref": "#/$defs/a"}},
    {"guided_json": {"type": "array", "items": {"type": "integer"}, "minItems": 10**9}},
    {"guided_json": {"allOf": [{"type": "string", "pattern": f".*a{n}.*"} for n in range(200)]}},
    {"guided_json": '{"items":' * 15_000 + "{}" + "}" * 15_000},
    {"guided_choice": ["x" * 4000 + str(n) for n in range(1000)]},
]


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: json.dumps(bomb)[:40])
def test_grammar_bombs_hold_nobody_up(bomb: dict[str, Any], tiny: Serving) -> None:
    slowest = 0.0
    with ThreadPoolExecutor(1) as pool, tiny.http as client:
        answer = pool.submit(tiny.post, CHAT, {"messages": HELLO, "max_tokens": 3, "seed": 1} | bomb)
        while not answer.done():
            began = time.monotonic()
            assert client.get("/health").status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        assert answer.result()[0] in (200, 400)
    assert slowest < 1.0


def raw(served: Serving, data: bytes, *, small: bool = False) -> socket.socket:
    """Connects, sends, returns the socket."""
    client = socket.socket()
    if small:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(30)
    client.connect(served.running.socket_name)
    client.sendall(data)
    return client


def request(body: Any, *, length: int | None = None, path: str = CHAT) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data) if length is None else length}\r\n\r\n".encode() + data


def drip(client: socket.socket, data: bytes, pause: float) -> None:
    try:
        for byte in data:
            client.sendall(bytes([byte]))
            time.sleep(pause)
    except OSError:
        pass  # cut off, as it should be


def closed_after(client: socket.socket) -> tuple[float, bytes]:
    """Returns after how many seconds the server closed, and what it said."""
    began, said = time.monotonic(), b""
    try:
        while part := client.recv(65536):
            said += part
    except ConnectionError:
        pass
    return time.monotonic() - began, said


def test_slow_heads_and_bodies_are_cut_off(scripted: Callable[..., Serving]) -> None:
    served = scripted("yes", read_seconds=1.0)
    silent = [raw(served, b"") for _ in range(30)]
    half = [raw(served, b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127") for _ in range(30)]
    slow_head, slow_body = raw(served, b""), raw(served, request({}, length=5000))
    threads = [
        threading.Thread(target=drip, args=(slow_head, b"GET /health HTTP/1.1\r\nX: " + b"x" * 100, 0.1)),
        threading.Thread(target=drip, args=(slow_body, b" " * 100, 0.1)),
    ]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    assert served.post(CHAT, {"messages": HELLO, "temperature": 0})[0] == 200
    assert time.monotonic() - began < 1, "nobody else waits"
    seconds, said = closed_after(slow_body)
    assert seconds < 5
    assert said.startswith(b"HTTP/1.1 408")
    assert b"request_timeout" in said
    for client in (*silent, *half, slow_head):
        assert closed_after(client)[0] < 5
        client.close()
    slow_body.close()
    for thread in threads:
        thread.join()


def test_a_reader_that_does_not_read_is_cut_off(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    served = serve(script_runner(byte_tokenizer, [97]), byte_tokenizer, read_seconds=1.0)
    body = {"messages": HELLO, "max_tokens": 700, "n": 4, "stream": True, "logprobs": True, "top_logprobs": 20}
    lazy = raw(served, request(body), small=True)
    time.sleep(0.2)
    began = time.monotonic()
    assert served.post(CHAT, {"messages": HELLO, "max_tokens": 20})[0] == 200
    assert time.monotonic() - began < 5
    assert served.settled(30), "its place is free though it never read"
    end = time.monotonic() + 10
    while served.running.server.server_state.connections and time.monotonic() < end:
        time.sleep(0.05)
    _, said = closed_after(lazy)
    assert b"[DONE]" not in said
    lazy.close()


def test_too_many_connections(scripted: Callable[..., Serving]) -> None:
    served = scripted("yes", connections=20)
    held = [raw(served, b"") for _ in range(40)]
    time.sleep(0.2)
    assert len(served.running.server.server_state.connections) <= 20
    for client in held:
        client.close()
    time.sleep(0.2)
    assert served.post(CHAT, {"messages": HELLO, "temperature": 0})[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 1000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /tokenize HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http(data: bytes, tiny: Serving) -> None:
    client = raw(tiny, data)
    client.shutdown(socket.SHUT_WR)
    seconds, said = closed_after(client)
    assert seconds < 5
    assert not said or said.startswith(b"HTTP/1.1 4")
    client.close()
    assert tiny.post("/tokenize", {"prompt": "x"})[0] == 200


def test_a_request_that_takes_too_long(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    runner = script_runner(byte_tokenizer, [97])
    runner.delay = 0.05
    served = serve(runner, byte_tokenizer, request_seconds=0.5)
    status, document = served.post(CHAT, {"messages": HELLO, "max_tokens": 100})
    assert (status, document["error"]["code"]) == (504, "timeout")
    told = events(served, CHAT, {"messages": HELLO, "max_tokens": 100})
    assert told[-2]["error"]["code"] == "timeout"


def test_seeds_hold_whatever_else_the_server_does(tiny: Serving) -> None:
    def ask(seed: int) -> str:
        body = {"messages": HELLO, "seed": seed, "max_tokens": 12, "logprobs": True}
        return json.dumps(tiny.post(CHAT, body)[1]["choices"])

    alone = [ask(seed) for seed in range(12)]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(ask, range(12))) == alone


def test_a_faster_engine_takes_over_in_the_middle(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    slow, fast = script_runner(byte_tokenizer, "slow answer"), script_runner(byte_tokenizer, "fast")
    slow.delay, fast.path = 0.05, "fast"
    served = serve(slow, byte_tokenizer)
    body = {"messages": HELLO, "temperature": 0}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(served.post, CHAT, body)
        while not served.engine.totals.written:
            time.sleep(0.01)
        served.running.switch.replace(Engine(fast, byte_tokenizer))
        second = served.post(CHAT, body)[1]
        assert not first.done()
        before = first.result()[1]
    assert (before["choices"][0]["message"]["content"], before["system_fingerprint"]) == ("slow answer", "script")
    assert (second["choices"][0]["message"]["content"], second["system_fingerprint"]) == ("fast", "fast")
    assert served.metric("textmill_written_tokens_total") == len("slow answer") + len("fast") + 2
