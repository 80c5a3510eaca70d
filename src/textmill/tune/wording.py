"""What an example says, for comparing and counting: its prompt and answer as text, and keys that equal ones share."""

import hashlib
import re
from collections.abc import Iterable

from textmill.tune.examples import Completion, Conversation, Example, Judged, Message, Plain, Preference, Problem
from textmill.tune.messages import ASSISTANT, SYSTEM

SPACE = re.compile(r"\s+")


def said(messages: Iterable[Message]) -> str:
    """Returns what is said in messages, but for the system's, which many conversations share."""
    return "\n".join(message["content"] for message in messages if message["role"] != SYSTEM)


def prompt_text(example: Example) -> str:
    """Returns what stands before the first answer; "" for plain text."""
    if isinstance(example, Completion):
        return example.prompt
    if isinstance(example, Conversation):
        roles = [message["role"] for message in example.messages]
        first = (
            min(example.learned) if example.learned else roles.index(ASSISTANT) if ASSISTANT in roles else len(roles)
        )
        return said(example.messages[:first])
    if isinstance(example, Preference | Judged | Problem):
        return said(example.messages)
    return ""


def answer_text(example: Example) -> str:
    """Returns what is learned, as text."""
    if isinstance(example, Plain):
        return example.text
    if isinstance(example, Completion):
        return example.completion
    if isinstance(example, Conversation):
        return said(
            message
            for at, message in enumerate(example.messages)
            if message["role"] == ASSISTANT and (example.learned is None or at in example.learned)
        )
    if isinstance(example, Preference):
        return said((*example.chosen, *example.rejected))
    if isinstance(example, Judged):
        return said(example.answer)
    return example.answer if isinstance(example, Problem) else ""


def key_of(*texts: str) -> bytes:
    """Returns a key that texts share which differ in case and white space only."""
    plain = "\0".join(SPACE.sub(" ", text).strip().casefold() for text in texts)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()[:16]


def share_of(key: bytes) -> float:
    """Returns a number from 0 to 1 that a key stands for, evenly spread: for choosing a share of examples."""
    return int.from_bytes(key[:8], "big") / 2**64
