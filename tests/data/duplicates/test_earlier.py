"""Builds against earlier corpora: what they have stays out, with and without the file of signatures."""

import json
import random
from pathlib import Path

import pytest
from corpus_helpers import dropped_rows, write

from textmill.config import Settings
from textmill.data.build import build_corpus
from textmill.data.corpus import Corpus
from textmill.data.document import document_id
from textmill.data.duplicates.earlier import FILE
from textmill.errors import CorpusError


def story(seed: int) -> list[str]:
    chance = random.Random(seed)
    return [f"word{chance.randrange(10**6)}" for _ in range(200)]


def build(folder: Path, name: str, files: dict[str, str], **changes) -> Corpus:
    write(folder / name, dict(files))
    values = {"corpus.validation_share": 0.0, "corpus.workers": 1} | changes
    return build_corpus([folder / name], folder / f"{name}-corpus", Settings().replace(values))


def old_and_new(folder: Path) -> tuple[Corpus, dict[str, str]]:
    old = build(folder, "old", {f"{n}.txt": " ".join(story(n)) for n in range(4)} | {"bang.txt": "!!!"})
    changed = story(1)
    changed[5:7] = ["other", "words"]
    files = {
        "equal.txt": " ".join(story(0)),
        "near.txt": " ".join([*changed, *story(99)[:5]]),
        "held_out/near.txt": " ".join(["Begins", *story(2)]),
        "new.txt": " ".join(story(50)),
        "bang.txt": "!!!",
    }
    return old, files


@pytest.mark.parametrize("stored", [True, False, "other settings"])
def test_what_an_earlier_corpus_has_stays_out(tmp_path: Path, stored):
    old, files = old_and_new(tmp_path)
    if not stored:
        (old.folder / FILE).unlink()
    more = {"duplicates.permutations": 64} if stored == "other settings" else {}
    corpus = build(tmp_path, "new", files, **{"duplicates.against": (str(old.folder),)}, **more)
    assert [document.source for document in corpus.documents()] == ["new/new.txt"]
    rows = {row["source"]: row for row in dropped_rows(corpus)}
    assert {row["reason"] for row in rows.values()} == {"earlier_duplicate"}
    assert rows["new/equal.txt"]["value"] == document_id("old/0.txt")
    assert rows["new/bang.txt"]["value"] == document_id("old/bang.txt")
    near, alike = rows["new/near.txt"]["value"].split()
    assert (near, rows["new/near.txt"]["threshold"]) == (document_id("old/1.txt"), "0.8")
    assert 0.8 <= float(alike) < 1
    assert rows["new/held_out/near.txt"]["value"].split()[0] == document_id("old/2.txt")


def test_several_earlier_corpora_one_after_another(tmp_path: Path):
    first = build(tmp_path, "first", {"a.txt": " ".join(story(1))})
    second = build(tmp_path, "second", {"b.txt": " ".join(story(2))}, **{"duplicates.against": (str(first.folder),)})
    files = {"a.txt": " ".join(story(1)), "b.txt": " ".join(story(2)), "c.txt": " ".join(story(3)), "d.txt": "c"}
    both = (str(first.folder), str(second.folder))
    corpus = build(tmp_path, "third", files, **{"duplicates.against": both})
    assert sorted(document.source for document in corpus.documents()) == ["third/c.txt", "third/d.txt"]
    assert [row["value"] for row in dropped_rows(corpus)] == [document_id("first/a.txt"), document_id("second/b.txt")]


def test_only_equal_ones_where_near_ones_are_not_looked_for(tmp_path: Path):
    old, files = old_and_new(tmp_path)
    changes = {"duplicates.against": (str(old.folder),), "duplicates.near": False}
    corpus = build(tmp_path, "new", files, **changes)
    sources = {document.source for document in corpus.documents()}
    assert sources == {"new/near.txt", "new/held_out/near.txt", "new/new.txt"}
    assert not (corpus.folder / FILE).exists()


def test_against_nothing_and_against_damage(tmp_path: Path):
    old, files = old_and_new(tmp_path)
    with pytest.raises(CorpusError) as error:
        build(tmp_path, "new", files, **{"duplicates.against": (str(tmp_path / "nowhere"),)})
    assert error.value.key == "corpus.missing"
    data = bytearray((old.folder / FILE).read_bytes())
    (old.folder / FILE).write_bytes(data[: len(data) // 2])
    corpus = build(tmp_path, "new", files, **{"duplicates.against": (str(old.folder),)})
    assert corpus.count() == 1


def test_a_file_of_another_corpus_is_not_believed(tmp_path: Path):
    old, files = old_and_new(tmp_path)
    other = build(tmp_path, "other", {f"{n}.txt": f"Nothing {n} of it." for n in range(5)})
    (old.folder / FILE).write_bytes((other.folder / FILE).read_bytes())
    assert build(tmp_path, "new", files, **{"duplicates.against": (str(old.folder),)}).count() == 1


def test_the_file_has_a_row_for_each_document_that_stayed(tmp_path: Path):
    import pyarrow.parquet as parquet

    old, _ = old_and_new(tmp_path)
    table = parquet.read_table(old.folder / FILE)
    assert [id.hex() for id in table["id"].to_pylist()] == [document.id for document in old.documents()]
    assert [len(signature) for signature in table["signature"].to_pylist()] == [256] * 4 + [0]
    assert json.loads(table.schema.metadata[b"textmill_signatures"])["permutations"] == 128
