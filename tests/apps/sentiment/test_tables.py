"""Tables of every form, in every encoding, read row by row and written back whole and inert."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from textmill.apps.sentiment.results import Results, inert, write_table
from textmill.apps.sentiment.tables import open_table, text_of
from textmill.apps.sentiment.workbook import Workbook
from textmill.apps.sentiment.workbook_writing import MOST_CHARACTERS, write_workbook
from textmill.errors import InputError, UsageError
from textmill.office import RELATIONS, SHEET

ROWS = [
    {"text": "The room was clean.", "stars": 5, "price": 12.5, "date": "2026-01-03"},
    {"text": "房间很干净，服务热情。", "stars": 4, "price": None, "date": "2026-01-04"},
    {"text": '=HYPERLINK("http://bad.example","x")', "stars": -1, "price": -0.5, "date": None},
    {"text": 'two\nlines, "quoted" & <b>_x0041_</b>\x0b', "stars": None, "price": 1e-7, "date": "2026-01-06"},
]


def read(path: Path) -> list[dict]:
    with open_table(path) as table:
        return list(table.rows)


@pytest.mark.parametrize("ending", [".xlsx", ".jsonl", ".parquet"])
def test_what_is_written_is_read_again(tmp_path, ending):
    file = tmp_path / f"out{ending}"
    assert write_table(file, ROWS) == 0
    found = read(file)
    expected = [dict(row) for row in ROWS]
    if ending == ".xlsx":
        expected[3]["text"] = expected[3]["text"].replace("\x0b", "\ufffd")  # which XML cannot hold
    assert found == expected


@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_formulas_are_written_back_inert(tmp_path, ending, delimiter):
    file = tmp_path / f"out{ending}"
    write_table(file, [*ROWS, {"text": "-12.5", "stars": "@SUM(A1)", "price": "\t=1", "date": "＝1"}])
    with open(file, encoding="utf-8-sig", newline="") as lines:
        cells = [cell for row in csv.reader(lines, delimiter=delimiter) for cell in row]
    assert '\'=HYPERLINK("http://bad.example","x")' in cells
    assert {"'@SUM(A1)", "'\t=1", "'＝1"} <= set(cells)
    assert {"-12.5", "-1", "-0.5", "1e-07"} <= set(cells), "numbers stay numbers"
    assert not [cell for cell in cells if cell and cell[0] in "=+@\t\r＝＋－＠"]


def test_a_workbook_holds_no_formula(tmp_path):
    file = tmp_path / "out.xlsx"
    write_table(file, ROWS)
    sheet = zipfile.ZipFile(file).read("xl/worksheets/sheet1.xml").decode()
    assert "<f" not in sheet
    assert read(file)[2]["text"].startswith("=HYPERLINK")


def test_inert_is_stable():
    assert inert("'=1") == "'=1"
    assert inert("- too small") == "'- too small"
    assert inert("fine") == "fine"
    assert inert("") == ""


TEXTS = ["很好的产品，值得购买", "服务态度很差，不会再来", "还可以吧"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "big5hkscs"])
def test_encodings_are_found(tmp_path, encoding):
    file = tmp_path / "in.csv"
    traditional = str.maketrans("产购买务态还会来", "產購買務態還會來")
    texts = [text.translate(traditional) if encoding == "big5hkscs" else text for text in TEXTS]
    file.write_bytes(("text;stars\r\n" + "".join(f"{text};3\r\n" for text in texts * 9)).encode(encoding))
    with open_table(file) as table:
        assert table.columns == ("text", "stars")
        assert [row["text"] for row in table.rows] == texts * 9


@pytest.mark.parametrize("main", ["utf-8", "gb18030"])
def test_a_file_of_several_encodings_is_read_line_by_line(tmp_path, main):
    file = tmp_path / "in.csv"
    parts = [f"{text},{number}\n".encode(main) for number, text in enumerate(TEXTS * 20)]
    other = "gb18030" if main == "utf-8" else "utf-8"
    parts[41] = "质量不错，就是物流太慢了,41\n".encode(other)
    parts[47] = "café très agréable — “lovely”,47\n".encode("cp1252" if main == "utf-8" else "utf-8")
    file.write_bytes(b"text,number\n" + b"".join(parts))
    rows = read(file)
    assert rows[41]["text"] == "质量不错，就是物流太慢了"
    assert rows[47]["text"] == "café très agréable — “lovely”"
    assert [row["text"] for row in rows[:41]] == (TEXTS * 20)[:41]


def test_an_unknown_column_is_told_with_the_nearest(tmp_path):
    file = tmp_path / "in.csv"
    file.write_text("Review,Stars\nfine,3\n", encoding="utf-8")
    with open_table(file) as table:
        assert table.column("review") == "Review"
        with pytest.raises(InputError) as raised:
            table.column("reviews_text")
    assert raised.value.values["nearest"] == "Review"


def test_names_of_columns_are_made_unique_and_long_rows_kept(tmp_path):
    file = tmp_path / "in.csv"
    file.write_text('text,,text\n"a, b",,c,d\n\n,,\n', encoding="utf-8")
    with open_table(file) as table:
        assert table.columns == ("text", "column 2", "text 2")
        rows = list(table.rows)
    assert rows[0] == {"text": "a, b", "column 2": None, "text 2": "c", "column 4": "d"}
    assert rows[1] == {"text": None, "column 2": None, "text 2": None}, "an empty row is a row with empty cells"


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        ("a.doc", b"text", "tables.ending"),
        ("a.csv", b"", "tables.empty"),
        ("a.jsonl", b'{"text": "a"}\nnonsense\n', "tables.broken"),
        ("a.json", b"[1, 2]", "tables.broken"),
        ("a.xlsx", b"no archive", "tables.unreadable"),
        ("a.parquet", b"PAR1", "tables.unreadable"),
        ("a.csv", bytes(range(1, 256)) * 40, "tables.unreadable"),
    ],
)
def test_bad_files_are_told(tmp_path, name, data, key):
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(InputError) as raised, open_table(file) as table:
        list(table.rows)
    assert raised.value.key == key
    assert str(raised.value)


def workbook(file: Path, sheet: str, **parts: str) -> None:
    """Writes a workbook as Excel and LibreOffice do: with shared strings, styles, formulas."""
    ours = io.BytesIO()
    write_workbook(ours, (), ())
    with zipfile.ZipFile(ours) as usual, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in usual.namelist():
            if not name.endswith("sheet1.xml"):
                archive.writestr(name, parts.get(name.rpartition("/")[2].removesuffix(".xml"), usual.read(name)))
        archive.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{SHEET}"><sheetData>{sheet}</sheetData></worksheet>'
        )
        if "shared" in parts:
            archive.writestr("xl/sharedStrings.xml", parts["shared"])


def test_a_workbook_of_excel_is_read(tmp_path):
    file = tmp_path / "in.xlsx"
    styles = (
        f'<styleSheet xmlns="{SHEET}"><numFmts><numFmt numFmtId="170" formatCode="yyyy&quot;年&quot;m"/>'
        '<numFmt numFmtId="171" formatCode="0.0&quot;days&quot;"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="22"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>'
    )
    shared = (
        f'<sst xmlns="{SHEET}"><si><t>text</t></si><si><r><t>房间</t></r><r><t xml:space="preserve"> fine</t></r>'
        "<rPh><t>へや</t></rPh></si></sst>"
    )
    sheet = (
        '<row r="2"><c r="B2" t="s"><v>0</v></c><c r="D2" t="str"><v>when</v></c></row>'
        '<row r="4"><c r="B4" t="s"><v>1</v></c><c r="C4" s="3"><v>3</v></c><c r="D4" s="1"><v>46025.5</v></c></row>'
        '<row r="5"><c r="B5"><f>A1+1</f><v>7</v></c><c r="C5"><f>NOW()</f></c><c r="D5" s="2"><v>46025</v></c>'
        '<c r="E5" t="b"><v>1</v></c></row>'
    )
    workbook(file, sheet, styles=styles, shared=shared)
    with open_table(file) as table:
        assert table.columns == ("column 1", "text", "column 3", "when")
        first, second = table.rows
    assert first == {"column 1": None, "text": "房间 fine", "column 3": 3, "when": "2026-01-03 12:00:00"}
    assert second == {"column 1": None, "text": 7, "column 3": "=NOW()", "when": "2026-01-03", "column 5": True}
    assert text_of(second["text"]) == "7"


def test_a_sheet_is_chosen_by_its_name(tmp_path):
    file = tmp_path / "in.xlsx"
    book = (
        f'<workbook xmlns="{SHEET}" xmlns:r="{RELATIONS}"><workbookPr date1904="1"/><sheets>'
        '<sheet name="Notes" r:id="rId2"/>'
        '<sheet name="Reviews" r:id="rId1"/></sheets></workbook>'
    )
    workbook(file, '<row><c t="inlineStr"><is><t>text</t></is></c></row><row><c><v>1</v></c></row>', workbook=book)
    with open_table(file, sheet="Reviews") as table:
        assert list(table.rows) == [{"text": 1}]
    with pytest.raises(InputError) as raised:
        open_table(file, sheet="Review")
    assert raised.value.key == "tables.no_sheet"


@pytest.mark.parametrize(
    "sheet",
    [
        '<row><c t="s"><v>99</v></c></row>',
        "<row><c><v>1</v>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><row/>",
    ],
)
def test_damaged_workbooks_are_told(tmp_path, sheet):
    file = tmp_path / "in.xlsx"
    workbook(file, sheet)
    with pytest.raises(InputError) as raised, open_table(file) as table:
        list(table.rows)
    assert raised.value.key == "tables.unreadable"


def test_a_bomb_is_told(tmp_path):
    file = tmp_path / "in.xlsx"
    workbook(file, "<row><c><v>1</v></c></row>" + "<row></row>" * 4_000_000)
    assert file.stat().st_size < 200_000
    with pytest.raises(InputError) as raised, open_table(file) as table:
        list(table.rows)
    assert raised.value.key == "tables.unreadable"


def test_cells_too_long_for_excel_are_cut_and_counted(tmp_path):
    file = tmp_path / "out.xlsx"
    assert write_table(file, [{"text": "长" * 100_000}]) == 1
    assert len(read(file)[0]["text"]) == MOST_CHARACTERS


def test_shared_strings_lie_on_disk(tmp_path):
    file = tmp_path / "in.xlsx"
    count = 3000
    texts = "".join(f"<si><t>review {number}</t></si>" for number in range(count))
    sheet = '<row><c t="inlineStr"><is><t>text</t></is></c></row>' + "".join(
        f'<row><c t="s"><v>{number}</v></c></row>' for number in range(count)
    )
    workbook(file, sheet, shared=f'<sst xmlns="{SHEET}">{texts}</sst>')
    book = Workbook(file)
    assert [row[0] for row in book.rows()][1:] == [f"review {number}" for number in range(count)]
    assert book.shared.ends.itemsize * len(book.shared.ends) < 9 * count
    book.close()


def test_a_stopped_output_goes_on(tmp_path):
    out, identity = tmp_path / "out.csv", {"model": "a", "input": "1"}
    with Results(out, identity) as results:
        assert results.done == 0
        results.add([{"text": "one"}, {"text": "two"}])
    with open(results.journal, "ab") as file:
        file.write(b'{"text": "thr')
    assert not out.exists()
    with Results(out, identity) as results:
        assert results.done == 2
        results.add([{"text": "three", "label": "positive"}])
        assert results.finish() == 0
    assert [row["text"] for row in read(out)] == ["one", "two", "three"]
    assert read(out)[2]["label"] == "positive"
    assert not results.journal.exists()


def test_another_identity_begins_anew(tmp_path):
    out = tmp_path / "out.jsonl"
    with Results(out, {"model": "a"}) as results:
        results.add([{"text": "one"}])
    with Results(out, {"model": "b"}) as results:
        assert results.done == 0
        results.add([{"text": "other \ud800"}])
        results.finish()
    assert json.loads(out.read_text(encoding="utf-8")) == {"text": "other \ud800"}


def test_an_output_without_a_form_is_refused(tmp_path):
    with pytest.raises(UsageError) as raised:
        Results(tmp_path / "out.doc", {})
    assert raised.value.key == "tables.out_ending"


@pytest.mark.long
def test_a_million_rows_stream(tmp_path):
    import tracemalloc

    file = tmp_path / "in.xlsx"
    texts = "".join(f"<si><t>review number {number}</t></si>" for number in range(1_000_000))
    sheet = '<row><c t="inlineStr"><is><t>text</t></is></c></row>' + "".join(
        f'<row><c t="s"><v>{number}</v></c></row>' for number in range(1_000_000)
    )
    workbook(file, sheet, shared=f'<sst xmlns="{SHEET}">{texts}</sst>')
    del texts, sheet
    tracemalloc.start()
    with open_table(file) as table:
        assert sum(1 for _ in table.rows) == 1_000_000
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
