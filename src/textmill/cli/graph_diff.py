"""`textmill graph diff FILE [OTHER]`: which statements one graph has and the other has not.

With one file the project's graph is the other side. Blank nodes are compared by what is said of them (RDF Dataset
Canonicalization), not by their names. The document of ``--json``: ``removed, added`` (lines of N-Quads), ``equal``.
"""

from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.graph_source import GRAPH, open_embedded
from textmill.cli.outcome import printable
from textmill.i18n import t


def run(context: Context, *, file: Path, other: Path | None, graph: Path | None, n: int) -> dict[str, Any]:
    """Compares `file` with `other`, or with the graph."""
    from textmill.apps.graph.looking import difference, lines_of_file

    with closing(open_embedded(context, graph)) if other is None else nullcontext() as opened:
        second = lines_of_file(other or file, opened)
    removed, added = difference(lines_of_file(file, None), second)
    for sign, lines in (("-", removed), ("+", added)):
        for line in lines[:n]:
            context.print(printable(f"{sign} {line}"))
        if len(lines) > n:
            context.print(t("cli_graph_diff.more", sign=sign, count=len(lines) - n))
    context.print(t("cli_graph_diff.done", removed=len(removed), added=len(added)))
    return {"removed": removed, "added": added, "equal": not removed and not added}


COMMAND = Command(
    words=("graph", "diff"),
    run=run,
    example="textmill graph diff before.nq\ntextmill graph diff before.ttl after.ttl",
    arguments=(
        Argument(name="file", kind=Path, metavar="FILE"),
        Argument(name="other", kind=Path, many="?", metavar="OTHER"),
        GRAPH,
        Argument(name="--n", kind=int, default=100, metavar="N"),
    ),
)
