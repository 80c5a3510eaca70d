"""Documents into the knowledge graph and out again, without the model's own time.

python extract.py [CASE] [--statements N] [--json]

put-in     one document with N statements whose proposals are known: statements a second into store, names, ledger
forget     the same document deleted: seconds until graph, names and ledger are without it
"""

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import common

CASES = ("put-in", "forget")
SAID = re.compile(r"(?P<s>Town \d+) has the mayor (?P<o>Person \d+)")
SCHEMA = """
[class.Town]
[class.Person]
[predicate.mayor]
domain = "Town"
range = "Person"
"""


class Known:
    """Proposes what a pattern finds, in the place of a model."""

    name = "pattern"

    def propose(self, parts: Sequence[str], schema: Any) -> Iterator[list[Any]]:
        """Yields what each part says."""
        from textmill.apps.extract.proposals import proposals_of, written

        for part in parts:
            facts = tuple((found["s"], "mayor", found["o"]) for found in SAID.finditer(part))
            yield list(proposals_of(part, schema, written(facts)))


def build(graph: Path, docs: Path, schema: Any) -> tuple[float, Any]:
    """Brings the graph after the documents; returns the seconds and what was done."""
    from textmill.apps.extract.building import Builder
    from textmill.apps.extract.ledger import Ledger
    from textmill.apps.graph.store import GraphWriter

    began = time.perf_counter()
    with GraphWriter(graph) as writer, closing(Ledger(graph)) as ledger:
        done = Builder(writer, ledger, schema).extract([docs], Known)
    return time.perf_counter() - began, done


def measured(count: int) -> list[common.Row]:
    """Puts one document in and takes it out."""
    from textmill.apps.extract.schema import read_schema

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "docs").mkdir()
        (folder / "schema.toml").write_text(SCHEMA)
        schema = read_schema(folder / "schema.toml")
        build(folder / "graph", folder / "docs", schema)
        path = folder / "docs/many.txt"
        path.write_text("\n".join(f"Town {number} has the mayor Person {number}." for number in range(count)))
        seconds, done = build(folder / "graph", folder / "docs", schema)
        path.unlink()
        gone, _ = build(folder / "graph", folder / "docs", schema)
    return [
        common.row("put-in", "statements a second", done.statements / seconds, n=done.statements, seconds=seconds),
        common.row("forget", "seconds", gone, n=done.statements, seconds=gone),
    ]


def main() -> None:
    """Runs the cases."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--statements", type=int, default=1000)
    given = words.parse_args()
    rows = measured(given.statements)
    common.report([row for row in rows if given.case in (None, "", row["case"])], given.json)


if __name__ == "__main__":
    main()
