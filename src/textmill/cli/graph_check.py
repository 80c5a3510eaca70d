"""`textmill graph check [FILE...]`: is a graph as its shapes and its own schema say?

Exit code 2 where it is not. The document of ``--json``: ``conforms, statements, counts {rule: n}, findings [{focus,
path, value, rule, severity, message}], more``.
"""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.graph_source import GRAPH, graph_folder
from textmill.cli.layout import table
from textmill.cli.outcome import printable
from textmill.errors import InputError
from textmill.i18n import t


def run(context: Context, *, files: tuple[Path, ...], shapes: tuple[str, ...], graph: Path | None,
        n: int) -> dict[str, Any]:  # fmt: skip
    """Checks files, or the graph where there are none."""
    from textmill.apps.graph.checking import Checker
    from textmill.apps.graph.shapes import read_shapes

    wanted = read_shapes([Path(each).expanduser() for each in shapes])
    store = stored(files) if files else opened(graph_folder(context, graph))
    checker, shown, counts = Checker(store), [], Counter[str]()
    for found in (*checker.rules(), *checker.check(wanted)):
        counts[found.rule] += 1
        if len(shown) < n:
            shown.append(found)
    total = sum(counts.values())
    document = {"conforms": not total, "statements": len(store), "counts": dict(counts),
                "findings": [asdict(found) for found in shown], "more": total - len(shown)}  # fmt: skip
    if not total:
        context.print(t("cli_graph_check.conforms", statements=len(store), shapes=len(wanted)))
        return document
    context.print(table([[printable(part) for part in (one.rule, one.focus, one.path, one.value, one.message)]
                         for one in shown]))  # fmt: skip
    error = InputError("graph.shapes_violated", count=total, detail=", ".join(f"{k} {v}" for k, v in counts.items()))
    context.say(t("cli_graph_check.found", count=total, shown=len(shown)))
    raise Stopped(document | {"error": {"code": error.key} | error.parts()}, exit_code=2)


def opened(folder: Path) -> Any:
    """Returns the store of a graph, to read."""
    from textmill.apps.graph.store import STORE, opened
    from textmill.apps.graph.terms import library

    kinds = library()
    if not (folder / STORE).is_dir():
        raise InputError("graph.none", folder=folder)
    return opened(lambda: kinds.Store.read_only(str(folder / STORE)), folder)


def stored(files: tuple[Path, ...], reading: Any = None) -> Any:
    """Returns a store in memory with what some files say."""
    from textmill.apps.graph.reading import Reading, format_of, open_source, statements
    from textmill.apps.graph.terms import library

    store, reading = library().Store(), reading or Reading()
    for path in files:
        source = open_source(path)
        with source.raw:
            store.extend(statements(source, format_of(path, reading), reading))
    return store


COMMAND = Command(
    words=("graph", "check"),
    run=run,
    example="textmill graph check --shapes shapes.ttl\ntextmill graph check town.ttl --shapes shapes.ttl",
    arguments=(
        Argument(name="files", kind=Path, many="*", metavar="FILE"),
        Argument(name="--shapes", many="*", metavar="FILE"),
        GRAPH,
        Argument(name="--n", kind=int, default=50, metavar="N"),
    ),
)
