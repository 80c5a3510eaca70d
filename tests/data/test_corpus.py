"""The corpus as a whole: splits that do not leak, duplicates, determinism, reading back, damage."""

import json
import random
import signal
import time
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from corpus_helpers import build, by_source, dropped, dropped_rows, texts, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textmill.config import CorpusSettings, Settings
from textmill.data.build import build_corpus
from textmill.data.clean import SURROGATES, clean
from textmill.data.corpus import COLUMNS, MANIFEST, Corpus
from textmill.data.document import document_id
from textmill.errors import CorpusError


def many(count: int) -> dict[str, str | bytes]:
    return {f"{number:04}.txt": f"Text number {number}, and nothing else." for number in range(count)}


def test_the_folder_decides_what_is_held_out(tmp_path: Path):
    files = {"train/a.txt": "a", "held_out/b.txt": "b", "deep/held_out/c/d.html": "<p>d</p>", "held_outside/e.txt": "e"}
    corpus = build(tmp_path, files, validation_share=0.5)
    assert sorted(texts(corpus, "validation")) == ["b", "d"]
    assert sorted(texts(corpus, "train")) == ["a", "e"]
    assert corpus.manifest["held_out_by"] == "marks"
    assert (corpus.count(), corpus.count("train"), corpus.count("validation")) == (4, 2, 2)


def test_the_given_folders_own_name_counts(tmp_path: Path):
    folder = write(tmp_path / "held_out", {"a.txt": "a"})
    other = write(tmp_path / "train", {"b.txt": "b"})
    corpus = build_corpus([folder, other / "b.txt"], tmp_path / "out", Settings(corpus=CorpusSettings(workers=1)))
    assert {source: document.split for source, document in by_source(corpus).items()} == {
        "held_out/a.txt": "validation",
        "b.txt": "train",
    }


def test_rows_may_say_their_split(tmp_path: Path):
    rows = [{"text": "a", "split": "train"}, {"text": "b", "split": "validation"}, {"text": "c"}]
    corpus = build(tmp_path, {"r.jsonl": "\n".join(map(json.dumps, rows))})
    assert texts(corpus, "validation") == ["b"]
    assert "split" not in next(corpus.documents()).meta


@pytest.mark.parametrize("deduplicate", [True, False])
def test_a_held_out_text_never_stays_in_train(tmp_path: Path, deduplicate: bool):
    files = {"a.txt": "same", "b.txt": "same", "held_out/c.txt": "same", "held_out/d.txt": "same", "z.txt": "other"}
    corpus = build(tmp_path, files, deduplicate=deduplicate)
    assert texts(corpus, "train") == ["other"]
    assert texts(corpus, "validation") == ["same"] * (1 if deduplicate else 2)
    survivor = next(corpus.documents("validation")).id
    rows = [row for row in dropped_rows(corpus) if row["source"] in ("in/a.txt", "in/b.txt")]
    assert [(row["reason"], row["value"], row["excerpt"]) for row in rows] == [
        ("exact_duplicate", survivor, "same")
    ] * 2


def test_a_share_is_held_out_by_hash(tmp_path: Path):
    corpus = build(tmp_path, many(400), validation_share=0.1)
    assert 20 <= corpus.count("validation") <= 65
    held_out = {document.source for document in corpus.documents("validation")}
    grown = build(tmp_path, {f"new{n}.txt": f"New {n}." for n in range(100)}, validation_share=0.1)
    assert held_out <= {document.source for document in grown.documents("validation")}
    assert corpus.manifest["held_out_by"] == "share"


def test_at_least_one_of_twenty_is_held_out(tmp_path: Path):
    assert build(tmp_path, many(20), validation_share=0.0001).count("validation") == 1
    assert build(tmp_path, validation_share=0.0).count("validation") == 0
    (tmp_path / "small").mkdir()
    assert build(tmp_path / "small", many(3), validation_share=0.0001).count("validation") == 0


@pytest.mark.parametrize("deduplicate", [True, False])
def test_copies_do_not_leak_when_a_share_is_held_out(tmp_path: Path, deduplicate: bool):
    files: dict[str, str | bytes] = {f"{n}.txt": f"Text {n % 30}" for n in range(120)}
    corpus = build(tmp_path, files, validation_share=0.3, deduplicate=deduplicate)
    assert corpus.count("validation") > 0
    assert not set(texts(corpus, "train")) & set(texts(corpus, "validation"))
    if deduplicate:
        assert corpus.count() == 30


def test_ids_are_of_the_place_and_not_of_the_machine(tmp_path: Path):
    first = build(tmp_path, {"a/b.txt": "x", "r.jsonl": '{"text": "y"}\n'})
    elsewhere = tmp_path / "other" / "depth"
    elsewhere.mkdir(parents=True)
    second = build(elsewhere, {"a/b.txt": "x", "r.jsonl": '{"text": "y"}\n'})
    assert [d.id for d in first.documents()] == [d.id for d in second.documents()]
    assert first.content_hash == second.content_hash
    assert next(first.documents()).id == document_id("in/a/b.txt")
    assert build(elsewhere, {"a/b.txt": "z"}).content_hash != first.content_hash


def test_equal_folder_names_and_nested_paths(tmp_path: Path):
    one, two = write(tmp_path / "1" / "web", {"a.txt": "one"}), write(tmp_path / "2" / "web", {"a.txt": "two"})
    paths = [one, two, one, one / "a.txt"]
    corpus = build_corpus(paths, tmp_path / "out", Settings(corpus=CorpusSettings(workers=1)))
    assert {source: document.text for source, document in by_source(corpus).items()} == {
        "web/a.txt": "one",
        "web~2/a.txt": "two",
    }


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_bytes_for_any_number_of_workers(tmp_path: Path):
    chance = random.Random(1)
    files: dict[str, str | bytes] = {}
    for number in range(150):
        words = " ".join(chance.choice(["小镇", "the rain", "猫", "a bridge", "dit-elle", "很安静"]) for _ in range(60))
        page = f"<html><head><title>{number}</title></head><body><article><p>{words}</p></article></body></html>"
        files |= {f"{number}.html": page, f"held_out/{number}.txt": words.encode("gb18030"), f"{number}.md": words[:50]}
    files["rows.jsonl"] = "\n".join(json.dumps({"text": f"row {n % 700}"}) for n in range(1000))
    built = [folder_bytes(build(tmp_path, files if n == 1 else None, workers=n).folder) for n in (1, 2, 3)]
    assert built[0] == built[1] == built[2]
    assert b"workers" not in built[0][MANIFEST]


def test_reading_back(tmp_path: Path):
    corpus = build(tmp_path, many(700) | {"held_out/x.txt": "held"})
    again = Corpus.open(tmp_path / "out")
    assert again.manifest == corpus.manifest
    assert len(list(again.documents())) == 701
    only_text = next(again.documents("validation", columns=("text",)))
    assert (only_text.text, only_text.source, only_text.language) == ("held", "", "und")
    assert again.measure("bytes") == sum(len(text.encode()) for text in texts(again))
    table = parquet.read_table(tmp_path / "out" / "part-00000.parquet")
    assert tuple(table.column_names) == COLUMNS
    with pytest.raises(ValueError, match="split"):
        list(again.documents("test"))


def test_shards_and_row_groups_are_bounded(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("textmill.data.shards.SHARD_BYTES", 3000)
    monkeypatch.setattr("textmill.data.shards.GROUP_ROWS", 20)
    monkeypatch.setattr("textmill.data.spool.GROUP_ROWS", 20)
    corpus = build(tmp_path, many(300))
    names = [shard["name"] for shard in corpus.manifest["shards"]]
    assert names[:2] == ["part-00000.parquet", "part-00001.parquet"]
    assert len(names) >= 3
    assert [document.source for document in corpus.documents()] == [f"in/{n:04}.txt" for n in range(300)]


@pytest.mark.parametrize(
    "damage", ["no folder", "no manifest", "not JSON", "other", "newer", "no shard", "cut", "flipped"]
)
def test_damage_is_told(tmp_path: Path, damage: str):
    folder = build(tmp_path, many(50)).folder
    manifest, shard = folder / MANIFEST, folder / "part-00000.parquet"
    data = shard.read_bytes()
    if damage == "no folder":
        folder = tmp_path / "nowhere"
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "not JSON":
        manifest.write_text("{")
    elif damage == "other":
        manifest.write_text('{"a": 1}')
    elif damage == "newer":
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": 99}))
    elif damage == "no shard":
        shard.unlink()
    elif damage == "cut":
        shard.write_bytes(data[:-100])
    else:
        middle = data.index(b"\x28\xb5\x2f\xfd", 1000) + 30
        shard.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    with pytest.raises(CorpusError) as error:
        list(Corpus.open(folder).documents())
    expected = {"no folder": "missing", "no manifest": "missing", "newer": "newer"}.get(damage, "damaged")
    assert error.value.key == f"corpus.{expected}"
    assert "next" in error.value.parts()


def test_a_gigantic_line_costs_little_memory(tmp_path: Path):
    import resource

    folder = write(tmp_path / "in", {"good.txt": "A good text."})
    with open(folder / "line.jsonl", "wb") as file:
        file.write(b'{"text": "first"}\n{"text": "')
        for _ in range(100):
            file.write(b"a" * (1 << 20))
        file.write(b'"}\n{"text": "last"}\n')
    with open(folder / "line.txt", "wb") as file:
        file.write(b"one\n")
        file.seek(200 << 20)
        file.write(b"\nlast\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    corpus = build(tmp_path, maximum_document_megabytes=4.0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80_000  # KiB
    assert sorted(texts(corpus)) == ["A good text.", "first", "last", "one"]
    reasons = dropped(corpus)
    assert reasons["in/line.jsonl:2"] == reasons["in/line.txt:1"] == "too_large"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from(["a.txt", "a.md", "a.html", "a.jsonl", "a.json", "a.parquet", "a"]))
def test_any_bytes_are_kept_or_dropped(tmp_path: Path, data: bytes, name: str):
    for path in (tmp_path / "in").glob("*") if (tmp_path / "in").exists() else ():
        path.unlink()
    corpus = build(tmp_path, {name: data, "good.txt": "A good text."})
    assert "A good text." in texts(corpus)
    assert corpus.count() + len(dropped_rows(corpus)) >= 2 or data.strip() == b"A good text."


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_tidying_is_idempotent_and_keeps_every_sign(text: str):
    tidy = clean(text).text
    assert clean(tidy).text == tidy
    signs = [sign for sign in SURROGATES.sub("\ufffd", text) if sign.isprintable() and not sign.isspace()]
    kept = [sign for sign in tidy if sign.isprintable() and not sign.isspace()]
    assert kept == signs


def test_ctrl_c_leaves_the_old_corpus(tmp_path: Path, start_process):
    write(tmp_path / "in", many(3))
    build(tmp_path)
    before = folder_bytes(tmp_path / "out")
    write(tmp_path / "in", {f"big{n}.txt": f"{n} word " * 400_000 for n in range(6)})
    process = start_process("corpus", "build", "in", "--out", "out", "--json", "--corpus.workers", "2")
    deadline = time.time() + 240
    while not list(tmp_path.glob(".out.building")) and time.time() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130, err
    assert json.loads(out)["error"]["code"] == "corpus.interrupted"
    assert "Traceback" not in err
    assert "goes on where it was" in json.loads(out)["error"]["what"]
    assert folder_bytes(tmp_path / "out") == before
    assert not list(tmp_path.glob(".tmp-out*"))
