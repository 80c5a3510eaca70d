"""What all routes share: the model, its tokenizer, the engine, the pool of threads, the limits, the names."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from textmill.config import ServeSettings
from textmill.errors import UsageError
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Grammar
from textmill.infer.engine.thread import EngineSwitch
from textmill.infer.prompts import prompt_ids, turn_stops
from textmill.serve.dispatch import Dispatcher
from textmill.serve.grammar_process import MOST_SECONDS, TOO_MUCH, tried
from textmill.serve.keys import Keys
from textmill.serve.memory import Memory
from textmill.serve.offers import Offers
from textmill.serve.parameters import Bounds
from textmill.serve.refusal import Refused
from textmill.serve.tools import form_of
from textmill.tokenizer.tokenizer import Tokenizer

POOL = 4
"""Threads for templates and tokens: off the event loop, and never the engine's."""
WORKERS = 8
"""Threads for work of many requests (`work`): each mostly waits for the engine; further ones wait their turn."""
WALK = 12
SLOWEST = 0.1
"""Seconds that the engine may spend on one token's choice; usual grammars need a thousandth of it."""


@dataclass(kw_only=True)
class Service:
    """One model on offer."""

    name: str
    switch: EngineSwitch
    settings: ServeSettings
    keys: Keys
    offers: Offers = field(default_factory=Offers)
    created: int = field(default_factory=lambda: int(time.time()))

    def __post_init__(self) -> None:
        self.tokenizer: Tokenizer = self.engine.tokenizer
        self.pool = ThreadPoolExecutor(POOL, thread_name_prefix="textmill serve")
        self.grammar_pool = ThreadPoolExecutor(2, thread_name_prefix="textmill serve")
        self.work_pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="textmill serve")
        most = self.settings.at_once + self.settings.queue
        self.dispatcher = Dispatcher(
            self.switch,
            most=most,
            most_per_key=min(most, self.settings.queue_per_key),
            seconds=self.settings.request_seconds,
        )
        self.memory = Memory(self.settings.responses)
        self.context = min(self.engine.runner.config.context, self.engine.capacity)
        self.bounds = Bounds(
            context=self.context,
            vocabulary=self.tokenizer.vocabulary_size,
            samples=min(self.settings.samples, self.dispatcher.most_per_key),
            tokens=min(self.settings.tokens or self.context, self.context),
        )
        self.call_form = form_of(self.tokenizer.chat_template)
        self.turn_stops = turn_stops(self.tokenizer)
        """A base model that is given a template whose turn's end is no token of its own."""

    @property
    def engine(self) -> Engine:
        """The engine that a new request gets."""
        return self.switch.engine

    async def in_pool(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Returns what `work` returns, done on a thread of the pool."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)

    @property
    def models(self) -> list[str]:
        """The names that a request's `model` may have: the model, and the model through each adapter."""
        return [self.name, *(f"{self.name}:{adapter}" for adapter in self.engine.runner.adapters)]

    def adapter(self, model: str | None) -> str:
        """Returns which adapter a request's `model` means, "" for none."""
        adapters = self.engine.runner.adapters
        if model is None or model == self.name:
            return ""
        if model in adapters:
            return model
        base, _, adapter = model.rpartition(":")
        if base == self.name and adapter in adapters:
            return adapter
        error = UsageError("serve.unknown_model", name=model[:200], known=", ".join(self.models))
        raise Refused(error, status=404, param="model", code="model_not_found")

    def key_name(self, key: str | None) -> str:
        """Returns whose key it is, "" on a server without keys; Refused for a wrong one."""
        if not self.keys:
            return ""
        name = self.keys.name_of((key or "").strip()) if isinstance(key, str | None) else None
        if name is None:
            headers = {"WWW-Authenticate": "Bearer"}
            raise Refused(UsageError("serve.no_key"), status=401, code="invalid_api_key", headers=headers)
        return name

    def prompt(self, prompt: str | list[int], param: str) -> tuple[int, ...]:
        """Returns a prompt's ids, if the context holds them."""
        return self.fitting(prompt_ids(self.tokenizer, prompt), param)

    def fitting(self, ids: list[int], param: str) -> tuple[int, ...]:
        """Returns the ids; Refused when the context does not hold them."""
        if len(ids) > self.context:
            error = UsageError("serve.context", tokens=len(ids), context=self.context)
            raise Refused(error, param=param, code="context_length_exceeded")
        return tuple(ids)

    def answer_tokens(self, asked: int | None, prompt: int) -> int:
        """Returns the most tokens of an answer: what was asked for, else what the context has left."""
        left = max(1, self.context - prompt + (self.context == self.engine.runner.config.context))
        return min(self.bounds.tokens if asked is None else asked, left)

    async def grammar(self, kind: str, source: Any, param: str) -> Grammar:
        """Returns a compiled grammar; in threads of its own, so that nothing else waits for a grammar that is slow."""
        return await asyncio.get_running_loop().run_in_executor(self.grammar_pool, self._compile, kind, source, param)

    def _compile(self, kind: str, source: Any, param: str) -> Grammar:
        from textmill.infer.constraints import GrammarLimits, compile_grammar, grammar_text

        limits = GrammarLimits()
        try:
            text = grammar_text(kind, source, limits)
            wrong = tried(text, limits.fuel, limits.states, limits.items)
            if wrong == TOO_MUCH:
                raise UsageError("serve.grammar_costs", seconds=MOST_SECONDS)
            if wrong:
                raise UsageError("infer.grammar", kind=kind, detail=wrong[:300])
            grammar = compile_grammar(self.tokenizer, kind, source, limits=limits)
            check_pace(grammar)
        except UsageError as error:
            raise Refused(error, param=param, code="invalid_grammar") from error
        return grammar


def check_pace(grammar: Grammar) -> None:
    """Refuses a grammar that would hold up the engine's steps: its first tokens take too long to find."""
    matcher = grammar.matcher()
    for _ in range(WALK):
        began = time.thread_time()  # not of the clock: a busy machine makes no grammar slow
        allowed = matcher.allowed().nonzero()
        seconds = time.thread_time() - began
        if seconds > SLOWEST:
            raise UsageError("serve.grammar_slow", milliseconds=round(1000 * seconds), most=round(1000 * SLOWEST))
        if not len(allowed) or matcher.complete:
            return
        matcher.take(int(allowed[0]))
