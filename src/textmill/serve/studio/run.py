"""Starting and ending the studio's server."""

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textmill.project import Project

SECONDS, CONNECTIONS = 60.0, 64


class RunningStudio:
    """A studio on a bound socket (`protocol.listen`), which it closes in the end."""

    def __init__(
        self,
        listener: socket.socket,
        project: "Project | None",
        default: str | None,
        on_ready: Callable[[str], None] = lambda address: None,
    ) -> None:
        from textmill.serve.protocol import Server, config
        from textmill.serve.studio.app import Studio, make_app

        self.socket = listener
        self.studio = Studio(project, default)
        self.guard = make_app(self.studio)
        self.guard.port = listener.getsockname()[1]
        made = config(self.guard, seconds=SECONDS, connections=CONNECTIONS, drain=0)
        self.server = Server(made, lambda: on_ready(self.opening), self._stopping)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.guard.port}"

    @property
    def opening(self) -> str:
        """The address to open: it holds the token that lets a browser in."""
        return f"{self.address}/?token={self.guard.token}"

    def run(self) -> None:
        """Serves until it is told to end."""
        try:
            asyncio.run(self.server.serve(sockets=[self.socket]))
        finally:
            self.studio.thread.shutdown(wait=False, cancel_futures=True)
            self.socket.close()

    def stop(self) -> None:
        """Asks for the end, from any thread."""
        self.server.should_exit = True

    def _stopping(self) -> None:
        self.studio.stopping = True
