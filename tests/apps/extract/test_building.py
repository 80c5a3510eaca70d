"""Documents go into the graph and out of it again; what is left is what a fresh build makes."""

import random
from contextlib import closing
from pathlib import Path

import pytest
from extracting import PatternProposer, exported, extract, names, schema_in

from textmill.apps.extract.building import Builder
from textmill.apps.extract.ledger import Ledger
from textmill.apps.extract.merging import candidates, merge, undo
from textmill.apps.graph.store import EmbeddedGraph, GraphWriter
from textmill.errors import InputError

PLACE = "https://example.org/Place/"
THINGS = ("mayor Ann", "founded 1999", "mayor Town X", "kind port")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.md").write_text(
        "# One\n\nRiverton mayor Ann Lee. Riverton founded 1820.\n\n# Two\n\nHilltop kind port.\n"
    )
    (tmp_path / "docs/b.md").write_text("The Riverton mayor Ann Lee. Nothing else.\n")
    return tmp_path / "docs"


def test_a_statement_says_where_it_stands(docs: Path, tmp_path: Path) -> None:
    done = extract(tmp_path / "graph", docs)
    assert (done.read, done.stored, done.statements, done.asked) == (2, 2, 4, 3)
    graph = EmbeddedGraph(tmp_path / "graph")
    rows = graph.query(
        f"SELECT ?quote ?start ?end ?document ?model ?date WHERE {{ ?r rdf:reifies <<( <{PLACE}riverton>"
        " <https://example.org/founded> ?year )>> ; tm:quote ?quote ; tm:start ?start ; tm:end ?end ; tm:document"
        " ?document ; tm:model ?model ; tm:date ?date ; tm:confidence ?sure }"
    ).rows
    (row,) = [{key: term["value"] for key, term in row.items()} for row in rows]
    text = (docs / "a.md").read_text()
    assert text[int(row["start"]) : int(row["end"])] == row["quote"] == "Riverton founded 1820."
    assert (row["document"], row["model"]) == ("docs/a.md", "pattern") and row["date"].startswith("20")
    assert graph.find("mayor")[0].iri == "https://example.org/mayor"
    assert graph.find("Riverton")[0].iri == PLACE + "riverton", "an article makes no other entity"
    graph.close()


def test_edits_and_deletions_leave_what_a_fresh_build_makes(docs: Path, tmp_path: Path) -> None:
    extract(tmp_path / "graph", docs)
    (docs / "a.md").write_text(
        "# One\n\nRiverton mayor Ann Lee. Riverton founded 1820.\n\n# Two\n\nHilltop kind market.\n"
    )
    (docs / "b.md").unlink()
    (docs / "c.md").write_text("Milltown opened 1 May 1850.\n")
    proposer = PatternProposer()
    done = extract(tmp_path / "graph", docs, proposer)
    assert (done.gone, done.read, done.known) == (1, 2, 1)
    assert proposer.asked == ["Hilltop kind market.", "Milltown opened 1 May 1850."], "the rest was known"
    extract(tmp_path / "fresh", docs)
    assert exported(tmp_path / "graph") == exported(tmp_path / "fresh")
    assert b'"1850-05-01"^^<http://www.w3.org/2001/XMLSchema#date>' in exported(tmp_path / "fresh")
    assert names(tmp_path / "graph") == names(tmp_path / "fresh")
    (docs / "c.md").unlink()
    (docs / "a.md").unlink()

    def nobody() -> PatternProposer:
        raise AssertionError("no model is asked")

    with GraphWriter(tmp_path / "graph") as writer, closing(Ledger(tmp_path / "graph")) as ledger:
        Builder(writer, ledger, schema_in(tmp_path)).extract([docs], nobody)
        assert ledger.base.execute("SELECT COUNT(*) FROM part").fetchone() == (0,)
    assert b"document:" not in exported(tmp_path / "graph")


@pytest.mark.parametrize("seed", range(2))
def test_any_order_of_changes_is_a_fresh_build(tmp_path: Path, seed: int) -> None:
    draw, docs = random.Random(seed), tmp_path / "docs"
    docs.mkdir()
    for _ in range(3):
        for name in draw.sample("abcd", 2):
            if draw.random() < 0.3:
                (docs / name).with_suffix(".md").unlink(missing_ok=True)
            else:
                said = [f"Town {draw.choice('XYZ')} {draw.choice(THINGS)}."
                        for _ in range(3)]  # fmt: skip
                (docs / name).with_suffix(".md").write_text("\n\n# H\n\n".join(said))
        extract(tmp_path / "graph", docs)
    extract(tmp_path / "fresh", docs)
    assert exported(tmp_path / "graph") == exported(tmp_path / "fresh")
    assert names(tmp_path / "graph") == names(tmp_path / "fresh")


def test_what_was_stopped_goes_on_at_the_part_that_it_was_at(docs: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        extract(tmp_path / "graph", docs, PatternProposer(stop=2))
    proposer = PatternProposer()
    extract(tmp_path / "graph", docs, proposer)
    assert len(proposer.asked) == 1
    extract(tmp_path / "fresh", docs)
    assert exported(tmp_path / "graph") == exported(tmp_path / "fresh")


def test_merges_are_proposed_with_reasons_made_and_undone(docs: Path, tmp_path: Path) -> None:
    (docs / "b.md").write_text("Rivertown mayor B Wu. Milltown mayor Bo Wu.\n")
    extract(tmp_path / "graph", docs)
    before = exported(tmp_path / "graph")
    person = "https://example.org/Person/"
    with GraphWriter(tmp_path / "graph") as writer, closing(Ledger(tmp_path / "graph")) as ledger:
        found = {(one.gone, one.kept, one.reason) for one in candidates(ledger)}
        assert (person + "b_wu", person + "bo_wu", "initial") in found
        assert any(
            {gone, kept} == {PLACE + "riverton", PLACE + "rivertown"} and why == "slip" for gone, kept, why in found
        )
        builder = Builder(writer, ledger, schema_in(tmp_path))
        merge(ledger, person + "b_wu", person + "bo_wu", "initial")
        merge(ledger, PLACE + "rivertown", PLACE + "riverton", "slip")
        builder.settle()
        with pytest.raises(InputError):
            merge(ledger, person + "bo_wu", person + "b_wu", "by_hand")
    merged = exported(tmp_path / "graph").decode()
    assert (
        f"<{person}b_wu>" not in merged
        and f'<{person}bo_wu> <http://www.w3.org/2004/02/skos/core#altLabel> "B Wu"' in merged
    )
    with GraphWriter(tmp_path / "graph") as writer, closing(Ledger(tmp_path / "graph")) as ledger:
        for one in ledger.merges():
            undo(ledger, one.id)
        Builder(writer, ledger, schema_in(tmp_path)).settle()
        with pytest.raises(InputError):
            undo(ledger, 99)
    assert exported(tmp_path / "graph") == before


def test_the_schema_keeps_out_what_it_forbids(docs: Path, tmp_path: Path) -> None:
    (docs / "a.md").write_text(
        "Riverton mayor Ann Lee. Riverton mayor Bo Wu. Hilltop mayor Hilltop. X kind castle. X founded 99.\n"
    )
    (docs / "b.md").unlink()
    done = extract(tmp_path / "graph", docs)
    assert (done.statements, done.left_out) == (1, 1)
    assert b"Bo Wu" not in exported(tmp_path / "graph").replace(b"Riverton mayor Bo Wu", b"")
