"""A query computes in a process that can be killed: one that runs for ever, or fills the memory, costs only itself.

    parent ──{"path", "query", "rows", "bytes"}──▶ this process ──{"kind", "variables", "rows", …}──▶ parent

The process opens the store read-only, and where the kernel knows filters of system calls it may open no socket: even a
SERVICE that got past `sparql.check_query` would reach nobody. It stands by for the next query and looks anew at a store
that has been written to.
"""

import errno
import json
import os
import platform
import struct
import sys
import time
from pathlib import Path
from typing import Any

from textmill.apps.graph.answers import ASK, GRAPH, PARTS, SELECT, Answer, Limits
from textmill.apps.graph.sparql import check_query
from textmill.apps.graph.terms import PREFIXES, term_json
from textmill.errors import InputError, ResourceError
from textmill.tokenizer.template_process import TemplateProcess

TOLD = 300
TOO_LARGE = "too_large"


class QueryProcess:
    """Asks the process, starts it when it is needed, and ends it when a query goes past its limits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.memory = 0
        self.process: TemplateProcess | None = None

    def ask(self, query: str, limits: Limits) -> Answer:
        """Returns the answer to a query; InputError for a bad or refused one, ResourceError past a limit."""
        check_query(query)
        started = self._start(limits)
        began = time.monotonic()
        request = {"path": str(self.path), "query": query, "rows": limits.rows, "bytes": limits.bytes}
        started.most_waiting = limits.seconds
        try:
            line = started.ask(json.dumps(request).encode())
        except BaseException:  # Ctrl-C: the process may still compute, and its answer would be the next one's
            self.close()
            raise
        if not line:
            late = time.monotonic() - began >= limits.seconds
            self.close()
            if late:
                raise ResourceError("graph.query_time", seconds=limits.seconds)
            raise ResourceError("graph.query_memory", megabytes=limits.memory >> 20)
        reply = json.loads(line)
        if reply.get("error") == TOO_LARGE:
            raise ResourceError("graph.query_bytes", megabytes=limits.bytes / (1 << 20))
        if "error" in reply:
            raise InputError("graph.query_syntax", detail=reply["error"])
        reply["variables"], reply["rows"] = tuple(reply["variables"]), tuple(reply["rows"])
        return Answer(**reply, seconds=time.monotonic() - began)

    def _start(self, limits: Limits) -> TemplateProcess:
        if self.process is not None and self.process.process.poll() is not None:
            self.close()
        if self.process is None or self.memory != limits.memory:
            self.close()
            self.memory = limits.memory
            self.process = TemplateProcess("textmill.apps.graph.query_process", most_waiting=60)
            if not self.process.ask(json.dumps({"memory": limits.memory}).encode()):
                self.close()
                raise ResourceError("graph.query_memory", megabytes=limits.memory >> 20)
        return self.process

    def close(self) -> None:
        """Ends the process."""
        if self.process is not None:
            self.process.close()
            self.process = None


def confine(memory: int) -> None:
    """Holds this process to so much memory and to no sockets, as far as the system can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass
    try:
        from textmill.sandbox.linux import install_filter

        install_filter(no_sockets(platform.machine()))
    except (ImportError, OSError, AttributeError, KeyError):
        pass


def no_sockets(machine: str) -> bytes:
    """Returns the filter that refuses socket() and lets everything else be; KeyError for an unknown machine."""
    from textmill.sandbox import system_calls as calls

    number = {"x86_64": 41, "aarch64": 198}[machine]
    lines = (
        (calls.LOAD, 0, 0, calls.ARCHITECTURE_AT),
        (calls.EQUAL, 1, 0, calls.AUDIT_ARCHITECTURE[machine]),
        (calls.RETURN, 0, 0, calls.KILL_PROCESS),
        (calls.LOAD, 0, 0, calls.NUMBER_AT),
        (calls.EQUAL, 0, 1, number),
        (calls.RETURN, 0, 0, calls.ERROR | errno.EPERM),
        (calls.RETURN, 0, 0, calls.ALLOW),
    )
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


class Opened:
    """The store that this process has open, opened anew when its files have changed."""

    def __init__(self) -> None:
        self.store: Any = None
        self.stamp: tuple[Any, ...] = ()

    def at(self, path: str) -> Any:
        """Returns the store in a folder."""
        import pyoxigraph

        stamp = (path, *sorted((entry.name, entry.stat().st_mtime_ns) for entry in os.scandir(path)))
        if self.store is None or stamp != self.stamp:
            self.store = pyoxigraph.Store.read_only(path)
            self.stamp = stamp
        return self.store


def answer(opened: Opened, request: dict[str, Any]) -> dict[str, Any]:
    """Returns the answer to a request as JSON has it, or its error."""
    try:
        store = opened.at(request["path"])
        union = next(iter(store.named_graphs()), None) is not None
        return result(store.query(request["query"], prefixes=PREFIXES, use_default_graph_as_union=union), request)
    except (SyntaxError, ValueError, OSError) as error:
        return {"error": str(error)[:TOLD]}


def result(found: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Returns what a query found, as many rows as it may have."""
    import pyoxigraph

    if isinstance(found, pyoxigraph.QueryBoolean):
        return {"kind": ASK, "variables": (), "rows": (), "truth": bool(found), "complete": True}
    graph = isinstance(found, pyoxigraph.QueryTriples)
    names = PARTS if graph else tuple(variable.value for variable in found.variables)
    rows: list[dict[str, Any]] = []
    size = 0
    for row in found:
        if len(rows) >= request["rows"]:
            return {"kind": GRAPH if graph else SELECT, "variables": names, "rows": rows, "complete": False}
        terms = [getattr(row, name) if graph else row[name] for name in names]
        made = {name: term_json(term) for name, term in zip(names, terms, strict=True) if term is not None}
        size += sum(len(str(term["value"])) + 40 for term in made.values())
        if size > request["bytes"]:
            return {"error": TOO_LARGE}
        rows.append(made)
    return {"kind": GRAPH if graph else SELECT, "variables": names, "rows": rows, "complete": True}


def serve() -> None:
    """Answers line by line; the first line says how much memory there is."""
    import pyoxigraph  # noqa: F401  (before the memory is bounded)

    opened = Opened()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "memory" in request:
            confine(request["memory"])
            reply: dict[str, Any] = {"ready": True}
        else:
            reply = answer(opened, request)
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve()
