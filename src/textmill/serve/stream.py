"""Answers on their way: JSON bodies, events one by one (SSE), and the work ended at once when the client goes away."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from textmill.serve.body import Disconnected

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
JSON_HEADERS = {"content-type": "application/json"}
EVENT_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}


def document(value: Any) -> bytes:
    """Returns a value as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def event(value: Any, name: str = "") -> bytes:
    """Returns a value as one server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + document(value) + b"\n\n"


DONE = b"data: [DONE]\n\n"


async def send_start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    """Sends the status and the headers."""
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def send_whole(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """Sends a whole response."""
    await send_start(send, status, {**headers, "content-length": str(len(body))})
    await send({"type": "http.response.body", "body": body})


async def while_connected(receive: Receive, work: Awaitable[None]) -> None:
    """Does `work`, whose body has been read; cancels it when the client goes away. Raises Disconnected then."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(until_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Disconnected
        task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def until_gone(receive: Receive) -> None:
    """Returns when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
