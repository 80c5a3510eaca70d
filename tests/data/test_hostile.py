"""Input that is made to break readers: bounded, counted under its reason, and without harm to what lies beside it."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from corpus_helpers import build, by_source, dropped, dropped_rows
from input_samples import encrypted_pdf, page, warc_record

from textmill.data import opening

GOOD: dict[str, str | bytes] = {"good.txt": "A good text that stays."}
SIZE = 10 << 20


def nested(tag: str, *, closed: bool) -> str:
    """10 MB of one tag in itself, with a text in the innermost."""
    count = SIZE // (2 * len(tag) + 5 if closed else len(tag) + 2)
    return "<html><body>" + f"<{tag}>" * count + "The innermost text." + (f"</{tag}>" * count if closed else "")


@pytest.mark.parametrize("mode", ["fast", "everything"])
def test_one_tag_nested_in_itself(tmp_path: Path, mode: str):
    files: dict[str, str | bytes] = {"div.html": nested("div", closed=True), "b.html": nested("b", closed=False)}
    corpus = build(tmp_path, GOOD | files, extraction=mode, document_seconds=20, deduplicate=False)
    found, lost = by_source(corpus), dropped(corpus)
    assert found["in/good.txt"].text == GOOD["good.txt"]
    for name in files:
        text = found[f"in/{name}"].text if f"in/{name}" in found else "The innermost text."
        assert text == "The innermost text."
        assert (f"in/{name}" in found) != (lost.get(f"in/{name}") in ("timeout", "memory", "crashed"))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "quality", "union", "everything"])
@pytest.mark.parametrize("tag", ["div", "p", "b", "table", "li", "a", "font", "math"])
def test_every_tag_nested_in_itself(tmp_path: Path, mode: str, tag: str):
    files: dict[str, str | bytes] = {f"{closed}.html": nested(tag, closed=closed) for closed in (True, False)}
    corpus = build(tmp_path, GOOD | files, extraction=mode, document_seconds=5, minimum_characters=1)
    assert by_source(corpus)["in/good.txt"].text == GOOD["good.txt"]
    assert corpus.count() + len(dropped(corpus)) == 3


def test_all_kinds_of_bad_input_are_listed(tmp_path: Path):
    outside = tmp_path / "secret.txt"
    outside.write_text("A text outside of the folder.")
    rows = [{"text": "lone \ud800 surrogate"}, {"text": "NUL \0 in it"}, {"text": "plain"}]
    whole = gzip.compress(("A line of text.\n" * 3).encode() + os.urandom(70_000).hex().encode())
    files: dict[str, str | bytes] = {
        "locked.pdf": encrypted_pdf(),
        "cut.txt.gz": whole[: len(whole) // 2],
        "wrong.warc": warc_record(page("T", "Wrong."), length=10**15),
        "liar.html": page("T", "Ein s\xfc\xdfer Brei, und noch mehr davon.")
        .replace("utf-8", "gb2312")
        .encode("latin-1"),
        "odd.jsonl": "\n".join(map(json.dumps, rows)),
        "nuls.txt": b"\0" * 5000,
        "gone.txt": "",
    }
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.txt").symlink_to(outside)
    (tmp_path / "in" / "dangling.txt").symlink_to(tmp_path / "nowhere.txt")
    corpus = build(tmp_path, GOOD | files)
    reasons = dropped(corpus)
    assert reasons == {
        "in/locked.pdf": "encrypted",
        "in/cut.txt.gz": "bad_archive",
        "in/wrong.warc:1": "too_large",
        "in/nuls.txt": "binary",
        "in/gone.txt": "empty",
        "in/link.txt": "outside_link",
        "in/dangling.txt": "unreadable",
    }
    found = {source: document.text for source, document in by_source(corpus).items()}
    assert found["in/odd.jsonl:1"] == "lone \ufffd surrogate"
    assert found["in/odd.jsonl:2"] == "NUL  in it"
    assert "süßer Brei" in found["in/liar.html"]
    assert corpus.manifest["control_characters_removed"] == 1
    assert corpus.manifest["characters_replaced"] >= 1


def test_a_file_that_is_gone_when_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = opening.Watched

    def refuses(name, *rest):
        if name.endswith("closed.txt"):
            raise PermissionError(13, "Permission denied")
        return real(name, *rest)

    monkeypatch.setattr(opening, "Watched", refuses)
    corpus = build(tmp_path, GOOD | {"closed.txt": "No one may read this."})
    assert [(row["reason"], row["value"]) for row in dropped_rows(corpus)] == [("unreadable", "Permission denied")]


def test_a_tar_header_that_would_fill_the_memory(tmp_path: Path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        header = tarfile.TarInfo("PaxHeaders/x")
        header.type, header.size = tarfile.XHDTYPE, 64 << 20
        archive.addfile(header, io.BytesIO(b" " * header.size))
    corpus = build(tmp_path, GOOD | {"bomb.tar.gz": gzip.compress(out.getvalue())})
    rows = dropped_rows(corpus)
    assert [(row["reason"], row["value"], row["threshold"]) for row in rows] == [("bomb", "header of 64.000", "1.000")]
    assert corpus.count() == 1


def test_long_names_in_a_tar_are_no_bombs(tmp_path: Path):
    name = "/".join(["folder" * 10] * 6) + "/a.txt"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size = 7
        archive.addfile(member, io.BytesIO(b"A text."))
    assert list(by_source(build(tmp_path, {"a.tar": out.getvalue()}))) == [f"in/a.tar/{name}"]
