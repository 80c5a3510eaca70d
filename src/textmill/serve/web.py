"""One HTTP request on its way through a route: its key and language, its body, its answer or its error."""

import asyncio
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from textmill.serve.body import SMALL, Disconnected, check_type, parse, read_bytes
from textmill.serve.dispatch import Place
from textmill.serve.records import Record
from textmill.serve.refusal import Refused, accepted_language, refused
from textmill.serve.service import Service
from textmill.serve.stream import (
    DONE,
    EVENT_HEADERS,
    JSON_HEADERS,
    Receive,
    Send,
    document,
    event,
    send_start,
    send_whole,
    while_connected,
)

Scope = Mapping[str, Any]


def headers_of(scope: Scope) -> dict[str, str]:
    """Returns the headers, names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


@dataclass(kw_only=True)
class Call:
    """A request that was let in, and the way back."""

    service: Service
    send: Send
    key: str
    language: str
    values: dict[str, Any] = field(default_factory=dict)
    place: Place
    started: bool = False
    path: str = ""
    """Names the weights and kernels that answer, where `work` does it."""
    failure: Callable[[Refused, str], bytes] = lambda problem, language: event(problem.body(language))
    """The event that tells of a failure in the middle of a stream."""
    ending: bytes = DONE

    async def send_json(self, value: Any) -> None:
        """Answers with one JSON document."""
        self.started = True
        await send_whole(self.send, 200, document(value), JSON_HEADERS)

    async def send_events(self, parts: AsyncIterator[bytes]) -> None:
        """Answers with events. What fails before the first is an error like any other; later, an event tells it."""
        async with aclosing(parts):  # type: ignore[type-var]
            first = await anext(parts)
            self.started = True
            await send_start(self.send, 200, EVENT_HEADERS)
            await self._part(first)
            try:
                async for part in parts:
                    await self._part(part)
            except Exception as error:
                report(error)
                await self._part(self.failure(refused(error), self.language))
            await self.send({"type": "http.response.body", "body": self.ending})

    async def _part(self, part: bytes) -> None:
        await self.send({"type": "http.response.body", "body": part, "more_body": True})


Handler = Callable[[Call], Awaitable[None]]


class JsonRoute:
    """An ASGI app for one route: reads and checks the body, calls `handler`, tells errors."""

    def __init__(self, service: Service, record: Record, handler: Handler) -> None:
        self.service, self.record, self.handler = service, record, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = headers_of(scope)
        language = accepted_language(headers.get("accept-language", ""))
        try:
            with self.service.dispatcher.place(scope["state"]["key"]) as place:
                call = Call(service=self.service, send=send, key=place.key, language=language, place=place)
                try:
                    call.values = await self._values(receive, headers)
                    await while_connected(receive, self.handler(call))
                except Exception as error:
                    if call.started:
                        raise
                    await send_error(send, error, language)
        except Refused as error:
            await send_error(send, error, language)
        except Disconnected:
            pass

    async def _values(self, receive: Receive, headers: dict[str, str]) -> dict[str, Any]:
        settings = self.service.settings
        check_type(headers.get("content-type", ""))
        most = int(settings.body_megabytes * 1e6)
        data = await read_bytes(receive, headers, most=most, seconds=settings.read_seconds)
        if len(data) <= SMALL:
            return self.record.check(parse(data), "")
        return await self.service.in_pool(lambda: self.record.check(parse(data), ""))


async def send_error(send: Send, error: Exception, language: str) -> None:
    """Answers with an error in OpenAI's form; a client that went away gets nothing."""
    if isinstance(error, Disconnected):
        return
    report(error)
    problem = refused(error)
    await send_whole(send, problem.status, document(problem.body(language)), JSON_HEADERS | problem.headers)


def report(error: Exception) -> None:
    """Prints the traceback of what is our own mistake, for whoever runs the server."""
    if refused(error).code == "internal_error" and not isinstance(error, asyncio.CancelledError):
        traceback.print_exception(error, file=sys.stderr)
