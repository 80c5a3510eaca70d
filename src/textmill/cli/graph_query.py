"""`textmill graph query SPARQL`: a query that only reads, in a process with limits of time, rows and memory.

The document of ``--json``: ``kind`` (select, ask, graph), ``variables, rows`` (terms as in SPARQL's JSON results),
``truth`` (of an ASK), ``complete`` (false where rows are left out), ``seconds``.
"""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.graph_source import ENDPOINT, GRAPH, open_graph
from textmill.cli.layout import table
from textmill.cli.outcome import printable
from textmill.cli.text_input import read_prompt
from textmill.i18n import t


def run(
    context: Context,
    *,
    query: str | None,
    graph: Path | None,
    endpoint: str | None,
    n: int,
    seconds: float,
    memory: int,
) -> dict[str, Any]:
    """Runs a query and prints its rows."""
    from textmill.apps.graph.answers import ASK, Limits
    from textmill.apps.graph.terms import plain
    from textmill.errors import UsageError

    for option, value in (("--n", n), ("--seconds", seconds), ("--memory", memory)):
        if value <= 0:
            raise UsageError("graph.not_positive", option=option, got=value)
    limits = Limits(seconds=seconds, rows=n, memory=memory << 20)
    text = read_prompt(context, query)
    with closing(open_graph(context, graph, endpoint)) as opened:
        answer = opened.query(text, limits)
    if answer.kind == ASK:
        context.print(t("cli_graph_query.yes" if answer.truth else "cli_graph_query.no"))
    elif answer.rows:
        lines = [[printable(plain(row[name])) if name in row else "" for name in answer.variables]
                 for row in answer.rows]  # fmt: skip
        context.print(table([[f"?{name}" for name in answer.variables], *lines]))
    if answer.kind != ASK:
        context.say(t("cli_graph_query.rows", count=len(answer.rows), seconds=answer.seconds))
    if not answer.complete:
        context.say(t("cli_graph_query.more", count=n))
    return asdict(answer)


COMMAND = Command(
    words=("graph", "query"),
    run=run,
    example='textmill graph query "SELECT ?x ?name WHERE { ?x rdfs:label ?name } LIMIT 5"',
    arguments=(
        Argument(name="query", many="?", metavar="SPARQL"),
        GRAPH,
        ENDPOINT,
        Argument(name="--n", kind=int, default=1000, metavar="N"),
        Argument(name="--seconds", kind=float, default=10.0, metavar="S"),
        Argument(name="--memory", kind=int, default=1024, metavar="MB"),
    ),
)
