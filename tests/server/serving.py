"""A server in this process, on a thread, over a tiny model; and ways to ask it."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection
from typing import Any

import httpx
import openai
from hash_runner import VOCABULARY, HashRunner
from torch import Tensor, full

from textmill.config import ServeSettings
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.runner import Runner
from textmill.infer.engine.scheduler import Limits
from textmill.serve.keys import Keys
from textmill.serve.offers import Offers
from textmill.serve.protocol import listen
from textmill.serve.run import Running
from textmill.tokenizer.tokenizer import Tokenizer

NAME = "tiny"
SECONDS = 60.0
HEADER = "<|im_start|>assistant\n"


class ScriptRunner(HashRunner):
    """Says a script after the last special token of the prompt and the template's words behind it."""

    path = "script"

    def __init__(self, script: Sequence[int], *, special: int, header: int, **named: Any) -> None:
        super().__init__(**named)
        self.script, self.special, self.header = list(script), special, header
        self.delay = 0.0

    def forward(self, parts: Any) -> Tensor:
        time.sleep(self.delay)
        return super().forward(parts)

    def _scores(self, seen: bytes) -> Tensor:
        ids = [int(entry.split()[0]) for entry in seen.split(b"|")]
        last = max((place for place, id in enumerate(ids) if id == self.special), default=-1)
        scores = full((VOCABULARY,), -50.0)
        scores[self.script[max(0, len(ids) - 1 - last - self.header) % len(self.script)]] = 50.0
        return scores


def script_runner(tokenizer: Tokenizer, script: str | bytes | Sequence[int], **named: Any) -> ScriptRunner:
    """A runner that answers any chat with `script` (and then ends, if that is a text)."""
    if isinstance(script, (str, bytes)):
        data = script.encode() if isinstance(script, str) else script
        script = [*tokenizer.encode_bytes(data), tokenizer.special["<|im_end|>"]]
    special, header = tokenizer.special["<|im_start|>"], len("assistant\n")
    return ScriptRunner(script, special=special, header=header, **{"page_count": 400, "context": 4000} | named)


@dataclass(kw_only=True)
class Serving:
    """A running server."""

    running: Running
    thread: threading.Thread
    key: str = "none"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.running.switch.engine

    @property
    def address(self) -> str:
        return self.running.address

    @cached_property
    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.address}/v1", api_key=self.key, max_retries=0, timeout=SECONDS)

    @property
    def http(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=SECONDS, trust_env=False)

    def connection(self) -> HTTPConnection:
        host, port = self.running.socket_name
        return HTTPConnection(host, port, timeout=SECONDS)

    def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Returns (status, document); a body of bytes is sent as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with self.http as client:
            sent = {
                "content-type": "application/json",
                **{name.replace("_", "-"): text for name, text in headers.items()},
            }
            answer = client.post(path, content=data, headers=sent)
        return answer.status_code, answer.json()

    def metric(self, name: str) -> float:
        """Returns a number of /metrics."""
        with self.http as client:
            lines = client.get("/metrics").text.splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.startswith(name) and not line.startswith("#")
        )

    def settled(self, seconds: float = 20.0) -> bool:
        """True once nothing is left of any request."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            scheduler, dispatcher = self.engine.scheduler, self.running.service.dispatcher
            left = len(scheduler.running) + scheduler.waiting + scheduler.pool.held + dispatcher.open.total()
            if self.engine.idle and not left and not dispatcher.answers:
                return True
            time.sleep(0.005)
        return False

    def stop(self) -> None:
        if "client" in vars(self):
            self.client.close()
        self.running.stop()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


def start(
    runner: Runner,
    tokenizer: Tokenizer,
    *,
    keys: Keys | None = None,
    key: str = "none",
    limits: Limits | None = None,
    offers: Offers | None = None,
    **settings: Any,
) -> Serving:
    """Starts a server and returns it when it listens."""
    engine = Engine(runner, tokenizer, limits=limits)
    chosen = ServeSettings(**{"port": 0, "drain_seconds": 5.0} | settings)
    ready = threading.Event()
    listener = listen(chosen.host, chosen.port)
    running = Running(
        engine,
        chosen,
        listener,
        name=NAME,
        keys=keys or Keys({}),
        offers=offers,
        on_ready=lambda address: ready.set(),
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    assert ready.wait(SECONDS)
    return Serving(running=running, thread=thread, key=key)
