"""Messages in the ways in which files have them to those that templates read, in an order that a conversation has.

    OpenAI      {"role": "user", "content": "…"}, with tool_calls, tool_call_id, reasoning_content
    ShareGPT    {"from": "human", "value": "…"}
    text        one message of the user, or one of the assistant

The order: one system message at most, at the beginning; then the user; then the assistant and the user in turn, and
between an assistant's message with calls and its next message the tools' answers.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from textmill.tokenizer.chat_messages import template_message, template_tools
from textmill.tokenizer.chat_template import REASONING_FIELDS

SYSTEM, USER, ASSISTANT, TOOL = "system", "user", "assistant", "tool"
ROLES = {
    **dict.fromkeys(("system", "developer"), SYSTEM),
    **dict.fromkeys(("user", "human", "prompter"), USER),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model", "chatbot", "bing", "bard"), ASSISTANT),
    **dict.fromkeys(("tool", "function", "observation", "ipython", "tool_response"), TOOL),
    "function_call": "call",
    "用户": USER,  # text data
    "助手": ASSISTANT,  # text data
}
"""What roles are called in files; a call in a turn of its own is ShareGPT's way."""
AFTER = {"": (SYSTEM, USER), SYSTEM: (USER,), USER: (ASSISTANT,), ASSISTANT: (USER,), TOOL: (ASSISTANT, TOOL)}
"""Who may speak after whom; after an assistant's calls it is the tools."""
SHOWN = 60
TRANSCRIPT = "Human: "
"""How a conversation in one text begins, as Anthropic's HH-RLHF has it."""
TRANSCRIPT_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")


class BadRow(ValueError):
    """A row that is no example; `problem` names a text of the catalogue ``tune_rows``, `values` fill it."""

    def __init__(self, problem: str, **values: object) -> None:
        super().__init__(problem)
        self.problem, self.values = problem, values


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the parts of a message are called in a file, where it is not the usual."""

    role: str = ""
    content: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    """{the file's word: our role}."""

    def role_of(self, message: Mapping[str, Any]) -> Any:
        """Returns the role of a message in our words; as it stands where it is unknown."""
        said = message.get(self.role) if self.role else message.get("role", message.get("from"))
        known = said.strip().lower() if isinstance(said, str) else ""
        return self.roles.get(str(said)) or ROLES.get(known) or said

    def content_of(self, message: Mapping[str, Any]) -> Any:
        """Returns the content of a message."""
        if self.content:
            return message.get(self.content)
        return message.get("content", message.get("value"))


def is_message(value: Any, role: str = "") -> bool:
    """True for what is meant as a message; `role`: what a file calls the role, where it is not the usual."""
    return isinstance(value, Mapping) and not {"role", "from", role}.isdisjoint(value)


def read_list(value: Any) -> Any:
    """Returns a list that a table keeps as JSON text as a list, anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def read_messages(value: Any, names: Names, *, speaker: str = USER) -> tuple[dict[str, Any], ...]:
    """Returns messages from a list of them, one of them, or a text that `speaker` says."""
    if isinstance(value, str):
        return ({"role": speaker, "content": value},)
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, Sequence) or not value:
        raise BadRow("no_messages", got=shown(value))
    return tuple(read_message(message, number, names) for number, message in enumerate(value))


def transcript(text: str) -> tuple[dict[str, Any], ...]:
    """Returns the messages of a conversation that is one text, "Human: … Assistant: …" after blank lines."""
    _, *parts = TRANSCRIPT_TURN.split(text.strip())
    turns = zip(parts[::2], parts[1::2], strict=True)
    return read_messages([{"role": speaker, "content": said.strip()} for speaker, said in turns], Names())


def read_message(message: Any, number: int, names: Names) -> dict[str, Any]:
    """Returns one message as templates expect it."""
    if not isinstance(message, Mapping):
        raise BadRow("no_message", number=number + 1, got=shown(message))
    message = {key: value for key, value in message.items() if value is not None}
    role, content = names.role_of(message), names.content_of(message)
    if role not in (*ROLES.values(),):
        raise BadRow("unknown_role", number=number + 1, got=shown(role))
    if role == "call":
        role, message, content = ASSISTANT, {**message, "tool_calls": read_list(content)}, ""
    calls = read_calls(message.get("tool_calls"), number)
    if not is_text(content) and not (content is None and calls):
        raise BadRow("no_content", number=number + 1, role=role, got=shown(content))
    if role == ASSISTANT and not calls and not has_text(content):
        raise BadRow("empty_answer", number=number + 1)
    kept = {name: str(message[name]) for name in ("name", "tool_call_id") if name in message}
    thought = next((message[name] for name in REASONING_FIELDS if isinstance(message.get(name), str)), None)
    return template_message(
        {"role": role, "content": content, **kept, "reasoning_content": thought, "tool_calls": calls}
    )


def is_text(content: Any) -> bool:
    """True for a text, or parts that all are texts."""
    if isinstance(content, str):
        return True
    return isinstance(content, Sequence) and all(
        isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in content
    )


def has_text(content: Any) -> bool:
    """True where there is something to read."""
    parts = [content] if isinstance(content, str) else [part["text"] for part in content]
    return any(part.strip() for part in parts)


def read_calls(calls: Any, number: int) -> list[dict[str, Any]]:
    """Returns a message's calls as OpenAI has them; also those without the layer "function"."""
    made = []
    calls = read_list(calls)
    for call in [calls] if isinstance(calls, Mapping) else calls or ():
        function = call.get("function", call) if isinstance(call, Mapping) else call
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise BadRow("no_call", number=number + 1, got=shown(call))
        whole = {"name": function["name"], "arguments": function.get("arguments", function.get("parameters", {}))}
        made.append({"id": call.get("id"), "type": "function", "function": whole})
    return made


def read_tools(value: Any) -> tuple[dict[str, Any], ...] | None:
    """Returns the tools of a row as templates expect them, None where there are none."""
    value = read_list(value)
    if not value:
        return None
    tools = []
    for tool in [value] if isinstance(value, Mapping) else value:
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise BadRow("no_tool", got=shown(tool))
        tools.append({"type": "function", "function": function})
    return tuple(template_tools(tools) or ())


def check_order(messages: Sequence[Mapping[str, Any]], *, last: tuple[str, ...] = (USER, ASSISTANT, TOOL)) -> None:
    """Raises BadRow where somebody speaks out of turn, or another than `last` at the end."""
    before, calls = "", False
    for number, message in enumerate(messages):
        role = message["role"]
        allowed = (TOOL,) if calls else AFTER[before]
        if role not in allowed:
            expected = " / ".join(allowed)
            raise BadRow("out_of_order", number=number + 1, role=role, expected=expected, before=before or "–")
        before, calls = role, bool(message.get("tool_calls"))
    if before not in last:
        raise BadRow("last_role", expected=" / ".join(last), got=before or "–")


def shown(value: Any) -> str:
    """Returns a value for a message to people, cut short."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
