"""Archives, compressed files and WARC: what is in them is read, what is wrong with them is counted."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pyarrow as arrow
import pytest
from corpus_helpers import build, by_source, dropped, dropped_rows, texts
from input_samples import page, pdf, tarred, warc_record, zipped

from textmill.data.document import document_id
from textmill.errors import MissingExtraError

GOOD: dict[str, str | bytes] = {"good.txt": "A good text that stays."}


def arrow_compressed(data: bytes, kind: str) -> bytes:
    sink = arrow.BufferOutputStream()
    with arrow.CompressedOutputStream(sink, kind) as out:
        out.write(data)
    return sink.getvalue().to_pybytes()


def zstd(data: bytes) -> bytes:
    return arrow_compressed(data, "zstd")


def lz4(data: bytes) -> bytes:
    return arrow_compressed(data, "lz4")


COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd, "lz4": lz4}


@pytest.mark.parametrize("ending", COMPRESS)
def test_compressed_files_are_what_is_in_them(tmp_path: Path, ending: str):
    compress = COMPRESS[ending]
    rows = "".join(f'{{"text": "row {n}"}}\n' for n in range(3000))
    files: dict[str, str | bytes] = {
        f"a.html.{ending}": compress(page("T", "Inside a page.").encode()),
        f"b.jsonl.{ending}": compress(rows[:20000].encode()) + compress(rows[20000:].encode()),
        f"no_name_{ending}": compress(b"Only words."),
        f"style.css.{ending}": compress(b"body {}"),
        f"t.tar.{ending}": compress(tarred({"x/a.md": "# Title\n\nText."})),
    }
    corpus = build(tmp_path, files, deduplicate=False)
    found = by_source(corpus)
    assert found[f"in/a.html.{ending}"].text == "Inside a page."
    assert found[f"in/b.jsonl.{ending}:3000"].text == "row 2999"
    assert found[f"in/no_name_{ending}"].text == "Only words."
    assert found[f"in/t.tar.{ending}/x/a.md"].title == "Title"
    assert dropped(corpus) == {f"in/style.css.{ending}": "unsupported"}
    assert found[f"in/a.html.{ending}"].id == document_id(f"in/a.html.{ending}")


@pytest.fixture
def opened_here(monkeypatch: pytest.MonkeyPatch):
    """Archives are opened in this process, where a test may change what opens them."""
    monkeypatch.setattr("textmill.data.units.is_bounded", lambda file: True)


def test_zstd_with_a_long_window(tmp_path: Path, monkeypatch, opened_here):
    zstandard = pytest.importorskip("zstandard")
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    data = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = data.compress(b'{"text": "a row"}\n') + data.flush()
    assert texts(build(tmp_path, {"a.jsonl.zst": packed + packed}, deduplicate=False)) == ["a row"] * 2
    monkeypatch.setattr("textmill.data.opening.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="zstandard"):
        build(tmp_path)


def test_a_large_text_in_an_archive_is_read_in_pieces(tmp_path: Path, monkeypatch, opened_here):
    text = "\n\n".join(f"Paragraph {n} " + "word " * 30 for n in range(3000))
    build(tmp_path, {"book.txt": text})
    plain = texts(build(tmp_path))
    (tmp_path / "in" / "book.txt").unlink()
    monkeypatch.setattr("textmill.data.opening.LARGE_BYTES", 1000)
    assert texts(build(tmp_path, {"book.txt.gz": gzip.compress(text.encode())})) == plain


def test_zip_and_tar_members(tmp_path: Path):
    inner = zipped({"deep.txt": "Deep inside."})
    files: dict[str, str | bytes] = {
        "a.txt": "First.", "held_out/b.txt": "Held out.", "../c.txt": "Up.", "/d.txt": "Root.", "inner.zip": inner,
        "inner.tar.gz": tarred({"e.txt": "In tar."}, "w:gz"), ".hidden": "x", "__MACOSX/a": "x", "empty.txt": "",
        "picture.png": b"\x89PNG\r\n\x1a\n", "doc.pdf": pdf(["Page of a book."]),
    }  # fmt: skip
    corpus = build(tmp_path, {"z.zip": zipped(files), "t.tar": tarred({"a.txt": "In a tar."})})
    assert {source: document.text for source, document in by_source(corpus).items()} == {
        "in/t.tar/a.txt": "In a tar.",
        "in/z.zip/a.txt": "First.",
        "in/z.zip/held_out/b.txt": "Held out.",
        "in/z.zip/c.txt": "Up.",
        "in/z.zip/d.txt": "Root.",
        "in/z.zip/inner.zip/deep.txt": "Deep inside.",
        "in/z.zip/inner.tar.gz/e.txt": "In tar.",
        "in/z.zip/doc.pdf": "Page of a book.",
    }
    assert texts(corpus, "validation") == ["Held out."]
    assert dropped(corpus) == {
        "in/z.zip/.hidden": "hidden",
        "in/z.zip/__MACOSX/a": "hidden",
        "in/z.zip/empty.txt": "empty",
        "in/z.zip/picture.png": "unsupported",
    }


def test_members_of_one_name_are_two_documents(tmp_path: Path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "One.")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.txt", "Two.")
    corpus = build(tmp_path, {"z.zip": out.getvalue()})
    assert sorted(by_source(corpus)) == ["in/z.zip/a.txt", "in/z.zip/a~2.txt"]


def test_damaged_archives_cost_what_is_damaged(tmp_path: Path):
    rows = "".join(f'{{"text": "row {n} {hash(str(n))}"}}\n' for n in range(20_000)).encode()
    whole = gzip.compress(rows)
    archive = bytearray(zipped({"a.txt": "x" * 5000, "b.txt": "Second."}))
    archive[38] ^= 0xFF
    files: dict[str, str | bytes] = {
        "cut.jsonl.gz": whole[: len(whole) // 2],
        "cut.tar.gz": tarred({"a.txt": "Kept.", "b.txt": rows}, "w:gz")[:-200],
        "flipped.zip": bytes(archive),
        "cut.zip": zipped({"a.txt": "x"})[:-10],
        "noise.xz": b"\xfd7zXZ\0" + bytes(100),
        "noise.zst": b"\x28\xb5\x2f\xfd" + bytes(range(100)),
    }
    corpus = build(tmp_path, GOOD | files, deduplicate=False)
    reasons = dropped(corpus)
    assert set(reasons.values()) == {"bad_archive"}
    assert {source.split("/")[1] for source in reasons} == set(files)
    found = by_source(corpus)
    assert {"in/good.txt", "in/cut.jsonl.gz:1", "in/cut.tar.gz/a.txt", "in/flipped.zip/b.txt"} <= set(found)


def test_bombs_are_stopped(tmp_path: Path, monkeypatch, opened_here):
    zeros = b"word " * 1_000_000
    nest = zipped({"a.txt": "deep"})
    for _ in range(6):
        nest = zipped({"next.zip": nest})
    monkeypatch.setattr("textmill.data.formats_in.problem.FREE_BYTES", 1 << 20)
    files: dict[str, str | bytes] = {
        "a.txt.gz": gzip.compress(zeros),
        "b.zip": zipped({f"{n}.txt": zeros for n in range(20)}),
        "c.xz": lzma.compress(zeros),
        "d.txt.gz": gzip.compress(gzip.compress(gzip.compress(zeros))),
        "nest.zip": nest,
    }
    corpus = build(tmp_path, GOOD | files, deduplicate=False)
    assert by_source(corpus)["in/good.txt"].text == GOOD["good.txt"]
    reasons = {source.split("/")[1]: reason for source, reason in dropped(corpus).items()}
    assert reasons == dict.fromkeys(["a.txt.gz", "b.zip", "c.xz", "d.txt.gz"], "bomb") | {"nest.zip": "nested_archive"}
    assert len(dropped_rows(corpus)) == 5


def test_the_total_of_an_archive_is_bounded(tmp_path: Path):
    members = {f"{n}.txt": f"{n} " + "words and words " * 1000 for n in range(30)}
    corpus = build(tmp_path, {"z.zip": zipped(members)}, maximum_archive_gigabytes=0.0001)
    assert 0 < corpus.count() < 30
    assert list(dropped(corpus).values()) == ["bomb"]


def test_a_locked_zip(tmp_path: Path):
    data = bytearray(zipped({"a.txt": "secret"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert dropped(build(tmp_path, GOOD | {"z.zip": bytes(data)})) == {"in/z.zip/a.txt": "encrypted"}


def test_warc_responses(tmp_path: Path):
    chunked = "".join(f"{len(part.encode()):x}\r\n{part}\r\n" for part in ("<html><p>In ", "chunks.</p></html>", ""))
    records = [
        warc_record("software: x", kind="warcinfo", content_type="application/warc-fields"),
        warc_record(page("一页", "小镇很安静。"), url="http://lark.example/zh"),
        warc_record("GET / HTTP/1.1", kind="request", content_type="application/http"),
        warc_record(chunked + "\r\n", headers="Transfer-Encoding: chunked\r\n"),
        warc_record(gzip.compress(page("Z", "Encoded.").encode()), headers="Content-Encoding: gzip\r\n"),
        warc_record("<html>Not here.</html>", status="404 Not Found"),
        warc_record(b"\x89PNG\r\n\x1a\n", content_type="image/png"),
        warc_record("Text by a server.", content_type="text/plain"),
        warc_record(pdf(["A PDF by a server."]), content_type="application/pdf"),
        warc_record("Text of a page that was extracted.", kind="conversion", content_type="text/plain"),
    ]
    plain = b"".join(records)
    per_record = b"".join(gzip.compress(record) for record in records)
    files: dict[str, str | bytes] = {"a.warc": plain, "b.warc.gz": per_record, "c.warc.zst": zstd(plain)}
    files["d.warc.lz4"] = lz4(plain)
    corpus = build(tmp_path, files, deduplicate=False)
    found = by_source(corpus)
    for name in files:
        mine = {int(source.rpartition(":")[2]): document for source, document in found.items() if name in source}
        assert {number: document.text for number, document in mine.items()} == {
            2: "小镇很安静。",
            4: "In chunks.",
            5: "Encoded.",
            8: "Text by a server.",
            9: "A PDF by a server.",
            10: "Text of a page that was extracted.",
        }
        assert (mine[2].url, mine[2].title) == ("http://lark.example/zh", "一页")
        assert mine[2].meta["fetched"] == "2031-03-27T10:00:00Z"
        assert [reason for source, reason in dropped(corpus).items() if name in source] == [
            "not_content",
            "unsupported",
        ]


@pytest.mark.parametrize("lie", ["too long", "far too long", "too short", "negative", "none", "no version", "cut"])
def test_a_record_of_the_wrong_length_costs_itself(tmp_path: Path, lie: str):
    good = [warc_record(page(f"T{n}", f"Page number {n}."), url=f"http://a/{n}") for n in range(3)]
    text = page("Bad", "Bad record. " * 50)
    bad = {
        "too long": warc_record(text, length=len(text) + 300),
        "far too long": warc_record(text, length=10**15),
        "too short": warc_record(text, length=200),
        "negative": warc_record(text, length=-5),
        "none": warc_record(text).replace(b"Content-Length", b"Content-Lengths"),
        "no version": b"WORC/1.0\r\n" + warc_record(text)[10:],
        "cut": b"",
    }[lie]
    data = (
        good[0]
        + bad
        + good[1]
        + (warc_record(text)[:-200] if lie == "cut" else b"")
        + (b"" if lie == "cut" else good[2])
    )
    corpus = build(tmp_path, {"a.warc": data})
    wanted = 2 if lie == "cut" else 3
    assert texts(corpus)[:wanted] == [f"Page number {n}." for n in range(wanted)]
    assert list(dropped(corpus).values()) == ["too_large" if lie == "far too long" else "bad_warc"]
