"""The newest answers of /v1/responses, kept for `previous_response_id`: in memory, each for the key that asked."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from textmill.errors import UsageError
from textmill.serve.refusal import Refused

MOST_CHARACTERS = 64_000_000
"""Of all kept conversations together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A conversation up to and with an answer."""

    key: str
    messages: tuple[dict[str, Any], ...]
    characters: int


class Memory:
    """The newest answers; not a person's archive."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._characters = 0

    def keep(self, id: str, key: str, messages: list[dict[str, Any]]) -> None:
        """Keeps a conversation; lets the oldest go."""
        if not self.most:
            return
        kept = Kept(key=key, messages=tuple(messages), characters=sum(len(repr(message)) for message in messages))
        self._kept[id] = kept
        self._characters += kept.characters
        while len(self._kept) > self.most or (self._characters > MOST_CHARACTERS and len(self._kept) > 1):
            _, oldest = self._kept.popitem(last=False)
            self._characters -= oldest.characters

    def find(self, id: str, key: str) -> list[dict[str, Any]]:
        """Returns the conversation behind an answer of the same key."""
        kept = self._kept.get(id)
        if kept is None or kept.key != key:
            error = UsageError("serve.no_response", id=id)
            raise Refused(error, status=404, param="previous_response_id", code="previous_response_not_found")
        return list(kept.messages)
