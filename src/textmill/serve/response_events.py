"""The typed events of a streamed response: items open, grow and close, in OpenAI's order and with its numbers."""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from textmill.serve.stream import event
from textmill.serve.tools import Call

if TYPE_CHECKING:
    from textmill.serve.responses import Head


def message_item(id: str, text: str = "", status: str = "completed") -> dict[str, Any]:
    """Returns a message as an item."""
    return {"type": "message", "id": id, "role": "assistant", "status": status, "content": [text_part(text)]}


def text_part(text: str) -> dict[str, Any]:
    """Returns a part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


class Narrator:
    """Tells what comes, and adds it to the response."""

    def __init__(self, head: "Head") -> None:
        self.head = head
        self.open = False
        """Whether a message is being written: the last item."""

    def tell(self, kind: str, **values: Any) -> bytes:
        """Returns one event."""
        number = self.head.number
        self.head.number += 1
        return event({"type": kind, "sequence_number": number, **values}, kind)

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self.head.items[-1]["id"], "output_index": len(self.head.items) - 1}

    def part(self, part: str | Call, tokens: list[dict[str, Any]]) -> Iterator[bytes]:
        """Yields what text or a call means."""
        if isinstance(part, Call):
            yield from self.close([])
            self.head.add(part)
            yield from self._call()
            return
        if not self.open:
            self.open = True
            self.head.items.append(message_item(f"msg_{secrets.token_hex(16)}"))
            item = message_item(self.head.items[-1]["id"], status="in_progress") | {"content": []}
            yield self.tell("response.output_item.added", output_index=len(self.head.items) - 1, item=item)
            yield self.tell("response.content_part.added", **self._place, content_index=0, part=text_part(""))
        self.head.add(part)
        yield self.tell("response.output_text.delta", **self._place, content_index=0, delta=part, logprobs=tokens)

    def _call(self) -> Iterator[bytes]:
        item = self.head.items[-1]
        begun = item | {"arguments": "", "status": "in_progress"}
        yield self.tell("response.output_item.added", output_index=len(self.head.items) - 1, item=begun)
        arguments = item["arguments"]
        yield self.tell("response.function_call_arguments.delta", **self._place, delta=arguments)
        name = item["name"]
        yield self.tell("response.function_call_arguments.done", **self._place, name=name, arguments=arguments)
        yield self.tell("response.output_item.done", output_index=len(self.head.items) - 1, item=item)

    def close(self, tokens: list[dict[str, Any]]) -> Iterator[bytes]:
        """Yields the end of the message that is being written, if there is one."""
        if not self.open:
            return
        self.open = False
        item = self.head.items[-1]
        part = item["content"][0]
        yield self.tell("response.output_text.done", **self._place, content_index=0, text=part["text"], logprobs=tokens)
        yield self.tell("response.content_part.done", **self._place, content_index=0, part=part)
        yield self.tell("response.output_item.done", output_index=len(self.head.items) - 1, item=item)
