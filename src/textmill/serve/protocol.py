"""The server under the app: connections that take too long are cut off, signals drain, everything else is uvicorn.

uvicorn waits for ever for the head of a request and for a client that does not read; here both have their time. Of a
client that reads too slowly some hundred KiB wait in memory; the work for it ends when its connection does.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from textmill.errors import UsageError

HEAD_BYTES = 32_768
SEND_BYTES = 262_144
"""What the system holds of an answer that is not read; left alone it takes megabytes a connection."""
KEEP_ALIVE_SECONDS = 30
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def protocol(*, seconds: float, most: int) -> type[H11Protocol]:
    """Returns the protocol: `seconds` for a head to come and for a client to read, `most` connections."""

    class TimedProtocol(H11Protocol):
        """H11Protocol with its times held."""

        head_timer: asyncio.TimerHandle | None = None
        read_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()
                return
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop("head_timer")
            self._stop("read_timer")
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def pause_writing(self) -> None:
            super().pause_writing()
            if self.read_timer is None:
                self.read_timer = self.loop.call_later(seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._stop("read_timer")

        def timeout_keep_alive_handler(self) -> None:
            super().timeout_keep_alive_handler()
            self.loop.call_later(seconds, self.transport.abort)  # close() alone waits for a reader

        def _watch(self) -> None:
            """A head that was begun, or awaited since the connection was made, has its time."""
            if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
                self._stop("head_timer")
            elif self.head_timer is None:
                self.head_timer = self.loop.call_later(seconds, self.transport.abort)

        def _stop(self, name: str) -> None:
            timer = getattr(self, name)
            if timer is not None:
                timer.cancel()
                setattr(self, name, None)

    return TimedProtocol


class Server(uvicorn.Server):
    """Drains on the first signal, ends at once on the second, and leaves with exit code 0."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready, self._on_exit = on_ready, on_exit
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says that it is ready once it listens."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no more requests, lets the open ones end."""
        self._on_exit()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handles signals on the main thread, and does not send them on at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Asks for the end, the second time for the end at once."""
        if self.should_exit and self._loop is not None:
            self.force_exit = True
            self._loop.call_soon_threadsafe(self._cut)
        self.should_exit = True

    def _cut(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # type: ignore[union-attr]


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket that has the address; whoever serves listens on it.

    UsageError when the port is taken or the address is not this machine's.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, number)
    except OSError as error:
        raise UsageError("serve.address", host=host, detail=error.strerror or str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        taken = {"host": host, "port": port, "detail": error.strerror or str(error)}
        raise UsageError("serve.port", **taken) from error
    return listener


def config(app: Any, *, seconds: float, connections: int, drain: float) -> uvicorn.Config:
    """Returns uvicorn's configuration: HTTP/1.1 alone, no log of its own, no headers that proxies may set."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what is to be told, the app tells
    logging.getLogger("uvicorn.access").disabled = True
    return uvicorn.Config(
        app,
        http=protocol(seconds=seconds, most=connections),
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(drain) + 5,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
