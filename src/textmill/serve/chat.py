"""/v1/chat/completions: messages through the checkpoint's own template, an answer whole or in chunks."""

import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from textmill.errors import UsageError
from textmill.infer.constraints import JSON_STYLE
from textmill.infer.engine.request import Grammar, Request
from textmill.infer.events import Event
from textmill.serve.choice import Choice
from textmill.serve.dispatch import Answer
from textmill.serve.grammars import wished
from textmill.serve.refusal import Refused, unsupported_tools
from textmill.serve.sampling import sampling_settings, stops
from textmill.serve.service import Service
from textmill.serve.stream import event
from textmill.serve.tools import CLOSING, HERMES, ToolReader, call_schema, forced_beginning, strict_grammar
from textmill.serve.web import Call
from textmill.tokenizer.chat_messages import template_messages, template_tools
from textmill.tokenizer.chat_template import encode_chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a chat request came to: the engine's request, and how its text is read."""

    request: Request
    offered: tuple[str, ...] = ()
    """The functions that may be called; () where text is only text."""
    forced: bool = False
    most_calls: int = 1 << 30


async def planned_of(service: Service, values: Mapping[str, Any], key: str) -> Plan:
    """Returns what to ask the engine."""
    tools, forced = offered_tools(service, values)
    wish = wished(values)
    strict = any(tool["function"]["strict"] for tool in tools)
    if (forced or strict) and wish is not None:
        names = f"tools, {wish[2]}"
        raise Refused(UsageError("serve.together", names=names), param=wish[2], code="conflicting_parameters")
    if forced:
        wish = ("json_schema", call_schema(forced, service.call_form), "tools")
    elif strict:
        wish = ("lark", strict_grammar(tools, JSON_STYLE, several=values["parallel_tool_calls"]), "tools")
    grammar = await service.grammar(*wish) if wish is not None else None
    return await service.in_pool(plan, service, values, key, (tools, forced), grammar)


Tools = list[dict[str, Any]]


def plan(
    service: Service, values: Mapping[str, Any], key: str, given: tuple[Tools, Tools], grammar: Grammar | None
) -> Plan:
    """Renders and tokenizes; done in the pool. `given`: the tools, and those of which one has to be called."""
    tools, forced = given
    ids = encode_chat(
        service.tokenizer,
        template_messages(values["messages"]),
        add_generation_prompt=True,
        tools=template_tools(tools),
    )
    form = service.call_form
    if forced:
        ids += service.tokenizer.encode(forced_beginning(form), allow_special=True)
    ids = service.fitting(ids, "messages")
    one_call = bool(tools) and not values["parallel_tool_calls"] and form == HERMES
    settings = sampling_settings(
        values,
        max_tokens=service.answer_tokens(asked_tokens(values), len(ids)),
        vocabulary=service.tokenizer.vocabulary_size,
        n=values["n"],
        logprobs=values["top_logprobs"] or 0,
        stop=(*stops(values["stop"]), *service.turn_stops, *((CLOSING,) if one_call and not forced else ())),
    )
    request = Request(ids=ids, settings=settings, grammar=grammar, adapter=service.adapter(values["model"]), key=key)
    names = tuple(tool["function"]["name"] for tool in tools)
    most = 1 << 30 if values["parallel_tool_calls"] else 1
    return Plan(request=request, offered=names, forced=bool(forced), most_calls=most)


def offered_tools(service: Service, values: Mapping[str, Any]) -> tuple[Tools, Tools]:
    """Returns the tools that the model is told of, and those of which it must call one."""
    tools, choice = values["tools"] or [], values["tool_choice"]
    names = [tool["function"]["name"] for tool in tools]
    if len(set(names)) != len(names):
        raise Refused(UsageError("serve.twice", names=", ".join(names)), param="tools")
    if choice not in (None, "none", "auto") and not tools:
        raise Refused(UsageError("serve.missing", name="tools"), param="tools", code="missing_required_parameter")
    if not tools or choice == "none":
        return [], []
    if not service.call_form:
        raise unsupported_tools()
    if choice == "required":
        forced = tools
    elif isinstance(choice, dict):
        wanted = choice["function"]["name"]
        forced = [tool for tool in tools if tool["function"]["name"] == wanted]
        if not forced:
            known = ", ".join(names)
            error = UsageError("serve.not_one_of", name="tool_choice.function.name", choices=known, value=wanted)
            raise Refused(error, param="tool_choice.function.name")
    else:
        forced = []
    for index, tool in enumerate(tools):
        if tool["function"]["strict"] and not forced and service.call_form != HERMES:
            place = f"tools.{index}.function.strict"
            raise Refused(UsageError("serve.strict", name=place), param=place, code="unsupported_parameter")
    return tools, forced


def asked_tokens(values: Mapping[str, Any]) -> int | None:
    """Returns the most tokens that the client asked for, by either name."""
    new, old = values["max_completion_tokens"], values["max_tokens"]
    if new is not None and old is not None and new != old:
        names = "max_completion_tokens, max_tokens"
        raise Refused(UsageError("serve.together", names=names), param="max_tokens", code="conflicting_parameters")
    return new if new is not None else old


def check(values: Mapping[str, Any]) -> None:
    """Refuses what only makes no sense together."""
    if values["top_logprobs"] is not None and not values["logprobs"]:
        raise Refused(UsageError("serve.needs", name="top_logprobs", other="logprobs"), param="top_logprobs")
    check_stream(values)


def check_stream(values: Mapping[str, Any]) -> None:
    """Refuses options of a stream where there is none."""
    if values["stream_options"] is not None and not values["stream"]:
        raise Refused(UsageError("serve.needs", name="stream_options", other="stream"), param="stream_options")


def choices_of(service: Service, planned: Plan, values: Mapping[str, Any]) -> list[Choice]:
    """Returns a fresh choice a sample."""
    return [
        Choice(
            tokenizer=service.tokenizer,
            ends=service.engine.ends,
            logprobs=values["logprobs"],
            top=values["top_logprobs"] or 0,
            reader=ToolReader(service.call_form, planned.offered, most=planned.most_calls, inside=planned.forced)
            if planned.offered
            else None,
        )
        for _ in range(planned.request.settings.n)
    ]


async def chat(call: Call) -> None:
    """Answers a chat request."""
    service, values = call.service, call.values
    check(values)
    planned = await planned_of(service, values, call.key)
    choices = choices_of(service, planned, values)
    with service.dispatcher.start([planned.request], call.place) as answer:
        head = Head(service, "chat.completion.chunk" if values["stream"] else "chat.completion", values["model"])
        if values["stream"]:
            await call.send_events(chunks(answer, choices, head, values["stream_options"] or {}))
            return
        async for batch in answer.outputs():
            for _, output in batch:
                if isinstance(output, Event):
                    choice = choices[output.sample]
                    choice.token(output)
                    choice.feed(output)
        shown = [
            {
                "index": index,
                "message": choice.message(),
                "logprobs": {"content": choice.tokens, "refusal": None} if choice.logprobs else None,
                "finish_reason": choice.reason,
            }
            for index, choice in enumerate(choices)
        ]
        await call.send_json(head.of(answer, shown) | {"usage": usage(answer)})


class Head:
    """What stands around every answer and chunk."""

    def __init__(self, service: Service, kind: str, model: str | None, prefix: str = "chatcmpl") -> None:
        self.fixed = {"id": f"{prefix}-{secrets.token_hex(12)}", "object": kind, "created": int(time.time())}
        self.fixed["model"] = model or service.name

    def of(self, answer: Answer, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """Returns an object around choices; `system_fingerprint` names the weights and kernels that answer."""
        return {**self.fixed, "choices": choices, "service_tier": "default", "system_fingerprint": answer.path or None}


def usage(answer: Answer) -> dict[str, Any]:
    """Returns how many tokens were read and written; of those read, how many were in the cache."""
    read = sum(len(request.ids) for request in answer.requests)
    return {
        "prompt_tokens": read,
        "completion_tokens": answer.written,
        "total_tokens": read + answer.written,
        "prompt_tokens_details": {"cached_tokens": answer.reused},
    }


async def chunks(answer: Answer, choices: list[Choice], head: Head, options: Mapping[str, Any]) -> AsyncIterator[bytes]:
    """Yields the chunks of a stream."""
    more = {"usage": None} if options.get("include_usage") else {}

    def chunk(index: int, delta: dict[str, Any], reason: str | None = None, tokens: Any = None) -> bytes:
        logprobs = {"content": tokens, "refusal": None} if tokens else None
        shown = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return event(head.of(answer, [shown]) | more)

    begun: set[int] = set()
    async for batch in answer.outputs():
        for _, output in batch:
            if not isinstance(output, Event):
                continue
            choice, index = choices[output.sample], output.sample
            if index not in begun:
                begun.add(index)
                yield chunk(index, {"role": "assistant", "content": ""})
            tokens = choice.token(output)
            deltas = choice.deltas(choice.feed(output)) or ([{"content": ""}] if tokens else [])
            for place, delta in enumerate(deltas):
                yield chunk(index, delta, tokens=tokens if place == 0 else None)
            if choice.reason is not None:
                yield chunk(index, {}, choice.reason)
    if options.get("include_usage"):
        yield event(head.of(answer, []) | {"usage": usage(answer)})
