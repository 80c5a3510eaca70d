"""What a tuning set holds, whatever file it came from: conversations, pairs, judgements, problems, plain text.

    file ─▶ rows (rows.py) ─▶ one of these ─▶ ids and a mask (mask.py) ─▶ packed rows (packing.py) ─▶ training

A message is a dict as OpenAI has it: `role` (system, user, assistant, tool), `content`, and where there are any
`tool_calls`, `tool_call_id`, `name`, `reasoning_content`. Roles are checked when a row is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What every kind has. `place`: where it stands, "file.jsonl:12", for messages to people."""

    place: str
    source: str = ""
    """What the set is called: reports and mixing count by it."""
    held_out: bool = False
    """Kept for measuring: it lies in a folder called held_out, or its row's `split` says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain(Example):
    """Text that is learned as it is, in one document."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion(Example):
    """A text and how it goes on, both without a chat template; only `completion` and the end of text are learned."""

    prompt: str
    completion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation(Example):
    """Messages in turn; those of the assistant are learned, or only the ones whose index stands in `learned`."""

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...] | None = None
    learned: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference(Example):
    """A conversation up to the user's last message, and two ways in which the assistant goes on."""

    messages: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Example):
    """A conversation and one way in which the assistant goes on, which somebody found good or bad."""

    messages: tuple[Message, ...]
    answer: tuple[Message, ...]
    good: bool
    tools: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Example):
    """A conversation up to the user's last message, and what a reward needs to judge an answer to it."""

    messages: tuple[Message, ...]
    answer: str = ""
    row: Mapping[str, Any] = field(default_factory=dict)
    """The whole row: a user's reward function gets it."""
    tools: tuple[Mapping[str, Any], ...] | None = None
