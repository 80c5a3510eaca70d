"""/v1/completions: text that goes on from prompts, with the prompts' own log-probabilities where asked for."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from textmill.errors import UsageError
from textmill.infer.engine.request import SCORE, WRITE, Grammar, Request
from textmill.infer.events import END, STOP, Event, Scored
from textmill.serve.chat import Head, check_stream, usage
from textmill.serve.choice import number, token_text
from textmill.serve.dispatch import Answer
from textmill.serve.grammars import wished
from textmill.serve.refusal import Refused
from textmill.serve.sampling import sampling_settings, stops
from textmill.serve.service import Service
from textmill.serve.stream import event
from textmill.serve.web import Call
from textmill.tokenizer.stream import StreamDecoder
from textmill.tokenizer.tokenizer import Tokenizer


@dataclass(kw_only=True)
class TokenLog:
    """The `logprobs` of one text: tokens, their log-probabilities, the likeliest ones, where they begin."""

    tokenizer: Tokenizer
    tokens: list[str] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    top: list[dict[str, float] | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    length: int = 0

    def __post_init__(self) -> None:
        self.decoder = StreamDecoder(self.tokenizer, skip_special=False)

    def add(self, id: int, value: float | None, top: tuple[tuple[int, float], ...]) -> None:
        """Notes a token; the first of all has no value, for nothing stands before it."""
        name = self._name(id)
        self.tokens.append(name)
        self.offsets.append(self.length)
        self.length += len(self.decoder.feed(id))
        self.values.append(None if value is None else number(value))
        likeliest = {self._name(other): number(score) for other, score in top}
        self.top.append(None if value is None else likeliest | {name: number(value)})

    def _name(self, id: int) -> str:
        return token_text(self.tokenizer.token_bytes(id))

    def document(self, first: int = 0) -> dict[str, Any]:
        """Returns the entries from `first` on."""
        return {
            "tokens": self.tokens[first:],
            "token_logprobs": self.values[first:],
            "top_logprobs": self.top[first:],
            "text_offset": self.offsets[first:],
        }


@dataclass(kw_only=True)
class Text:
    """One text of the answer: its prompt, where that is wanted back, and what was written."""

    log: TokenLog | None
    ends: frozenset[int]
    parts: list[str] = field(default_factory=list)
    reason: str | None = None
    total: float = 0.0
    count: int = 0

    def feed(self, event: Event) -> None:
        """Takes an event."""
        self.parts.append(event.text)
        self.total, self.count = self.total + event.log_probability, self.count + 1
        if self.log is not None and event.id not in self.ends:
            self.log.add(event.id, event.log_probability, event.top)
        if event.finish_reason:
            self.reason = "stop" if event.finish_reason in (END, STOP) else "length"

    def choice(self, index: int, text: str, first: int = 0) -> dict[str, Any]:
        """Returns the choice with `text`, and the log's entries from `first` on."""
        logprobs = None if self.log is None else self.log.document(first)
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The engine's requests, one a prompt, and the texts that `echo` wants back."""

    requests: list[Request]
    echoes: list[str]
    starts: list[int]
    """How many ids stand before each prompt's own text."""


def plan(service: Service, values: Mapping[str, Any], key: str, grammar: Grammar | None) -> Plan:
    """Returns what to ask the engine; done in the pool."""
    writes = values["max_tokens"] > 0
    adapter = service.adapter(values["model"])
    made = Plan(requests=[], echoes=[], starts=[])
    for index, prompt in enumerate(values["prompt"]):
        param = "prompt" if len(values["prompt"]) == 1 else f"prompt.{index}"
        ids = service.prompt(prompt, param)
        settings = sampling_settings(
            values,
            max_tokens=max(1, service.answer_tokens(values["max_tokens"], len(ids))),
            vocabulary=service.tokenizer.vocabulary_size,
            n=(values["best_of"] or values["n"]) if writes else 1,
            logprobs=values["logprobs"] or 0,
            stop=stops(values["stop"]),
        )
        scores = values["echo"] and values["logprobs"] is not None
        made.requests.append(
            Request(
                ids=ids,
                settings=settings,
                kind=WRITE if writes else SCORE,
                scores=scores and writes,
                grammar=grammar,
                adapter=adapter,
                key=key,
            )
        )
        is_text = isinstance(prompt, str)
        made.echoes.append(prompt if is_text else service.tokenizer.decode(prompt, skip_special=False))
        made.starts.append(len(ids) - len(service.tokenizer.encode(prompt)) if is_text else 0)
    return made


def check(values: Mapping[str, Any], most: int) -> None:
    """Refuses what only makes no sense together."""
    check_stream(values)
    best = values["best_of"]
    if best is not None and best < values["n"]:
        error = UsageError("serve.out_of_range", name="best_of", low=values["n"], high=most, value=best)
        raise Refused(error, param="best_of", code="out_of_range")
    if values["stream"] and best is not None and best > values["n"]:
        raise Refused(UsageError("serve.together", names="best_of, stream"), param="best_of")
    if values["max_tokens"] == 0 and not values["echo"]:
        raise Refused(UsageError("serve.needs", name="max_tokens = 0", other="echo"), param="max_tokens")


async def completions(call: Call) -> None:
    """Answers a request for text."""
    service, values = call.service, call.values
    check(values, service.bounds.samples)
    wish = wished(values)
    grammar = await service.grammar(*wish) if wish is not None else None
    planned = await service.in_pool(plan, service, values, call.key, grammar)
    head = Head(service, "text_completion", values["model"], "cmpl")
    with service.dispatcher.start(planned.requests, call.place) as answer:
        if values["stream"]:
            await call.send_events(chunks(service, planned, answer, head, values))
            return
        texts = [fresh_texts(service, planned, values, index) for index in range(len(planned.requests))]
        async for batch in answer.outputs():
            for index, output in batch:
                if isinstance(output, Scored):
                    echo_scores(planned, index, texts[index], output)
                elif isinstance(output, Event):
                    texts[index][output.sample].feed(output)
        shown = []
        for echo, several in zip(planned.echoes, texts, strict=True):
            several.sort(key=lambda text: -text.total / max(1, text.count)) if values["best_of"] else None
            for text in several[: values["n"]] if values["max_tokens"] else several * values["n"]:
                text.reason = text.reason or "length"
                shown.append(text.choice(len(shown), (echo if values["echo"] else "") + "".join(text.parts)))
        await call.send_json(head.of(answer, shown) | {"usage": usage(answer)})


def fresh_texts(service: Service, planned: Plan, values: Mapping[str, Any], index: int) -> list[Text]:
    """Returns an empty text for each sample of a prompt."""
    logged = values["logprobs"] is not None
    texts = [
        Text(log=TokenLog(tokenizer=service.tokenizer) if logged else None, ends=service.engine.ends)
        for _ in range(planned.requests[index].settings.n)
    ]
    return texts


def echo_scores(planned: Plan, index: int, texts: list[Text], scored: Scored) -> None:
    """Writes the prompt's tokens and what the model thought of them at the beginning of each text's log."""
    ids = planned.requests[index].ids
    for text in texts:
        if text.log is None:
            continue
        for place in range(planned.starts[index], len(ids)):
            value = scored.log_probabilities[place - scored.first] if place >= scored.first else None
            top = scored.top[place - scored.first] if scored.top and place >= scored.first else ()
            text.log.add(ids[place], value, top)


async def chunks(
    service: Service, planned: Plan, answer: Answer, head: Head, values: Mapping[str, Any]
) -> AsyncIterator[bytes]:
    """Yields the chunks of a stream."""
    options = values["stream_options"] or {}
    more = {"usage": None} if options.get("include_usage") else {}
    texts = [fresh_texts(service, planned, values, index) for index in range(len(planned.requests))]
    begun: set[tuple[int, int]] = set()
    async for batch in answer.outputs():
        for index, output in batch:
            if isinstance(output, Scored):
                echo_scores(planned, index, texts[index], output)
                if planned.requests[index].kind == WRITE:
                    continue
                samples, written = range(values["n"]), ""
            elif isinstance(output, Event):
                samples, written = range(output.sample, output.sample + 1), output.text
            else:
                continue
            for sample in samples:
                text = texts[index][min(sample, len(texts[index]) - 1)]
                first = len(text.log.tokens) if text.log is not None and (index, sample) in begun else 0
                if isinstance(output, Event):
                    text.feed(output)
                else:
                    text.reason = "length"
                if values["echo"] and (index, sample) not in begun:
                    written = planned.echoes[index] + written
                begun.add((index, sample))
                if written or text.reason or text.log is not None:
                    yield event(head.of(answer, [text.choice(index * values["n"] + sample, written, first)]) | more)
    if options.get("include_usage"):
        yield event(head.of(answer, []) | {"usage": usage(answer)})
