"""`textmill graph stats`: how much a graph holds, by which predicates, of which classes.

The document of ``--json``: ``statements, predicates [{iri, name, count}], classes [{iri, name, count}]``, and of an
embedded graph ``entities, names, imports [{path, statements, whole}]``.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.graph_source import ENDPOINT, GRAPH, open_graph
from textmill.cli.layout import table
from textmill.cli.outcome import printable
from textmill.i18n import t


def run(context: Context, *, graph: Path | None, endpoint: str | None, n: int, seconds: float) -> dict[str, Any]:
    """Counts."""
    from textmill.apps.graph.answers import Limits
    from textmill.apps.graph.importing import KEY
    from textmill.apps.graph.looking import display, statistics
    from textmill.apps.graph.store import EmbeddedGraph

    with closing(open_graph(context, graph, endpoint)) as opened:
        found = statistics(opened, Limits(seconds=seconds), n)
        known: dict[str, str] = {}
        for item in (*found["predicates"], *found["classes"]):
            item["name"] = display(opened, item["iri"], known)
        context.print(t("cli_graph_stats.statements", count=found["statements"]))
        if isinstance(opened, EmbeddedGraph):
            found |= opened.index.counts()
            found["imports"] = [
                {"path": key.removeprefix(KEY), "statements": state["done"], "whole": state["whole"]}
                for key, state in opened.index.states(KEY).items()
            ]
            context.print(t("cli_graph_stats.names", entities=found["entities"], names=found["names"]))
    for part in ("predicates", "classes"):
        if found[part]:
            context.print("\n" + t(f"cli_graph_stats.{part}"))
            rows = [(f"{item['count']:,}", printable(item["name"]), printable(item["iri"])) for item in found[part]]
            context.print(table(rows))
    for item in found.get("imports", ()):
        if not item["whole"]:
            context.say(t("cli_graph_stats.partial", path=item["path"], count=item["statements"]))
    return found


COMMAND = Command(
    words=("graph", "stats"),
    run=run,
    example="textmill graph stats",
    arguments=(
        GRAPH,
        ENDPOINT,
        Argument(name="--n", kind=int, default=20, metavar="N"),
        Argument(name="--seconds", kind=float, default=60.0, metavar="S"),
    ),
)
