"""Starting and ending the server around an engine."""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textmill.config import ServeSettings
from textmill.errors import MissingExtraError, UsageError
from textmill.serve.grammar_process import close
from textmill.serve.keys import VARIABLE, is_loopback, load_keys

if TYPE_CHECKING:
    from textmill.infer.engine.engine import Engine
    from textmill.serve.keys import Keys
    from textmill.serve.offers import Offers

PACKAGES = {"starlette": "starlette", "uvicorn": "uvicorn", "prometheus_client": "prometheus-client"}


def check_packages() -> None:
    """Raises MissingExtraError unless the extra `serve` is installed."""
    from importlib.util import find_spec

    missing = [name for module, name in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise MissingExtraError("serve.missing_extra", package=", ".join(missing))


def checked_keys(settings: ServeSettings, environment: Mapping[str, str] | None = None) -> "Keys":
    """Returns the keys; UsageError where others could reach a server that has none."""
    keys = load_keys(settings.keys, os.environ if environment is None else environment)
    if not keys and not is_loopback(settings.host):
        raise UsageError("serve.needs_keys", host=settings.host, variable=VARIABLE)
    return keys


class Running:
    """A server with its engine, to its last answer; `listener` is bound (`protocol.listen`) and closed in the end."""

    def __init__(
        self,
        engine: "Engine",
        settings: ServeSettings,
        listener: socket.socket,
        *,
        name: str,
        keys: "Keys",
        offers: "Offers | None" = None,
        on_ready: Callable[[str], None] = lambda address: None,
    ) -> None:
        from textmill.infer.engine.thread import EngineSwitch
        from textmill.serve.app import make_app
        from textmill.serve.offers import Offers
        from textmill.serve.protocol import Server, config
        from textmill.serve.service import Service

        self.socket, self.socket_name = listener, listener.getsockname()[:2]
        self.switch = EngineSwitch(engine)
        offers = offers or Offers()
        self.service = Service(name=name, switch=self.switch, settings=settings, keys=keys, offers=offers)
        seconds, connections = settings.read_seconds, settings.connections
        made = config(make_app(self.service), seconds=seconds, connections=connections, drain=settings.drain_seconds)
        self.server = Server(made, lambda: on_ready(self.address), self._drain)

    @property
    def address(self) -> str:
        """Where it listens, as http://HOST:PORT."""
        host, port = self.socket_name
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self) -> bool:
        """Serves until it is told to end; False when that was at once."""
        try:
            asyncio.run(self.server.serve(sockets=[self.socket]))
        finally:
            self.switch.close(drain=False, timeout=10.0)
            for pool in (self.service.pool, self.service.grammar_pool, self.service.work_pool):
                pool.shutdown(wait=False, cancel_futures=True)
            if self.service.offers.graph is not None:
                self.service.offers.graph.close()
            close()
            self.socket.close()
        return not self.server.force_exit

    def stop(self) -> None:
        """Asks for the end, from any thread."""
        self.server.should_exit = True

    def _drain(self) -> None:
        """Takes nothing new; what is open when the time is over is told so."""
        self.service.dispatcher.draining = True
        loop, seconds = asyncio.get_running_loop(), self.service.settings.drain_seconds
        loop.call_later(seconds, lambda: self.switch.close(drain=False, timeout=0.0))
