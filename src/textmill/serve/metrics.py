"""/metrics: what Prometheus reads, in a registry of the server's own."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from textmill.infer.engine.engine import Engine, Totals
from textmill.infer.native.bandwidth import reading_of
from textmill.serve.dispatch import Answer

if TYPE_CHECKING:
    from textmill.serve.service import Service

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
METHODS = frozenset(("GET", "POST", "HEAD", "OPTIONS"))


class Metrics:
    """Counters and histograms; the engine's own numbers are read when somebody asks."""

    def __init__(self, service: "Service") -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "textmill_http_requests", "Requests answered", ("route", "method", "status"), registry=self.registry
        )
        self.first = Histogram(
            "textmill_time_to_first_token_seconds",
            "From a request's submission to its first token",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.each = Histogram(
            "textmill_time_per_token_seconds",
            "Between two tokens of an answer, its mean",
            buckets=TOKEN_SECONDS,
            registry=self.registry,
        )
        self.whole = Histogram(
            "textmill_request_seconds", "From submission to the end", buckets=SECONDS, registry=self.registry
        )
        self.engines = EngineNumbers(service)
        self.registry.register(self.engines)  # type: ignore[arg-type]
        service.dispatcher.observe, service.dispatcher.observe_work = self.observe, self.observe_work

    def observe(self, answer: Answer) -> None:
        """Notes an answer's times, and who gave it."""
        self.engines.note(handle.owner.engine for handle in answer.handles)
        self.whole.observe(time.monotonic() - answer.began)
        if answer.first_token is None:
            return
        self.first.observe(answer.first_token - answer.began)
        if answer.written > 1:
            self.each.observe((answer.last_token - answer.first_token) / (answer.written - 1))

    def observe_work(self, engine: Engine, seconds: float) -> None:
        """Notes what a piece of work of many requests took."""
        self.engines.note([engine])
        self.whole.observe(seconds)

    def count(self, route: str, method: str, status: int) -> None:
        """Notes a response."""
        self.requests.labels(route, method if method in METHODS else "other", str(status)).inc()

    def text(self) -> bytes:
        """Returns everything as Prometheus reads it."""
        return generate_latest(self.registry)


class EngineNumbers:
    """Reads the engine's numbers; whole numbers, so another thread may read them while they change."""

    def __init__(self, service: "Service") -> None:
        self.service = service
        self._totals: list[Totals] = []
        """Of every engine that answered: counters go on when a better engine takes over."""

    def note(self, engines: Iterable[Engine]) -> None:
        """Remembers the engines' numbers beyond their end."""
        self._totals += [each.totals for each in engines if not any(each.totals is seen for seen in self._totals)]

    def describe(self) -> list[Any]:
        """Nothing is computed before somebody asks."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yields the families."""
        service = self.service
        engines, dispatcher = service.switch.engines, service.dispatcher
        engine, schedulers = engines[-1], [each.scheduler for each in engines]
        self.note(engines)
        about = {"model": service.name, "path": engine.runner.path}
        yield InfoMetricFamily("textmill_model", "The model, and the weights and kernels that run it", value=about)
        gauges = {
            "textmill_running_texts": ("Texts in the engine's steps", sum(len(each.running) for each in schedulers)),
            "textmill_waiting_texts": ("Texts that wait for the engine", sum(each.waiting for each in schedulers)),
            "textmill_open_texts": ("Texts of open requests", dispatcher.open.total()),
            "textmill_pages": ("Pages of keys and values", sum(each.pool.count for each in schedulers)),
            "textmill_pages_held": ("Of them, held by a text", sum(each.pool.held for each in schedulers)),
            "textmill_tokens_per_second": ("Tokens written, over ten seconds", dispatcher.tokens.value),
        }
        for name, (help, value) in gauges.items():
            yield GaugeMetricFamily(name, help, value=value)
        counters = {
            "textmill_steps": ("Steps of the engine", "steps"),
            "textmill_step_seconds": ("Seconds in steps", "seconds"),
            "textmill_prompt_tokens": ("Prompt tokens computed", "prompt_rows"),
            "textmill_reused_tokens": ("Prompt tokens found in the cache", "reused"),
            "textmill_written_tokens": ("Tokens written", "written"),
            "textmill_proposed_tokens": ("Tokens guessed ahead", "proposed"),
            "textmill_accepted_tokens": ("Guesses that came true", "accepted"),
        }
        for name, (help, key) in counters.items():
            yield CounterMetricFamily(name, help, value=sum(getattr(each, key) for each in self._totals))
        reading = reading_of(engine)
        if reading is None:
            return
        weights = engine.runner.weight_bytes  # type: ignore[attr-defined]
        yield GaugeMetricFamily("textmill_weight_bytes", "Bytes of weights that a step reads", value=weights)
        help = "Weights read a second, mean over all steps; rate(steps) / rate(step_seconds) gives it for a while"
        yield GaugeMetricFamily("textmill_weight_bytes_per_second", help, value=reading.achieved)
        help = "What this machine's memory gives to the same threads, measured once"
        yield GaugeMetricFamily("textmill_memory_bytes_per_second", help, value=reading.measured)
