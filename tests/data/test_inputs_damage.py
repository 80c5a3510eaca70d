"""Samples of every format, damaged at random: a build counts what it cannot read, and never fails or hangs."""

import bz2
import gzip
import json
import lzma
import random
from pathlib import Path

import pytest
from corpus_helpers import build, texts
from input_samples import docx, dump_rows, epub, odt, page, pdf, tarred, warc_record, wiki, zipped
from test_inputs_archives import lz4, zstd
from test_inputs_articles import ATOM, RSS
from test_inputs_books import LINES, paragraph
from test_inputs_tables import arrow_bytes
from test_inputs_threads import DISCUZ, PHPBB, POSTS, REPLIES, SUBMISSION, lines, message

ROWS = [{"text": f"row {n}", "title": "T"} for n in range(200)]
WARC = b"".join(warc_record(page("T", f"Page {n}.")) for n in range(5))
SAMPLES: dict[str, bytes] = {
    "a.html": page("T", "小镇很安静。").encode(),
    "a.warc": WARC,
    "a.warc.gz": gzip.compress(WARC),
    "a.warc.zst": zstd(WARC),
    "a.warc.lz4": lz4(WARC),
    "a.pdf": pdf(LINES, LINES),
    "a.docx": docx(paragraph("x") * 50),
    "a.odt": odt("<text:p>x</text:p>"),
    "a.epub": epub(["<h1>One</h1><p>x", "<table><tr><td>y"]),
    "a.csv": b"text,title\n" + b'"a ""b""",c\n' * 50,
    "a.arrow": arrow_bytes(ROWS, streamed=False),
    "b.arrow": arrow_bytes(ROWS, streamed=True),
    "a.xml": wiki(("A", "0", "{{a|[[b]]}} '''c''' <ref>d</ref> {|\n|e\n|}"), ("B", "0", "f")).encode(),
    "Posts.xml": dump_rows("posts", POSTS).encode(),
    "r.jsonl": lines([SUBMISSION, *REPLIES]).encode(),
    "t.json": json.dumps({"post_stream": {"posts": [{"post_number": 1, "username": "a", "cooked": "<p>b"}]}}).encode(),
    "a.mbox": message("a@b", "1", "Hello\n> there") * 3,
    "f.html": PHPBB.encode(),
    "g.html": DISCUZ.encode(),
    "a.rss": RSS.encode("gb2312"),
    "b.atom": ATOM.encode(),
    "a.zip": zipped({"a.txt": "b" * 99, "c/d.html": page("T", "x")}),
    "a.tar": tarred({"a.txt": "b", "c.md": "d"}),
    "a.tar.xz": lzma.compress(tarred({"a.txt": "b"})),
    "a.txt.bz2": bz2.compress(b"b"),
}


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Returns the bytes cut, with some changed, a piece twice, or a piece missing."""
    place, size = chance.randrange(len(data)), chance.randrange(1, 60)
    kind = chance.randrange(4)
    if kind == 0:
        return data[:place]
    if kind == 1:
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 8)):
            changed[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(changed)
    return data[:place] + (data[place : place + size] * 2 if kind == 2 else b"") + data[place + size :]


def build_damaged(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    files: dict[str, str | bytes] = {f"{name}/{name}": damaged(data, chance) for name, data in SAMPLES.items()}
    corpus = build(folder, files | {"good.txt": "A good text that stays."})
    assert "A good text that stays." in texts(corpus)


def test_samples_are_whole(tmp_path: Path):
    files: dict[str, str | bytes] = {f"{name}/{name}": data for name, data in SAMPLES.items()}
    corpus = build(tmp_path, files, deduplicate=False)
    found = {document.source.split("/")[1] for document in corpus.documents()}
    assert found == set(SAMPLES)


def test_damage(tmp_path: Path):
    for seed in range(12):
        build_damaged(tmp_path, seed)


@pytest.mark.long
def test_more_damage(tmp_path: Path):
    for seed in range(1000, 1400):
        build_damaged(tmp_path, seed)


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_bytes_for_any_number_of_workers(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("textmill.data.units.UNIT_FILES", 3)
    monkeypatch.setattr("textmill.data.units.UNIT_BYTES", 500)
    files: dict[str, str | bytes] = {f"{name}/{name}": data for name, data in SAMPLES.items()}
    built = [folder_bytes(build(tmp_path, files, workers=workers).folder) for workers in (1, 2, 3)]
    assert built[0] == built[1] == built[2]
