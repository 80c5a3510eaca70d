"""/v1/responses: OpenAI's newer API over the same chat: items in, items out, typed events on the way.

Answers are kept in memory, the newest so many, for `previous_response_id`; whoever has another key does not find them.
"""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from textmill.errors import UsageError
from textmill.infer.events import Event
from textmill.serve.chat import choices_of, planned_of
from textmill.serve.choice import Choice
from textmill.serve.dispatch import Answer
from textmill.serve.refusal import Refused
from textmill.serve.response_events import Narrator, message_item
from textmill.serve.service import Service
from textmill.serve.stream import event
from textmill.serve.tools import Call as ToolCall
from textmill.serve.web import Call

LOGPROBS = "message.output_text.logprobs"


def messages_of(given: Any) -> list[dict[str, Any]]:
    """Returns input items as chat messages."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    found: list[dict[str, Any]] = []
    for item in given:
        if item["type"] == "message":
            content = item["content"]
            found.append({"role": item["role"], "content": content if isinstance(content, str) else list(content)})
        elif item["type"] == "function_call":
            call = {"id": item["call_id"], "function": {"name": item["name"], "arguments": item["arguments"]}}
            if found and found[-1]["role"] == "assistant":
                found[-1] = found[-1] | {"tool_calls": [*found[-1].get("tool_calls", []), call]}
            else:
                found.append({"role": "assistant", "content": "", "tool_calls": [call]})
        else:
            found.append({"role": "tool", "content": item["output"], "tool_call_id": item["call_id"]})
    return found


def chat_values(values: Mapping[str, Any], messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the request as one for a chat."""
    form = (values["text"] or {}).get("format")
    if form is not None and form["type"] == "json_schema":
        form = {"type": "json_schema", "json_schema": form}
    choice = values["tool_choice"]
    if isinstance(choice, dict):
        choice = {"type": "function", "function": {"name": choice["name"]}}
    told = [{"role": "system", "content": values["instructions"]}] if values["instructions"] else []
    tools = [{"type": "function", "function": tool} for tool in values["tools"] or []]
    logprobs = LOGPROBS in (values["include"] or ())
    if values["top_logprobs"] is not None and not logprobs:
        raise Refused(
            UsageError("serve.needs", name="top_logprobs", other=f"include: {LOGPROBS}"), param="top_logprobs"
        )
    return {
        **values,
        "messages": [*told, *messages],
        "n": 1,
        "max_completion_tokens": values["max_output_tokens"],
        "max_tokens": None,
        "logprobs": logprobs,
        "response_format": form,
        "tools": tools,
        "tool_choice": choice,
    }


async def responses(call: Call) -> None:
    """Answers a request."""
    service, values = call.service, call.values
    memory = service.memory
    before = memory.find(values["previous_response_id"], call.key) if values["previous_response_id"] else []
    messages = [*before, *messages_of(values["input"])]
    wanted = chat_values(values, messages)
    planned = await planned_of(service, wanted, call.key)
    (choice,) = choices_of(service, planned, wanted)
    head = Head(service, values)
    with service.dispatcher.start([planned.request], call.place) as answer:

        def over() -> dict[str, Any]:
            if values["store"]:
                memory.keep(head.id, call.key, [*messages, choice_message(choice)])
            return head.final(answer, choice)

        if values["stream"]:
            call.ending, call.failure = b"", failed(head, answer)
            await call.send_events(events(answer, choice, head, over))
            return
        async for batch in answer.outputs():
            for _, output in batch:
                if isinstance(output, Event):
                    choice.token(output)
                    for part in choice.feed(output):
                        head.add(part)
        await call.send_json(over())


def choice_message(choice: Choice) -> dict[str, Any]:
    """Returns what was answered as a message of the conversation that goes on."""
    message: dict[str, Any] = {"role": "assistant", "content": choice.text}
    if choice.calls:
        message["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}} for call in choice.calls
        ]
    return message


class Head:
    """The response object, as far as it is."""

    def __init__(self, service: Service, values: Mapping[str, Any]) -> None:
        self.id = f"resp_{secrets.token_hex(16)}"
        self.model, self.values, self.created = values["model"] or service.name, values, int(time.time())
        self.items: list[dict[str, Any]] = []
        self.number = 0
        """Of the next event."""

    def add(self, part: str | ToolCall) -> None:
        """Adds text, to the message that is being written, or a call."""
        if isinstance(part, ToolCall):
            self.items.append(call_item(part))
        elif self.items and self.items[-1]["type"] == "message":
            self.items[-1]["content"][0]["text"] += part
        else:
            self.items.append(message_item(f"msg_{secrets.token_hex(16)}", part))

    def of(self, status: str, answer: Answer | None = None) -> dict[str, Any]:
        """Returns the object."""
        values = self.values
        echoed = ("instructions", "max_output_tokens", "temperature", "top_p", "previous_response_id", "store", "user")
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": self.items,
            "parallel_tool_calls": values["parallel_tool_calls"],
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "default",
            "text": {"format": (values["text"] or {}).get("format") or {"type": "text"}},
            "tool_choice": values["tool_choice"] or "auto",
            "tools": values["tools"] or [],
            "top_logprobs": values["top_logprobs"] or 0,
            "truncation": "disabled",
            "metadata": values["metadata"] or {},
            "system_fingerprint": (answer.path or None) if answer else None,
            "usage": None,
            **{name: values[name] for name in echoed},
        }

    def final(self, answer: Answer, choice: Choice) -> dict[str, Any]:
        """Returns the finished object."""
        whole = choice.reason != "length"
        if choice.logprobs:
            texts = [item for item in self.items if item["type"] == "message"]
            for item in texts[:1]:
                item["content"][0]["logprobs"] = choice.tokens
        if not whole and self.items:
            self.items[-1]["status"] = "incomplete"
        read = sum(len(request.ids) for request in answer.requests)
        usage = {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": answer.reused},
            "output_tokens": answer.written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + answer.written,
        }
        details = None if whole else {"reason": "max_output_tokens"}
        status = "completed" if whole else "incomplete"
        return self.of(status, answer) | {"usage": usage, "incomplete_details": details}


def call_item(call: ToolCall) -> dict[str, Any]:
    """Returns a call as an item."""
    item = {"type": "function_call", "id": f"fc_{secrets.token_hex(16)}", "call_id": call.id, "name": call.name}
    return item | {"arguments": call.arguments, "status": "completed"}


def failed(head: Head, answer: Answer) -> Callable[[Refused, str], bytes]:
    """Returns what makes the last event of a stream that failed."""

    def tell(problem: Refused, language: str) -> bytes:
        error = problem.body(language)["error"]
        shown = {"code": "server_error", "message": error["message"]}
        response = head.of("failed", answer) | {"error": shown}
        return event(
            {"type": "response.failed", "sequence_number": head.number, "response": response}, "response.failed"
        )

    return tell


async def events(
    answer: Answer, choice: Choice, head: Head, over: Callable[[], dict[str, Any]]
) -> AsyncIterator[bytes]:
    """Yields the events of a stream."""
    narrator = Narrator(head)
    begun = False
    async for batch in answer.outputs():
        for _, output in batch:
            if not isinstance(output, Event):
                continue
            if not begun:
                begun = True
                yield narrator.tell("response.created", response=head.of("in_progress", answer))
                yield narrator.tell("response.in_progress", response=head.of("in_progress", answer))
            tokens = choice.token(output)
            for part in choice.feed(output):
                for told in narrator.part(part, tokens):
                    yield told
    for told in narrator.close(choice.tokens):
        yield told
    final = over()
    yield narrator.tell(f"response.{final['status']}", response=final)
