"""`textmill graph merge [GONE KEPT]`: two entities that documents named are one; ``--undo NUMBER`` takes that back.

Without entities it lists what may be one, with reasons, and what was merged. The document of ``--json``: ``candidates
[{gone, kept, reason}], merges [{number, gone, kept, reason, date, gone_name, kept_name}]``.
"""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.graph_source import GRAPH, graph_folder, open_embedded
from textmill.cli.layout import table
from textmill.cli.outcome import printable
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.extract.ledger import Ledger

BY_HAND = "by_hand"
SHOWN = 50


def run(context: Context, *, entities: tuple[str, ...], graph: Path | None, undo: int | None,
        all: bool) -> dict[str, Any]:  # fmt: skip
    """Merges, undoes, or lists."""
    from textmill.apps.extract.ledger import FILE, Ledger

    folder = graph_folder(context, graph)
    if not (folder / FILE).exists():
        raise UsageError("extract.no_schema")
    if len(entities) not in (0, 2) or sum((bool(entities), undo is not None, all)) > 1:
        raise UsageError("extract.merge_what")
    with closing(Ledger(folder)) as ledger:
        if entities or undo is not None or all:
            change(context, ledger, folder, entities, undo)
        return listed(context, ledger)


def change(context: Context, ledger: "Ledger", folder: Path, entities: tuple[str, ...], number: int | None) -> None:
    """Notes the merges, or takes one back, and brings the graph after them."""
    from textmill.apps.extract import merging
    from textmill.apps.extract.building import Builder
    from textmill.apps.extract.schema import from_dict
    from textmill.apps.graph.looking import resolve
    from textmill.apps.graph.store import GraphWriter

    pairs: list[tuple[str, str, str]] = []
    if entities:
        with closing(open_embedded(context, folder)) as opened:
            gone, kept = (resolve(opened, entity)[0] for entity in entities)
        pairs = [(gone, kept, BY_HAND)]
    elif number is None:
        pairs = [(one.gone, one.kept, one.reason) for one in merging.candidates(ledger)]
    with GraphWriter(folder) as writer:
        if number is not None:
            merging.undo(ledger, number)
        for gone, kept, reason in pairs:
            if number is None and not entities and merging.settled(ledger, gone, kept):
                continue
            merging.merge(ledger, gone, kept, reason)
        Builder(writer, ledger, from_dict(ledger.noted("schema")), least=ledger.noted("settings")["least"]).settle()


def listed(context: Context, ledger: "Ledger") -> dict[str, Any]:
    """Prints what may be one, and what was merged."""
    from textmill.apps.extract.merging import candidates, described
    from textmill.apps.graph.terms import local_name

    likely, done = candidates(ledger), described(ledger.merges(), local_name)
    rows = [(printable(local_name(one.gone)), "→", printable(local_name(one.kept)), t(f"cli_graph_merge.{one.reason}"),
             printable(f"{one.gone} {one.kept}")) for one in likely[:SHOWN]]  # fmt: skip
    context.print(t("cli_graph_merge.likely", count=len(likely)))
    if rows:
        context.print(table(rows))
    context.print(t("cli_graph_merge.merged", count=len(done)))
    if done:
        context.print(table([(f"{one['number']}", printable(str(one["gone_name"])), "→",
                              printable(str(one["kept_name"])), t(f"cli_graph_merge.{one['reason']}"),
                              str(one["date"])) for one in done]))  # fmt: skip
    return {"candidates": [asdict(one) for one in likely], "merges": done}


COMMAND = Command(
    words=("graph", "merge"),
    run=run,
    example='textmill graph merge\ntextmill graph merge "Lee" "Ann Lee"\ntextmill graph merge --undo 1',
    arguments=(
        Argument(name="entities", many="*", metavar="ENTITY"),
        GRAPH,
        Argument(name="--undo", kind=int, metavar="NUMBER"),
        Argument(name="--all", flag=True, default=False),
    ),
)
