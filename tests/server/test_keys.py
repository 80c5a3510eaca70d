"""Who is let in, whose turn it is, and who is told to come again."""

import socket
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hash_runner import HashRunner
from serving import Serving, script_runner

from textmill.errors import InputError, UsageError
from textmill.infer.engine.scheduler import Limits
from textmill.serve.app import OPEN
from textmill.serve.keys import Keys, is_loopback, load_keys, new_key
from textmill.tokenizer.tokenizer import Tokenizer

HELLO = [{"role": "user", "content": "Hi"}]
ROUTES = ("/", "/v1/models", "/v1/models/tiny", "/metrics", "/openapi.json", "/nothing")
POSTS = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/tokenize", "/detokenize")


@pytest.fixture
def two(tmp_path: Path) -> tuple[Keys, str, str]:
    file = str(tmp_path / "keys.txt")
    alice, bob = new_key(file, "alice"), new_key(file, "bob")
    return load_keys(file, {}), alice, bob


def test_every_route_but_health_needs_a_key(
    two: tuple[Keys, str, str], serve: Callable[..., Serving], byte_tokenizer: Tokenizer
) -> None:
    keys, alice, _ = two
    served = serve(HashRunner(page_count=50), byte_tokenizer, keys=keys, key=alice)
    wrong = ("", "Bearer", "Bearer x", f"Basic {alice}", f"Bearer {alice}x", f"Bearer {alice[:-1]}", "Bearer \xff")
    with served.http as client:
        for header in wrong:
            for path in ROUTES:
                answer = client.get(path, headers={"authorization": header.encode("latin-1")})
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
                assert answer.json()["error"]["code"] == "invalid_api_key"
            for path in POSTS:
                assert (
                    client.post(path, json={}, headers={"authorization": header.encode("latin-1")}).status_code == 401
                )
        for path in OPEN:
            assert client.get(path, headers={"authorization": ""}).status_code == 200
        assert [client.get(path).status_code for path in ROUTES] == [200] * 5 + [404]
        assert client.get("/v1/models", headers={"host": "example.org"}).status_code == 200
        assert client.get("/v1/models", headers={"authorization": f"bearer {alice}"}).status_code == 200


def test_without_keys_only_this_machines_names_are_answered(tiny: Serving) -> None:
    with tiny.http as client:
        for host, status in (
            ("evil.example", 403),
            ("127.0.0.1:1", 200),
            ("[::1]:9", 200),
            ("localhost", 200),
            ("", 403),
        ):
            assert client.get("/v1/models", headers={"host": host}).status_code == status


def test_keys_are_kept_as_hashes(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "keys.txt"
    key = new_key(str(file), "alice")
    text = file.read_text()
    assert key not in text
    assert text.startswith("alice sha256:")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("# whose\n\n" + text.rstrip("\n"))
    second = new_key(str(file), "bob")
    keys = load_keys(str(file), {"TEXTMILL_SERVE_KEY": "x" * 32})
    assert [keys.name_of(each) for each in (key, second, "x" * 32, "x" * 31, "")] == [
        "alice",
        "bob",
        "environment",
        None,
        None,
    ]


def test_every_known_key_is_compared(monkeypatch: pytest.MonkeyPatch, two: tuple[Keys, str, str]) -> None:
    from textmill.serve import keys as module

    compared = []
    real = module.hmac.compare_digest
    monkeypatch.setattr(module.hmac, "compare_digest", lambda a, b: compared.append(1) or real(a, b))
    keys, alice, bob = two
    for each in (alice, bob, "neither"):
        compared.clear()
        keys.name_of(each)
        assert len(compared) == 2


@pytest.mark.parametrize(
    ("text", "key"),
    [("alice plain-secret\n", "serve.keys_line"), ("\n# nothing\n", "serve.keys_empty"), (None, "serve.keys_missing")],
)
def test_a_keys_file_that_is_none(text: str | None, key: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_keys(str(file), {})
    assert caught.value.key == key
    assert "plain-secret" not in str(caught.value)


def test_weak_keys_and_bad_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_keys("", {"TEXTMILL_SERVE_KEY": "short"})
    with pytest.raises(UsageError):
        new_key(str(tmp_path / "keys.txt"), "two words")
    assert [
        is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1", "x")
    ] == [
        *[True] * 4,
        *[False] * 4,
    ]


def test_a_full_queue_says_when_to_come_again(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    runner = script_runner(byte_tokenizer, [97])
    runner.delay = 0.02
    served = serve(runner, byte_tokenizer, at_once=2, queue=2, limits=Limits(running=2))
    body = {"messages": HELLO, "max_tokens": 60}
    with ThreadPoolExecutor(8) as pool, served.http as client:
        answers = list(pool.map(lambda _: client.post("/v1/chat/completions", json=body), range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 4 + [429] * 4
    late = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert late.json()["error"]["type"] == "rate_limit_error"
    assert served.post("/v1/chat/completions", body)[0] == 200
    assert served.post("/v1/chat/completions", body | {"n": 5})[0] == 400, "more than there can ever be"


def test_keys_share_the_server(
    two: tuple[Keys, str, str], serve: Callable[..., Serving], byte_tokenizer: Tokenizer
) -> None:
    keys, alice, bob = two
    runner = script_runner(byte_tokenizer, [97])
    runner.delay = 0.002
    limits = Limits(running=2)
    served = serve(runner, byte_tokenizer, keys=keys, key=alice, limits=limits, at_once=2, queue_per_key=30)
    ended: dict[str, list[float]] = {alice: [], bob: []}

    def ask(key: str) -> int:
        with served.http as client:
            body = {"messages": HELLO, "max_tokens": 20}
            answer = client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})
        ended[key].append(time.monotonic())
        return answer.status_code

    with ThreadPoolExecutor(40) as pool:
        many = [pool.submit(ask, alice) for _ in range(30)]
        time.sleep(0.15)
        few = [pool.submit(ask, bob) for _ in range(3)]
        assert {each.result() for each in (*many, *few)} == {200}
    assert max(ended[bob]) < sorted(ended[alice])[20], "three requests do not wait behind thirty of another key"


def test_one_key_does_not_fill_the_queue(
    two: tuple[Keys, str, str], serve: Callable[..., Serving], byte_tokenizer: Tokenizer
) -> None:
    keys, alice, bob = two
    runner = script_runner(byte_tokenizer, [97])
    runner.delay = 0.02
    served = serve(runner, byte_tokenizer, keys=keys, key=alice, queue_per_key=2)
    body = {"messages": HELLO, "max_tokens": 50}
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(served.post, "/v1/chat/completions", body) for _ in range(4)]
        time.sleep(0.3)
        assert served.post("/v1/chat/completions", body | {"max_tokens": 1}, authorization=f"Bearer {bob}")[0] == 200
        assert sorted(each.result()[0] for each in answers) == [200, 200, 429, 429]


def test_responses_of_others_are_not_found(
    two: tuple[Keys, str, str], serve: Callable[..., Serving], byte_tokenizer: Tokenizer
) -> None:
    keys, alice, bob = two
    served = serve(script_runner(byte_tokenizer, "yes"), byte_tokenizer, keys=keys, key=alice)
    body = {"input": "Hi", "temperature": 0}
    id = served.post("/v1/responses", body)[1]["id"]
    follow = body | {"previous_response_id": id}
    assert served.post("/v1/responses", follow)[0] == 200
    assert served.post("/v1/responses", follow, authorization=f"Bearer {bob}")[0] == 404


@pytest.mark.parametrize("origins", [(), ("https://good.example",)])
def test_browsers_of_other_origins(
    origins: tuple[str, ...], serve: Callable[..., Serving], byte_tokenizer: Tokenizer
) -> None:
    served = serve(HashRunner(page_count=50), byte_tokenizer, cors=origins)
    with served.http as client:
        for origin in ("https://good.example", "https://evil.example"):
            allowed = origin in origins
            headers = {"origin": origin, "access-control-request-method": "POST"}
            before = client.options(
                "/v1/completions", headers=headers | {"access-control-request-headers": "content-type"}
            )
            assert (before.status_code == 200) == allowed
            answer = client.get("/v1/models", headers={"origin": origin})
            assert (answer.headers.get("access-control-allow-origin") == origin) == allowed


def test_nothing_that_is_sent_makes_the_server_open_anything(tiny: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    engine_threads = {"textmill serve", "textmill engine", "Thread-"}
    opened: list[Any] = []
    real_open, real_connect = builtins.open, socket.socket.connect

    def ours() -> bool:
        return threading.current_thread() is not threading.main_thread() and any(
            name in threading.current_thread().name for name in engine_threads
        )

    def watched_open(*arguments: Any, **named: Any) -> Any:
        if ours():
            opened.append(arguments)
        return real_open(*arguments, **named)

    def watched_connect(self: socket.socket, address: Any) -> Any:
        if ours():
            opened.append(address)
        return real_connect(self, address)

    monkeypatch.setattr(builtins, "open", watched_open)
    monkeypatch.setattr(socket.socket, "connect", watched_connect)
    url = "http://127.0.0.1:9/x"
    schema = {"$ref": url, "$schema": url, "$id": url, "type": "object"}
    for body in (
        {"messages": HELLO, "max_tokens": 2, "guided_json": schema},
        {"messages": HELLO, "max_tokens": 2, "guided_json": {"$ref": "file:///etc/passwd"}},
        {
            "messages": [{"role": "user", "content": f"{url} file:///etc/passwd {{% include '/etc/passwd' %}}"}],
            "max_tokens": 2,
        },
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]},
        {"messages": HELLO, "max_tokens": 2, "model": "../../etc/passwd"},
        {"messages": HELLO, "max_tokens": 2, "model": "hf:owner/name"},
    ):
        assert tiny.post("/v1/chat/completions", body)[0] in (200, 400, 404)
    assert opened == []
