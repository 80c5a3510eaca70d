"""What tests of extraction share: a schema, documents, and a proposer that finds statements by a pattern."""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from textmill.apps.extract.building import Builder, Done
from textmill.apps.extract.ledger import Ledger
from textmill.apps.extract.proposals import Proposal, proposals_of, written
from textmill.apps.extract.schema import Schema, read_schema
from textmill.apps.graph import looking
from textmill.apps.graph.store import EmbeddedGraph, GraphWriter

TOWN = """\
namespace = "https://example.org/"
[class.Place]
[class.Town]
subclass_of = "Place"
label = { en = "town", zh = "镇" }
[class.Person]
disjoint_with = "Place"
[predicate.mayor]
domain = "Town"
range = "Person"
most = 1
label = { en = "mayor", zh = "镇长" }
[predicate.founded]
domain = "Town"
range = "gYear"
[predicate.opened]
domain = "Town"
range = "date"
[predicate.kind]
domain = "Town"
values = ["port", "market"]
"""
SAID = re.compile(r"(?P<s>[\w' ]+?) (?P<p>mayor|founded|opened|kind) (?P<o>[\w' ]+)")


def schema_in(folder: Path, text: str = TOWN) -> Schema:
    """Returns the schema that a text says."""
    (folder / "schema.toml").write_text(text, encoding="utf-8")
    return read_schema(folder / "schema.toml")


class PatternProposer:
    """Proposes what texts say in the form "Riverton mayor Ann Lee", and counts what it was asked."""

    name = "pattern"

    def __init__(self, stop: int = 10**9) -> None:
        self.asked: list[str] = []
        self.stop = stop

    def propose(self, parts: Sequence[str], schema: Schema) -> Iterator[list[Proposal]]:
        """Yields what each part says."""
        for part in parts:
            if len(self.asked) >= self.stop:
                raise KeyboardInterrupt
            self.asked.append(part)
            facts = tuple((found["s"].strip(), found["p"], found["o"].strip()) for found in SAID.finditer(part))
            yield list(proposals_of(part, schema, written(facts)))


def extract(folder: Path, docs: Path, proposer: PatternProposer | None = None, schema: Schema | None = None) -> Done:
    """Brings the graph in `folder` after the documents."""
    with GraphWriter(folder) as writer:
        ledger = Ledger(folder)
        try:
            builder = Builder(writer, ledger, schema or schema_in(docs.parent))
            return builder.extract([docs], lambda: proposer or PatternProposer())
        finally:
            ledger.close()


def exported(folder: Path) -> bytes:
    """Returns a graph as sorted N-Quads."""
    graph = EmbeddedGraph(folder)
    file = io.BytesIO()
    looking.export(graph, "nquads", file)
    graph.close()
    return file.getvalue()


def names(folder: Path) -> list[tuple[object, ...]]:
    """Returns all names of a graph, sorted."""
    graph = EmbeddedGraph(folder)
    rows = graph.index.base.execute("SELECT iri, text, language, kind FROM name JOIN entity ON entity.id = entity")
    found = sorted(rows.fetchall())
    graph.close()
    return found
