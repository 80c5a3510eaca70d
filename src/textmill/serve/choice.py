"""One sample of a chat answer as it comes: text, tool calls, log-probabilities.

A whole answer and a stream are made by the same object, so they cannot say different things.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from textmill.infer.events import END, STOP, Event
from textmill.serve.tools import Call, Part, ToolReader
from textmill.tokenizer.tokenizer import Tokenizer

LEAST = -9999.0
"""Stands for −∞, which JSON has not; OpenAI's API says the same."""


@dataclass(kw_only=True)
class Choice:
    """Takes a sample's events, gives deltas."""

    tokenizer: Tokenizer
    ends: frozenset[int]
    reader: ToolReader | None = None
    logprobs: bool = False
    top: int = 0
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    reason: str | None = None

    def feed(self, event: Event) -> list[Part]:
        """Returns the text and the calls that an event completes."""
        self.count += 1
        found: list[Part] = []
        if self.reader is None:
            found = [event.text] if event.text else []
        else:
            found = self.reader.feed(self._special(event.id) + event.text)
            if event.finish_reason:
                found += self.reader.finish()
        for part in found:
            if isinstance(part, Call):
                self.calls.append(part)
            else:
                self.text += part
        if event.finish_reason:
            self.reason = self._reason(event.finish_reason)
        return found

    def token(self, event: Event) -> list[dict[str, Any]]:
        """Returns the event's entry in logprobs, none for the token that ended the text."""
        if not self.logprobs or event.id in self.ends:
            return []
        entry = self._entry(event.id, event.log_probability)
        entry["top_logprobs"] = [self._entry(id, value) for id, value in event.top[: self.top]]
        self.tokens.append(entry)
        return [entry]

    def _entry(self, id: int, log_probability: float) -> dict[str, Any]:
        raw = self.tokenizer.token_bytes(id)
        return {"token": token_text(raw), "logprob": number(log_probability), "bytes": list(raw)}

    def _special(self, id: int) -> str:
        """Returns the name of a special token that opens a call; others are not text."""
        if not self.tokenizer.is_special(id) or id in self.ends:
            return ""
        name = self.tokenizer.token_bytes(id).decode("utf-8", "replace")
        return name if self.reader is not None and name in self.reader.marks else ""

    def _reason(self, reason: str) -> str:
        if reason not in (END, STOP):
            return "length"
        return "tool_calls" if self.calls else "stop"

    def message(self) -> dict[str, Any]:
        """Returns the whole message."""
        content = self.text if self.text or not self.calls else None
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if self.calls:
            message["tool_calls"] = [call_object(call) for call in self.calls]
        return message

    def deltas(self, parts: list[Part]) -> list[dict[str, Any]]:
        """Returns parts as a stream tells them."""
        made: list[dict[str, Any]] = []
        number_of_first = len(self.calls) - sum(isinstance(part, Call) for part in parts)
        for part in parts:
            if isinstance(part, Call):
                made.append({"tool_calls": [{"index": number_of_first, **call_object(part)}]})
                number_of_first += 1
            else:
                made.append({"content": part})
        return made


def call_object(call: Call) -> dict[str, Any]:
    """Returns a call as OpenAI's API has it."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def token_text(raw: bytes) -> str:
    """Returns a token as text; bytes that are no whole character by their numbers, as OpenAI's API has it."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)


def number(value: float) -> float:
    """Returns a log-probability that JSON can hold."""
    return value if math.isfinite(value) else LEAST
