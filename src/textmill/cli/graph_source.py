"""Which graph a command means: the project's, the one in a folder, or the one behind an endpoint."""

from pathlib import Path
from typing import TYPE_CHECKING

from textmill.cli.command import Argument, Context
from textmill.errors import UsageError

if TYPE_CHECKING:
    from textmill.apps.graph.store import EmbeddedGraph, Graph

GRAPH = Argument(name="--graph", kind=Path, metavar="DIR")
ENDPOINT = Argument(name="--endpoint", metavar="URL")


def graph_folder(context: Context, graph: Path | None) -> Path:
    """Returns the folder of the embedded graph."""
    return graph or context.need_project().graph


def open_embedded(context: Context, graph: Path | None) -> "EmbeddedGraph":
    """Opens the embedded graph to read."""
    from textmill.apps.graph.store import EmbeddedGraph

    return EmbeddedGraph(graph_folder(context, graph))


def open_graph(context: Context, graph: Path | None, endpoint: str | None) -> "Graph":
    """Opens a graph to read, wherever it is."""
    if endpoint is None:
        return open_embedded(context, graph)
    if graph is not None:
        raise UsageError("graph.two_places")
    from textmill.apps.graph.endpoint import EndpointGraph

    return EndpointGraph(endpoint)
