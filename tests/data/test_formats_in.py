"""Each input format: what is read, under which fields; format by content and not by name."""

import json
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from corpus_helpers import build, by_source, dropped, texts

from textmill.data.formats import file_format
from textmill.data.streams import split_text


def test_text_keeps_what_was_written(tmp_path: Path):
    text = "  Ｆull ﬁgures e\u0301 — 漢字\tand 简体\n\n\n  indented   inside\n𠮷 🙂"
    corpus = build(tmp_path, {"a.txt": text})
    assert texts(corpus) == [text]
    document = by_source(corpus)["in/a.txt"]
    assert document.meta == {"kind": "text"}
    assert len(document.id) == 32


def test_tidying_is_counted(tmp_path: Path):
    corpus = build(tmp_path, {"a.txt": "one \r\ntwo\r\x00three\x0cfour\x07\t\n\n", "b.md": "\ufeff# T\nx\u3000\n"})
    found = by_source(corpus)
    assert found["in/a.txt"].text == "one\ntwo\nthree\nfour"
    assert found["in/b.md"].text == "# T\nx"
    assert found["in/b.md"].title == "T"
    assert corpus.manifest["control_characters_removed"] == 2


def test_jsonl_fields(tmp_path: Path):
    rows = [
        {
            "text": "one",
            "url": "http://a",
            "title": "T",
            "date": "2020-01-01",
            "license": "CC0",
            "lang": "zh-CN",
            "n": 1,
        },
        {"text": ["two", "lines"], "id": "x7", "meta": {"k": "v"}, "score": float("nan")},
        {"text": "bad \ud800 surrogate", "title": "a\ud800b"},
    ]
    corpus = build(tmp_path, {"r.jsonl": "\n\n".join(json.dumps(row) for row in rows) + "\n"})
    one, two, three = corpus.documents()
    assert (one.url, one.title, one.date, one.licence, one.language) == ("http://a", "T", "2020-01-01", "CC0", "zh")
    assert one.meta == {"kind": "jsonl", "n": 1}
    assert two.text == "two\nlines"
    assert two.meta == {"kind": "jsonl", "id": "x7", "k": "v", "score": "NaN"}
    assert three.text == "bad \ufffd surrogate"
    assert [document.source for document in (one, two, three)] == ["in/r.jsonl:1", "in/r.jsonl:3", "in/r.jsonl:5"]


def test_json_list_and_object(tmp_path: Path):
    files = {
        "list.json": json.dumps([{"text": "a"}, {"text": "b"}], indent=2),
        "one.json": json.dumps({"text": "c", "title": "t"}, indent=2),
        "lines.json": '{"text": "d"}\n{"text": "e"}\n',
        "pretty.jsonl": json.dumps({"text": "f"}, indent=1),
        "chinese.json": json.dumps([{"text": "小镇的早上很安静。"}], indent=1, ensure_ascii=False),
    }
    corpus = build(tmp_path, files)
    assert sorted(texts(corpus)) == ["a", "b", "c", "d", "e", "f", "小镇的早上很安静。"]


def test_parquet_streams_row_groups(tmp_path: Path):
    (tmp_path / "in").mkdir()
    table = arrow.table({"text": [f"row {n}" for n in range(2000)], "url": ["u"] * 2000, "n": list(range(2000))})
    parquet.write_table(table, tmp_path / "in" / "t.parquet", row_group_size=300)
    corpus = build(tmp_path)
    assert corpus.count() == 2000
    document = by_source(corpus)["in/t.parquet:2000"]
    assert (document.text, document.url, document.meta) == ("row 1999", "u", {"kind": "parquet", "n": 1999})


def test_other_text_field(tmp_path: Path):
    corpus = build(tmp_path, {"a.jsonl": '{"body": ["x", "y"]}\n{"text": "not this"}\n'}, text_field="body")
    assert texts(corpus) == ["x\ny"]
    assert dropped(corpus) == {"in/a.jsonl:2": "missing_text_field"}


def test_parallel_sentences_go_both_ways(tmp_path: Path):
    rows = [{"en": f"Good day number {n}.", "zh": f"第{n}个好日子。"} for n in range(40)]
    corpus = build(tmp_path, {"p.jsonl": "\n".join(json.dumps(row) for row in rows)})
    documents = list(corpus.documents())
    assert {document.language for document in documents} == {"mul"}
    assert 8 < sum(document.text.startswith("Good") for document in documents) < 32
    assert all(document.text.count("\n") == 1 for document in documents)


def test_threads_become_one_text(tmp_path: Path):
    row = {"title": "Rain?", "posts": [{"author": "Ann", "text": "Is it?"}, {"author": "Bo", "text": "Yes."}]}
    assert texts(build(tmp_path, {"t.jsonl": json.dumps(row)})) == ["Rain?\n\nAnn: Is it?\n\nBo: Yes."]


def test_format_by_content(tmp_path: Path):
    page = "<!DOCTYPE html><html><head><title>T</title></head><body><p>Inside a page.</p></body></html>"
    files = {
        "page.txt": page,
        "page.php": page.replace("Inside", "Within"),
        "plain.html": "Nothing but words here.",
        "rows.txt": '{"text": "a row"}\n{"text": "another"}\n',
        "style.css": "body {}",
        "README": "no ending",
    }
    corpus = build(tmp_path, files)
    kinds = {source: document.meta["kind"] for source, document in by_source(corpus).items()}
    assert kinds == {
        "in/page.txt": "html",
        "in/page.php": "html",
        "in/plain.html": "text",
        "in/rows.txt:1": "jsonl",
        "in/rows.txt:2": "jsonl",
        "in/README": "text",
    }
    assert dropped(corpus) == {"in/style.css": "unsupported"}
    assert corpus.manifest["unsupported_endings"] == {".css": 1}


def test_a_named_file_is_read_whatever_its_ending():
    assert file_format("x.log", b"some words\n") == "unsupported"
    assert file_format("x.log", b"some words\n", named_by_user=True) == "text"
    assert file_format("x.log", b"%PDF-1.7") == "pdf"
    assert file_format("x.log", b"{\\rtf1", named_by_user=True) == "unsupported"


@pytest.mark.parametrize(
    "part", ["<!-- -->", "<!--", "<?xml ?>", "<?xml ", "<!DOCTYPE ", "<a ", " ", "From ", "{", "[", "%PDF"]
)
def test_telling_formats_takes_no_time(part: str):
    for name in ("x.xml", "x.html", "x.txt", "x.json", "x.unknown"):
        assert file_format(name, (part * 8192).encode()[:8192], named_by_user=True)


def test_long_texts_are_cut_at_blank_lines(tmp_path: Path):
    paragraphs = [f"Paragraph {n} " + "word " * 30 for n in range(200)]
    text = "\n\n".join(paragraphs)
    corpus = build(tmp_path, {"book.txt": text}, split_characters=2000)
    parts = texts(corpus)
    assert len(parts) > 10
    assert all(len(part) <= 2000 for part in parts)
    assert "\n\n".join(parts) == "\n\n".join(paragraph.rstrip() for paragraph in paragraphs)
    assert len(texts(build(tmp_path, split_characters=0))) == 1


@pytest.mark.parametrize("step", [1, 7, 100])
def test_where_a_text_is_cut_does_not_depend_on_how_it_is_read(step: int):
    text = "Short.\n\n" * 9 + "a" * 400 + "\n" + "b" * 90 + "\n" + "c" * 999 + "\n" + "d" * 90 + "\n\n" + "e" * 99
    found = list(split_text((text[place : place + step] for place in range(0, len(text), step)), 60, 500))
    assert [piece for piece in found if isinstance(piece, int)] == [999]
    assert "".join(piece for piece in found if isinstance(piece, str)) == text.replace("c" * 999 + "\n", "")
    assert found == list(split_text(text, 60, 500))


def test_a_large_file_reads_as_a_small_one(tmp_path: Path, monkeypatch):
    text = "\r\n".join(f"第{n}行，今天天气很好，我们去公园散步。" for n in range(3000))
    for encoding in ("utf-8", "gb18030", "utf-16"):
        build(tmp_path, {"book.txt": text.encode(encoding)}, split_characters=500)
        small = texts(build(tmp_path, split_characters=500))
        with monkeypatch.context() as patch:
            patch.setattr("textmill.data.opening.LARGE_BYTES", 10)
            patch.setattr("textmill.data.streams.BLOCK_BYTES", 4096)
            assert "\n".join(texts(build(tmp_path, split_characters=500))) == "\n".join(small)


def test_language_of_each_text(tmp_path: Path):
    files = {
        "en.txt": "The cat sat on the mat and looked at the rain.",
        "zh.txt": "小猫坐在垫子上看雨。",
        "ja.txt": "猫がマットの上に座って雨を見ていた。",
        "ko.txt": "고양이가 매트 위에 앉아 비를 보고 있었다.",
        "de.txt": "Die Katze saß auf der Matte und schaute dem Regen zu.",
        "none.txt": "12345 67890 --- 3.14",
    }
    corpus = build(tmp_path, files)
    found = {source[3:5]: document.language for source, document in by_source(corpus).items()}
    assert found == {"en": "en", "zh": "zh", "ja": "ja", "ko": "ko", "de": "de", "no": "und"}
    assert {document.language for document in build(tmp_path, language="fr").documents()} == {"fr"}
