"""Every reason for which a file or record is dropped, and that one bad document never costs another."""

import errno
import json
import multiprocessing
import os
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from corpus_helpers import build, dropped, dropped_rows, kill_at_bad, texts, write

from textmill.config import CorpusSettings, Settings
from textmill.data.build import build_corpus
from textmill.data.corpus import Corpus
from textmill.errors import CorpusError, InputError, ResourceError

GOOD = {"good.txt": "A good text that stays."}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \r\n\t\n \x00\x01", "empty"),
        ("a.html", b"<!doctype html><title>T</title><body><script>x()</script>", "extraction_empty"),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary"),
        ("a.txt", bytes(range(256)) * 8, "binary"),
        ("a.md", b"MZ\x90\x00" + b"\x00\x01\x02\x03 text" * 50, "binary"),
        ("a.parquet", b"PAR1 and then nothing that Parquet has", "bad_parquet"),
        ("a.parquet", b"not Parquet at all", "binary"),
        ("a.pdf", b"%PDF-1.4 ...", "bad_document"),
        ("a.rtf", b"{\\rtf1 text}", "unsupported"),
        ("a.jpeg", b"\xff\xd8\xff\xe0....", "unsupported"),
        ("a.jsonl", b"", "empty"),
        ("a.json", b"[[[[[[", "empty"),
        ("a.json", b"[]", "empty"),
        (".hidden.txt", b"hidden", "hidden"),
        (".git/config", b"hidden", "hidden"),
    ],
)  # fmt: skip
def test_reasons(tmp_path: Path, name: str, content: bytes, reason: str):
    corpus = build(tmp_path, GOOD | {name: content})
    assert list(dropped(corpus).values()) == [reason]
    assert texts(corpus) == [GOOD["good.txt"]]
    assert [(entry["reason"], entry["count"]) for entry in corpus.manifest["dropped"]] == [(reason, 1)]


def test_records(tmp_path: Path):
    lines = [
        '{"text": "kept one"}',
        '{"text": "broken',
        "[1, 2]",
        '{"other": 1}',
        '{"text": null}',
        '{"text": "  "}',
        '{"text": "' + "x" * 5000 + '"}',
        '{"a": ' * 5000,
        '{"text": "kept two"}',
    ]
    corpus = build(tmp_path, {"r.jsonl": "\n".join(lines)}, maximum_document_megabytes=0.004, minimum_characters=5)
    assert texts(corpus) == ["kept one", "kept two"]
    assert dropped(corpus) == {
        "in/r.jsonl:2": "bad_json",
        "in/r.jsonl:3": "missing_text_field",
        "in/r.jsonl:4": "missing_text_field",
        "in/r.jsonl:5": "missing_text_field",
        "in/r.jsonl:6": "empty",
        "in/r.jsonl:7": "too_large",
        "in/r.jsonl:8": "too_large",
    }
    assert corpus.manifest["read"]["records"] == 9
    assert corpus.manifest["columns_without_text"] == ["list", "other", "text"]


def test_deep_json_costs_its_line(tmp_path: Path):
    corpus = build(tmp_path, {"r.jsonl": '{"a":' * 100_000 + '\n{"text": "kept"}\n'})
    assert texts(corpus) == ["kept"]
    assert dropped(corpus) == {"in/r.jsonl:1": "bad_json"}


def test_broken_json_list_keeps_what_came_before(tmp_path: Path):
    corpus = build(tmp_path, {"l.json": '[{"text": "one"}, {"text": "two"}, {"text": oops}, {"text": "lost"}]'})
    assert texts(corpus) == ["one", "two"]
    assert dropped(corpus) == {"in/l.json:3": "bad_json"}


def test_too_short_too_large_undecodable(tmp_path: Path):
    files = {
        "short.txt": "tiny",
        "large.html": "<html><p>" + "long " * 2000,
        "noise.txt": bytes(range(0x80, 0x100)) * 4,
    }
    corpus = build(tmp_path, GOOD | files, minimum_characters=10, maximum_document_megabytes=0.005)
    assert dropped(corpus) == {
        "in/short.txt": "too_short",
        "in/large.html": "too_large",
        "in/noise.txt": "undecodable",
    }
    row = next(row for row in dropped_rows(corpus) if row["reason"] == "too_short")
    assert (row["step"], row["value"], row["threshold"], row["excerpt"]) == ("clean", "4", "10", "tiny")
    assert len(row["id"]) == 32


def test_parquet_without_text_and_with_bad_text(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    parquet.write_table(arrow.table({"remark": ["x"]}), folder / "none.parquet")
    broken = arrow.Array.from_buffers(
        arrow.string(), 2, [None, arrow.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0"), arrow.py_buffer(b"\xff\xfeok")]
    )
    parquet.write_table(arrow.table({"text": broken}), folder / "bad.parquet")
    whole = folder / "cut.parquet"
    parquet.write_table(arrow.table({"text": [f"row {n}" for n in range(5000)]}), whole, row_group_size=1000)
    data = bytearray(whole.read_bytes())
    data[len(data) // 2 :] = data[len(data) // 2 + 50 :]
    whole.write_bytes(bytes(data))
    corpus = build(tmp_path, GOOD)
    reasons = dropped(corpus)
    assert reasons["in/none.parquet:1"] == "missing_text_field"
    assert reasons["in/bad.parquet:1"] == "undecodable"
    assert "bad_parquet" in [reason for source, reason in reasons.items() if "cut" in source]
    assert {"ok", GOOD["good.txt"]} <= set(texts(corpus))


def test_links(tmp_path: Path):
    outside = write(tmp_path / "elsewhere", {"secret.txt": "Not given."})
    folder = write(tmp_path / "in", GOOD)
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    (folder / "outside").symlink_to(outside, target_is_directory=True)
    (folder / "twice.txt").symlink_to("good.txt")
    (folder / "loop").symlink_to(".", target_is_directory=True)
    (folder / "dangling.txt").symlink_to("nowhere.txt")
    corpus = build(tmp_path)
    assert texts(corpus) == [GOOD["good.txt"]]
    assert dropped(corpus) == {
        "in/out.txt": "outside_link",
        "in/outside": "outside_link",
        "in/twice.txt": "inside_link",
        "in/loop": "inside_link",
        "in/dangling.txt": "unreadable",
    }


def test_what_cannot_be_opened(tmp_path: Path):
    folder = write(tmp_path / "in", {**GOOD, "locked.txt": "locked", "closed/a.txt": "closed"})
    os.mkfifo(folder / "pipe.txt")
    (folder / "locked.txt").chmod(0)
    (folder / "closed").chmod(0)
    try:
        if os.access(folder / "locked.txt", os.R_OK):
            pytest.skip("this user may read everything")
        reasons = dropped(build(tmp_path))
    finally:
        (folder / "closed").chmod(0o755)
    assert reasons == {"in/locked.txt": "unreadable", "in/closed": "unreadable", "in/pipe.txt": "unsupported"}


def test_pipes_and_odd_names(tmp_path: Path):
    folder = write(tmp_path / "in", GOOD)
    os.mkfifo(folder / "pipe.txt")
    with open(os.fsencode(folder) + b"/b\xff\xfe.txt", "wb") as file:
        file.write(b"A name that is no UTF-8.")
    corpus = build(tmp_path)
    assert dropped(corpus) == {"in/pipe.txt": "unsupported"}
    assert sorted(document.source for document in corpus.documents()) == ["in/b\\xff\\xfe.txt", "in/good.txt"]


def test_the_corpus_is_not_its_own_input(tmp_path: Path):
    write(tmp_path, GOOD)
    target = tmp_path / "corpus"
    for _ in range(2):
        corpus = build_corpus([tmp_path], target, Settings(corpus=CorpusSettings(workers=1)))
        assert corpus.count() == 1
    assert "own_corpus" in dropped(corpus).values()


def test_nothing_to_read(tmp_path: Path):
    (tmp_path / "in").mkdir()
    with pytest.raises(CorpusError) as empty:
        build(tmp_path)
    assert empty.value.key == "corpus.no_files"
    with pytest.raises(CorpusError) as nothing:
        build(tmp_path, {"a.jpeg": b"\xff\xd8\xff\xe0", "b.txt": "", "c.jsonl": '{"title": "x"}'})
    assert nothing.value.key == "corpus.nothing_left"
    got = nothing.value.parts()["got"]
    assert "format not supported: 1" in got
    assert "empty: 1" in got
    assert "title" in got
    assert not (tmp_path / "out").exists()


def test_missing_paths_and_taken_targets(tmp_path: Path):
    write(tmp_path, {"stories/a.txt": "text", "taken/letter.txt": "mine"})
    with pytest.raises(InputError) as missing:
        build_corpus([tmp_path / "storys"], tmp_path / "out", Settings())
    assert missing.value.parts()["next"].endswith(str(tmp_path / "stories"))
    with pytest.raises(InputError, match="not a corpus"):
        build_corpus([tmp_path / "stories"], tmp_path / "taken", Settings())
    assert (tmp_path / "taken" / "letter.txt").read_text() == "mine"
    with pytest.raises(InputError, match="not a corpus"):
        build_corpus([tmp_path / "stories"], tmp_path, Settings())


def test_an_old_corpus_stays_when_the_new_one_fails(tmp_path: Path):
    old = build(tmp_path, GOOD)
    (tmp_path / "in" / "good.txt").unlink()
    with pytest.raises(CorpusError):
        build(tmp_path, {"a.txt": ""})
    assert texts(old) == [GOOD["good.txt"]]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".tmp")]


def test_one_killed_worker_costs_one_file(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("textmill.data.build.digest_unit", kill_at_bad)
    files = {f"{n:02}.txt": f"Text number {n}." for n in range(5)} | {"03.txt": "KILL"}
    corpus = build(tmp_path, files, workers=2)
    assert dropped(corpus) == {"in/03.txt": "crashed"}
    assert corpus.count() == 4


def test_a_full_disk_ends_the_workers_too(tmp_path: Path, monkeypatch):
    old = build(tmp_path, GOOD)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("textmill.data.spool.Spool.add", full)
    with pytest.raises(ResourceError, match="disk is full"):
        build(tmp_path, {f"{n}.html": f"<p>Page {n}</p>" * 20_000 for n in range(30)}, workers=2)
    assert texts(Corpus.open(old.folder)) == [GOOD["good.txt"]]
    assert not multiprocessing.active_children()


def test_every_reason_has_its_words():
    from textmill.i18n import catalog

    source = Path(build_corpus.__code__.co_filename).parent
    code = "".join(path.read_text(encoding="utf-8") for path in source.rglob("*.py"))
    words = catalog("corpus")
    for reason in [name.removeprefix("reason_") for name in words if name.startswith("reason_")]:
        assert f'"{reason}"' in code
    assert json.dumps(words)
