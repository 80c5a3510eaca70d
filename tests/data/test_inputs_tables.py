"""CSV, TSV and Arrow beside JSONL and Parquet; other names for the columns."""

import json
from pathlib import Path

import pyarrow as arrow
from corpus_helpers import build, by_source, dropped, texts
from input_samples import zipped

ROWS = [{"text": f"row {n}", "title": f"T{n}", "n": n} for n in range(1500)]


def arrow_bytes(rows: list[dict], *, streamed: bool) -> bytes:
    table = arrow.Table.from_pylist(rows)
    sink = arrow.BufferOutputStream()
    with (arrow.ipc.new_stream if streamed else arrow.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def test_csv_and_its_relatives(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "a.csv": 'title,text,url\nT,"First, with\na line end and ""quotes""",http://a\n\nU,Second\n',
        "b.tsv": "text\ttitle\nTab, here\tB\n",
        "c.csv": "\ufefftitle;text\r\nC;Semi, colon\r\n".encode("utf-16"),
        "d.csv": "标题,text\n丁,小镇的早上很安静，面包店已经开门了。\n".encode("gb18030"),
        "e.csv": "one,two\n1,2\n3,4\n",
        "f.csv": 'text\nopen "quote"\n"never closed\nmore\n',
        "g.csv": "text\n",
    }
    corpus = build(tmp_path, files)
    found = by_source(corpus)
    assert found["in/a.csv:1"].text == 'First, with\na line end and "quotes"'
    assert (found["in/a.csv:1"].title, found["in/a.csv:1"].url) == ("T", "http://a")
    assert found["in/a.csv:3"].text == "Second"
    assert found["in/b.tsv:1"].text == "Tab, here"
    assert found["in/c.csv:1"].text == "Semi, colon"
    assert found["in/d.csv:1"].meta["标题"] == "丁"
    assert found["in/f.csv:2"].text == "never closed\nmore"
    assert dropped(corpus) == {"in/e.csv": "missing_text_field", "in/g.csv": "empty"}
    assert corpus.manifest["columns_without_text"] == ["one, two"]
    assert {document.meta["kind"] for document in found.values()} == {"table"}


def test_a_cell_beyond_the_limit_costs_its_row(tmp_path: Path):
    corpus = build(tmp_path, {"a.csv": f"text\none\n{'x' * 5000}\ntwo\n"}, maximum_document_megabytes=0.004)
    assert texts(corpus) == ["one", "two"]
    assert dropped(corpus) == {"in/a.csv:2": "bad_csv"}


def test_arrow_files_and_streams(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "a.arrow": arrow_bytes(ROWS, streamed=False),
        "b.arrow": arrow_bytes(ROWS, streamed=True),
        "c.zip": zipped({"in.arrow": arrow_bytes(ROWS, streamed=False)}),
    }
    corpus = build(tmp_path, files, deduplicate=False)
    found = by_source(corpus)
    assert corpus.count() == 3 * len(ROWS)
    for name in ("a.arrow", "b.arrow", "c.zip/in.arrow"):
        document = found[f"in/{name}:1500"]
        assert (document.text, document.title, document.meta) == ("row 1499", "T1499", {"kind": "arrow", "n": 1499})


def test_damaged_arrow_files(tmp_path: Path):
    whole = {True: arrow_bytes(ROWS, streamed=True), False: arrow_bytes(ROWS, streamed=False)}
    files: dict[str, str | bytes] = {
        "cut_stream.arrow": whole[True][:-400],
        "cut.arrow": whole[False][:-400],
        "noise.arrow": b"ARROW1\0\0" + bytes(range(256)),
        "good.txt": "A good text.",
    }
    corpus = build(tmp_path, files)
    assert {reason for source, reason in dropped(corpus).items()} <= {"bad_arrow", "exact_duplicate"}
    assert {source.split(":")[0] for source, reason in dropped(corpus).items() if reason == "bad_arrow"} == {
        "in/cut_stream.arrow",
        "in/cut.arrow",
        "in/noise.arrow",
    }
    assert "A good text." in texts(corpus)


def test_other_names_for_columns(tmp_path: Path):
    row = {"body": "x", "headline": "H", "title": "not this", "link": "http://l", "day": "2031-01-02", "tongue": "fr"}
    row |= {"terms": "CC0"}
    names = {"text_field": "body", "title_field": "headline", "url_field": "link", "date_field": "day"}
    names |= {"language_field": "tongue", "licence_field": "terms"}
    document = next(build(tmp_path, {"a.jsonl": json.dumps(row)}, **names).documents())
    assert (document.text, document.title, document.url, document.date) == ("x", "H", "http://l", "2031-01-02")
    assert (document.language, document.licence) == ("fr", "CC0")
    assert document.meta == {"kind": "jsonl", "title": "not this"}
