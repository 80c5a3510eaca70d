"""The body of a request: JSON, strictly, within limits of size, depth and time.

Refused with 400 (or 408, 413, 415): another content type, more bytes than the limit, a sender that takes too long, what
is no UTF-8, NaN and Infinity, numbers beyond a double, lone surrogates, a nesting that no request of ours has.
"""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any

from textmill.errors import UsageError
from textmill.serve.refusal import Refused

DEEPEST = 64
"""JSON schemas nest most; real ones stay under 20."""
MOST_DIGITS = 400
"""A double has at most 309 before its point."""
SMALL = 16_384
"""Bytes that are parsed where they are; more goes to a thread."""
JSON_TYPE = "application/json"


async def read_bytes(
    receive: Callable[[], Awaitable[Any]], headers: dict[str, str], *, most: int, seconds: float
) -> bytes:
    """Returns the whole body; Disconnected when the client went away."""
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > most:
        raise too_large(most)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                size += len(message.get("body", b""))
                if size > most:
                    raise too_large(most)
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        error = UsageError("serve.body_late", seconds=f"{seconds:g}")
        raise Refused(error, status=408, code="request_timeout", headers={"Connection": "close"}) from None


class Disconnected(Exception):
    """The client went away before its answer."""


def too_large(most: int) -> Refused:
    """Returns the refusal of a body over the limit; the rest of it is not read."""
    error = UsageError("serve.body_size", megabytes=f"{most / 1e6:g}")
    return Refused(error, status=413, code="request_too_large", headers={"Connection": "close"})


def check_type(content_type: str) -> None:
    """Refuses what is not JSON: forms of foreign web pages, which browsers send without asking, are not."""
    if content_type.partition(";")[0].strip().lower() != JSON_TYPE:
        error = UsageError("serve.content_type", value=content_type[:80] or "–")
        raise Refused(error, status=415, code="unsupported_media_type")


def parse(data: bytes) -> dict[str, Any]:
    """Returns the JSON object in `data`."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=refuse, parse_float=finite, parse_int=bounded)
    except RecursionError:
        raise too_deep() from None
    except ValueError as error:
        detail = str(error) if not isinstance(error, UnicodeDecodeError) else f"UTF-8, byte {error.start}"
        raise Refused(UsageError("serve.not_json", detail=detail[:200]), code="invalid_json") from None
    walk(value)
    if not isinstance(value, dict):
        raise Refused(UsageError("serve.not_json", detail="no object"), code="invalid_json")
    return value


def refuse(text: str) -> Any:
    """Refuses NaN and Infinity, which JSON has not."""
    raise ValueError(text)


def finite(text: str) -> float:
    """Returns a number that a double can hold."""
    value = float(text) if len(text) <= MOST_DIGITS else math.inf
    if not math.isfinite(value):
        raise ValueError(text[:40])
    return value


def bounded(text: str) -> int:
    """Returns a whole number that a double can hold about."""
    if len(text) > 300:
        raise ValueError(text[:40])
    return int(text)


def walk(value: Any) -> None:
    """Refuses too deep a nesting and texts with half a character."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise too_deep()
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                check_text(item)
            elif isinstance(item, dict):
                for name in item:
                    check_text(name)
                below += item.values()
            elif isinstance(item, list):
                below += item
        level = below


def check_text(text: str) -> None:
    """Refuses a text with a lone surrogate."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(UsageError("serve.surrogate"), code="invalid_unicode") from None


def too_deep() -> Refused:
    """Returns the refusal of a nesting."""
    return Refused(UsageError("serve.too_deep", depth=DEEPEST), code="invalid_json")
