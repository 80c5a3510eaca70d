"""OpenAI's messages to those that chat templates read: of a request, and of a row to train on, by the same rules."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def template_messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns checked messages as templates expect them: texts, calls with their arguments as objects."""
    return [template_message(message) for message in messages]


def template_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Returns one message; developer is what templates call system."""
    role = "system" if message["role"] == "developer" else message["role"]
    made: dict[str, Any] = {"role": role, "content": text_of(message.get("content"))}
    for name in ("name", "reasoning_content", "tool_call_id"):
        if message.get(name) is not None:
            made[name] = message[name]
    if message.get("tool_calls"):
        made["tool_calls"] = [template_call(call) for call in message["tool_calls"]]
    return made


def template_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a call that the model made before."""
    function = call["function"]
    arguments = {"name": function["name"], "arguments": as_object(function["arguments"])}
    identity = {} if call.get("id") is None else {"id": call["id"]}
    return {**identity, "type": "function", "function": arguments}


def as_object(arguments: Any) -> Any:
    """Returns arguments as an object where they are one, as templates write them anew; else the text."""
    if not isinstance(arguments, str):
        return arguments
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return value if isinstance(value, dict) else arguments


def text_of(content: Any) -> str:
    """Returns a message's content as one text; parts stand on lines of their own."""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content or ())


def template_tools(tools: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Returns the tools without what was left out."""
    if not tools:
        return None
    kept = ("name", "description", "parameters")
    return [
        {
            "type": "function",
            "function": {name: tool["function"][name] for name in kept if tool["function"].get(name) is not None},
        }
        for tool in tools
    ]
