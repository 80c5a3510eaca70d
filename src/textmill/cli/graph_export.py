"""`textmill graph export`: the whole graph as a file; sorted lines, so that equal graphs are equal files.

The document of ``--json``: ``out, format, statements``.
"""

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.graph_source import GRAPH, open_embedded
from textmill.errors import UsageError
from textmill.i18n import t

FORMATS = ("nquads", "ntriples", "turtle", "trig", "jsonld", "rdfxml")


def run(context: Context, *, graph: Path | None, out: Path | None, format: str | None) -> dict[str, Any]:
    """Writes the graph to `out`, or to stdout."""
    from textmill.apps.graph.looking import export
    from textmill.apps.graph.reading import ENDINGS
    from textmill.files import atomic_file

    by_name = ENDINGS.get(out.suffix.lower(), "") if out else ""
    form = format or (by_name if by_name in FORMATS else "nquads")
    if out is None and context.json:
        raise UsageError("graph.export_where")
    with closing(open_embedded(context, graph)) as opened:
        if out is None:
            count = export(opened, form, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with atomic_file(out) as file:
                count = export(opened, form, file)
            context.print(t("cli_graph_export.done", count=count, out=out, format=form))
    return {"out": out, "format": form, "statements": count}


COMMAND = Command(
    words=("graph", "export"),
    run=run,
    example="textmill graph export --out graph.nq",
    arguments=(
        GRAPH,
        Argument(name="--out", kind=Path, metavar="FILE"),
        Argument(name="--format", choices=FORMATS),
    ),
)
