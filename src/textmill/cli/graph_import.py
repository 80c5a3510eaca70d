"""`textmill graph import FILE...`: files of RDF, tables and Wikidata dumps into the project's knowledge graph.

The document of ``--json``: ``folder, files [{path, form, statements, done_before, left_out, first_left_out, seconds,
unchanged}], statements, entities, names, seconds``; ``statements`` counts the whole graph.
"""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.graph_source import GRAPH, graph_folder
from textmill.cli.outcome import printable
from textmill.errors import InputError
from textmill.i18n import t


def run(
    context: Context,
    *,
    files: tuple[Path, ...],
    graph: Path | None,
    format: str | None,
    mapping: Path | None,
    base: str | None,
    named: str | None,
    languages: str,
    again: bool,
    shapes: tuple[str, ...],
) -> dict[str, Any]:
    """Imports each file."""
    from textmill.apps.graph.importing import import_file
    from textmill.apps.graph.reading import Reading
    from textmill.apps.graph.store import GraphWriter
    from textmill.apps.graph.tables import read_mapping

    began = time.monotonic()
    reading = Reading(
        format=format or "",
        base=base,
        graph=named or "",
        mapping=read_mapping(mapping) if mapping else None,
        languages=tuple(part.strip() for part in languages.split(",") if part.strip()),
    )
    folder = graph_folder(context, graph)
    if shapes:
        check_first(files, shapes, reading)
    done: list[Any] = []
    try:
        with GraphWriter(folder) as writer, context.progress(t("cli_graph_import.progress"), "MB") as progress:
            for path in files:

                def tell(read: int, size: int, count: int) -> None:
                    progress(read / 1e6, size / 1e6, t("cli_graph_import.so_far", count=count))

                done.append(import_file(writer, path, reading, again=again, tell=tell))
                show(context, done[-1])
    except KeyboardInterrupt:
        context.say(t("graph.interrupted"))
        raise Stopped({"error": {"code": "graph.interrupted", "what": t("graph.interrupted")}}) from None
    counts = totals(folder)
    context.print(t("cli_graph_import.done", folder=folder, **counts))
    return {"folder": folder, "files": done, **counts, "seconds": time.monotonic() - began}


def check_first(files: tuple[Path, ...], shapes: tuple[str, ...], reading: Any) -> None:
    """Raises the error of what is against the shapes, or against the files' own schema, before anything comes in."""
    from textmill.apps.graph.checking import Checker
    from textmill.apps.graph.shapes import read_shapes
    from textmill.cli.graph_check import stored

    wanted = read_shapes([Path(each).expanduser() for each in shapes])
    checker = Checker(stored(files, reading))
    found = [*checker.rules(), *checker.check(wanted)]
    if found:
        first = found[0]
        detail = f"{first.rule} {first.focus} {first.path} {first.value}"
        raise InputError("graph.shapes_violated", count=len(found), detail=printable(detail))


def show(context: Context, imported: Any) -> None:
    """Prints what came of a file."""
    if imported.unchanged:
        context.print(t("cli_graph_import.unchanged", path=imported.path))
        return
    new = imported.statements - imported.done_before
    rate = new / max(imported.seconds, 1e-3)
    context.print(t("cli_graph_import.file", path=imported.path, count=new, seconds=imported.seconds, rate=rate))
    if imported.left_out:
        first = printable(imported.first_left_out)
        context.say(t("cli_graph_import.left_out", path=imported.path, count=imported.left_out, first=first))


def totals(folder: Path) -> dict[str, int]:
    """Returns how much the graph holds."""
    from textmill.apps.graph.store import EmbeddedGraph
    from textmill.apps.graph.terms import library

    with closing(EmbeddedGraph(folder)) as opened:
        store = library().Store.read_only(str(folder / "store"))
        return {"statements": len(store), **opened.index.counts()}


COMMAND = Command(
    words=("graph", "import"),
    run=run,
    example="textmill graph import town.ttl people.nt.gz\ntextmill graph import films.csv --mapping films.toml",
    arguments=(
        Argument(name="files", kind=Path, many="+", metavar="FILE"),
        GRAPH,
        Argument(
            name="--format",
            choices=("turtle", "trig", "ntriples", "nquads", "n3", "rdfxml", "jsonld", "csv", "tsv", "wikidata"),
        ),
        Argument(name="--mapping", kind=Path, metavar="FILE"),
        Argument(name="--base", metavar="IRI"),
        Argument(name="--named", metavar="IRI"),
        Argument(name="--languages", default="en,zh"),
        Argument(name="--again", flag=True, default=False),
        Argument(name="--shapes", many="*", metavar="FILE"),
    ),
)
