"""`textmill serve` as a process: when it is ready, how it ends, and when it does not begin."""

import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import httpx
import pytest
from tiny_models import tiny_config, tiny_model

from textmill.model.hub import save_model
from textmill.tokenizer.tokenizer import Tokenizer

READY = re.compile(r"Serving (\S+) at (http://127\.0\.0\.1:\d+)/v1 \((.+)\)")


@pytest.fixture(scope="module")
def model_folder(byte_tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    byte_tokenizer.save(folder / "tokenizer")
    (folder / "model").mkdir()
    save_model(tiny_model(tiny_config(context=32768)), folder / "model", tokenizer_folder=folder / "tokenizer")
    return folder / "model"


@pytest.fixture
def begin(
    start_process: Callable[..., subprocess.Popen[str]], model_folder: Path
) -> Callable[..., tuple[subprocess.Popen[str], str, str]]:
    """Starts the command and returns it with its address and path once it says that it is ready."""

    def start(*words: object, **named: Any) -> tuple[subprocess.Popen[str], str]:
        process = start_process(
            "serve", "--model", model_folder, "--port", 0, "--name", "tiny", "--cache-tokens", 40_000, *words, **named
        )
        assert process.stdout is not None
        match = READY.match(process.stdout.readline())
        assert match is not None
        assert match[1] == "tiny"
        assert match[3].startswith("fp32")
        return process, match[2], match[3]

    return start


def stream(address: str, tokens: int, told: list[str], begun: threading.Event) -> threading.Thread:
    """Reads a stream on a thread: its lines come into `told`."""
    body = {"prompt": "x", "max_tokens": tokens, "stream": True, "ignore_eos": True}

    def read() -> None:
        try:
            with httpx.stream("POST", f"{address}/v1/completions", json=body, timeout=60, trust_env=False) as answer:
                for line in answer.iter_lines():
                    told.append(line)
                    begun.set()
        except httpx.HTTPError:
            told.append("cut off")

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(60)
    return thread


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_open_answers_end(number: signal.Signals, begin: Callable[..., Any]) -> None:
    process, address, _ = begin()
    told: list[str] = []
    reader = stream(address, 400, told, threading.Event())
    process.send_signal(number)
    reader.join(60)
    _out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert told[-2:] == ["data: [DONE]", ""]
    assert sum('"text"' in line for line in told) > 100
    assert "Stopped." in err
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/health", trust_env=False)


def test_the_drain_has_its_limit_and_says_so(begin: Callable[..., Any]) -> None:
    process, address, _ = begin("--serve.drain_seconds", "0.3")
    told: list[str] = []
    reader = stream(address, 30_000, told, threading.Event())
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    reader.join(60)
    process.communicate(timeout=30)
    assert (process.returncode, time.monotonic() - began < 5) == (0, True)
    last = [line for line in told if line.startswith("data: {")][-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "shutting_down"


def test_a_second_signal_ends_it_at_once(begin: Callable[..., Any]) -> None:
    process, address, _ = begin()
    told: list[str] = []
    reader = stream(address, 30_000, told, threading.Event())
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - began < 4
    reader.join(60)
    assert told[-1] == "cut off"


def test_keys_and_the_document_at_the_end(
    begin: Callable[..., Any], run_textmill: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "keys.txt"
    made = run_textmill("serve", "--new-key", "alice", "--keys", file).ok()
    key = made.out.strip()
    assert key.startswith("tm-")
    assert key not in file.read_text()
    assert key not in made.err
    process, address, path = begin("--keys", file, env={"TEXTMILL_SERVE_KEY": "k" * 40})
    for given, status in ((key, 200), ("k" * 40, 200), ("wrong", 401)):
        answer = httpx.get(f"{address}/v1/models", headers={"authorization": f"Bearer {given}"}, trust_env=False)
        assert answer.status_code == status
    headers = {"authorization": f"Bearer {key}"}
    body = {"prompt": "x", "max_tokens": 3}
    assert httpx.post(f"{address}/v1/completions", json=body, headers=headers, trust_env=False).status_code == 200
    metrics = httpx.get(f"{address}/metrics", headers=headers, trust_env=False).text
    assert "textmill_step_seconds_total" in metrics
    for name in ("textmill_weight_bytes_per_second", "textmill_memory_bytes_per_second"):
        assert (name in metrics) == ("cache" in path)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_port_that_is_taken(run_textmill: Callable[..., Any], model_folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = run_textmill("serve", "--model", model_folder, "--port", port)
    assert result.code == 2
    assert f"Cannot listen on port {port}" in result.err
    assert "--port 0" in result.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_no_server_for_others_without_keys(host: str, run_textmill: Callable[..., Any], model_folder: Path) -> None:
    result = run_textmill("serve", "--model", model_folder, "--host", host)
    assert result.code == 2
    assert "keys are needed" in result.err


def test_a_missing_extra_is_named(run_textmill: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *more: None if name == "uvicorn" else real(name, *more))
    result = run_textmill("serve")
    assert result.code == 2
    assert "uvicorn" in result.err
    assert "pip install 'textmill[serve]'" in result.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--new-key", "alice"), "needs a file"),
        (("--adapter", "nonsense"), "NAME=FOLDER"),
        (("--host", "no.such.host.invalid"), "no address"),
        (("--weights", "int3"), "int3"),
        (("--model", "nothing"), "nothing"),
    ],
)
def test_words_that_are_wrong(words: tuple[str, ...], said: str, run_textmill: Callable[..., Any]) -> None:
    result = run_textmill("serve", "--port", "0", *words, env={"TEXTMILL_SERVE_KEY": "k" * 40})
    assert result.code == 2
    assert said in result.err
