"""PDF, DOCX, ODT and EPUB: text in the manner of Markdown, and what is wrong with them."""

import io
import zipfile
from pathlib import Path

import pytest
from corpus_helpers import build, dropped, dropped_rows, texts
from input_samples import docx, encrypted_pdf, epub, odt, pdf, zipped

from textmill.config import CorpusSettings
from textmill.data import formats
from textmill.data.digest import digest
from textmill.data.document import Draft, Drop
from textmill.data.sources import SourceFile
from textmill.data.units import Unit
from textmill.errors import MissingExtraError

GOOD: dict[str, str | bytes] = {"good.txt": "A good text that stays."}
LINES = [
    "The baker of the small town opened the door of her shop, and a good",
    "smell went down the street. The children stopped on the bridge, and re-",
    "membered what they had been told about the big rain of last summer.",
    "Nobody spoke.",
    "- a list",
    "- of two",
]


def test_pdf(tmp_path: Path):
    head = "Lark News, page"
    pages = [
        [f"{head} {n}", f"Page {'abcde'[n]} has this line.", "And this.", f"Also {n}.", "x", str(n)] for n in range(5)
    ]
    pages[0] = [f"{head} 0", "1 The rain", *LINES, "1"]
    corpus = build(tmp_path, {"a.pdf": pdf(*pages, outline={"The rain": 0})})
    document = next(corpus.documents())
    assert (document.title, document.date) == ("The lost key", "2031-03-27")
    assert document.meta == {"kind": "pdf", "author": "Ann"}
    assert document.text.startswith(
        "# 1 The rain\n\n"
        "The baker of the small town opened the door of her shop, and a good smell went down the street. "
        "The children stopped on the bridge, and remembered what they had been told about the big rain of last summer. "
        "Nobody spoke.\n\n- a list\n\n- of two\n\n"
    )
    assert head not in document.text


def test_pdf_that_cannot_be_read(tmp_path: Path):
    whole = pdf(LINES)
    files: dict[str, str | bytes] = {
        "cut.pdf": whole[:300],
        "locked.pdf": encrypted_pdf(),
        "noise.pdf": b"%PDF-1.7\n" + bytes(range(256)) * 20,
        "scan.pdf": pdf([]),
    }
    assert dropped(build(tmp_path, GOOD | files)) == {
        "in/cut.pdf": "bad_document",
        "in/locked.pdf": "encrypted",
        "in/noise.pdf": "bad_document",
        "in/scan.pdf": "extraction_empty",
    }


def test_pdf_without_its_package(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("textmill.data.opening.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as error:
        build(tmp_path, GOOD | {"a.pdf": pdf(LINES)})
    assert "pip install" in error.value.parts()["next"]


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{run(text)}</w:p>"


def item(text: str, level: int = 0, number: int = 1) -> str:
    return paragraph(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


M = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def math(*parts: str) -> str:
    return f'<m:oMath xmlns:m="{M}">{"".join(parts)}</m:oMath>'


def of(tag: str, *children: str, **properties: str) -> str:
    """An element of a formula: what is in it, its properties first; a text is a run."""
    told = "".join(f'<m:{name} m:val="{value}"/>' for name, value in properties.items())
    inner = "".join(child if child.startswith("<") else f"<m:r><m:t>{child}</m:t></m:r>" for child in children)
    return f"<m:{tag}>{f'<m:{tag}Pr>{told}</m:{tag}Pr>' if told else ''}{inner}</m:{tag}>"


@pytest.mark.parametrize(
    ("formula", "latex"),
    [
        (of("f", of("num", "a+1"), of("den", "b")), r"\frac{a+1}{b}"),
        (of("f", of("num", "a"), of("den", "b"), type="lin"), "a/b"),
        (of("f", of("num", "n"), of("den", "k"), type="noBar"), r"\binom{n}{k}"),
        (of("sSup", of("e", "10"), of("sup", "-6")), "{10}^{-6}"),
        (of("sSubSup", of("e", "x"), of("sub", "i"), of("sup", "2")), "x_i^2"),
        (of("sPre", of("sub", "2"), of("sup", "4"), of("e", "H")), "{}_2^4H"),
        (of("rad", of("deg"), of("e", "x")), r"\sqrt{x}"),
        (of("rad", of("deg", "3"), of("e", "x")), r"\sqrt[3]{x}"),
        (of("d", of("e", "x"), of("e", "y"), begChr="{", endChr="]", sepChr=","), r"\{x,y]"),
        (of("nary", of("sub", "i=1"), of("sup", "n"), of("e", "i"), chr="∑"), "∑_{i=1}^n i"),
        (of("func", of("fName", of("sSup", of("e", "sin"), of("sup", "2"))), of("e", "θ")), r"\sin^2 θ"),
        (of("func", of("fName", of("limLow", of("e", "lim"), of("lim", "x→0"))), of("e", "x")), r"\lim_{x→0} x"),
        ("<m:r><m:t>2sin\u2061</m:t></m:r><m:r><m:t>x</m:t></m:r>", r"2\sin x"),
        (of("acc", of("e", "v"), chr="\u20d7"), r"\vec{v}"),
        (of("bar", of("e", "z"), pos="top"), r"\overline{z}"),
        (of("m", of("mr", of("e", "a"), of("e", "b")), of("mr", of("e", "c"), of("e", "d"))),
         r"\begin{matrix}a & b \\ c & d\end{matrix}"),
        ("<m:r><m:rPr><m:nor/></m:rPr><m:t>if 5%</m:t></m:r>", r"\text{if 5\%}"),
        (of("unheard", of("e", "x")), "x"),
    ],
)  # fmt: skip
def test_formulas_in_docx(tmp_path: Path, formula: str, latex: str):
    body = f"<w:p>{run('Say ')}{math(formula)}{run(', so.')}</w:p>"
    display = f'<w:p><m:oMathPara xmlns:m="{M}">{math(formula)}</m:oMathPara></w:p>'
    corpus = build(tmp_path, {"a.docx": docx(body + display + f"<w:p>{math()}</w:p>")})
    assert next(corpus.documents()).text == f"Say ${latex}$, so.\n\n$${latex}$$"


def test_docx(tmp_path: Path):
    cells = "<w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>"
    body = (
        paragraph("The key", '<w:pStyle w:val="a1"/>')
        + f"<w:p>{run('One ')}{run('line')}<w:r><w:tab/><w:t>tab</w:t><w:br/><w:t>break</w:t></w:r>"
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        '<w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
        + item("bullet") + item("inner", 1) + item("first", 0, 2) + item("second", 0, 2)
        + "<w:tbl>" + cells.format(paragraph("A"), paragraph("B")) + cells.format(paragraph("1"), paragraph("2"))
        + "</w:tbl>"
        + "<mc:AlternateContent xmlns:mc='m'><mc:Choice><w:p><w:r><w:t>Once.</w:t></w:r></w:p></mc:Choice>"
        "<mc:Fallback><w:p><w:r><w:t>Twice.</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>"
    )  # fmt: skip
    styles = '<w:style w:styleId="a1"><w:name w:val="heading 2"/></w:style>'
    level = '<w:lvl w:ilvl="{}"><w:numFmt w:val="{}"/></w:lvl>'
    numbering = (
        f'<w:abstractNum w:abstractNumId="0">{level.format(0, "bullet")}{level.format(1, "bullet")}</w:abstractNum>'
        f'<w:abstractNum w:abstractNumId="1">{level.format(0, "decimal")}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    )
    notes = f'<w:footnote w:id="0" w:type="separator"/><w:footnote w:id="2">{paragraph("A note.")}</w:footnote>'
    corpus = build(tmp_path, {"a.docx": docx(body, styles=styles, numbering=numbering, notes=notes)})
    document = next(corpus.documents())
    assert document.text == (
        "## The key\n\nOne line\ttab\nbreak[^2]\n\n- bullet\n  - inner\n1. first\n2. second\n\n| A | B |\n| 1 | 2 |\n\n"
        "Once.\n\n[^2]: A note."
    )
    assert (document.title, document.date, document.meta["author"]) == ("The key", "2031-03-27", "Ann")


def test_odt(tmp_path: Path):
    body = (
        '<text:h text:outline-level="2">The key</text:h><text:p>One<text:s text:c="2"/>line<text:line-break/>two '
        "<text:span>bold</text:span><text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>"
        "A note.</text:p></text:note-body></text:note></text:p><text:list><text:list-item><text:p>a</text:p><text:list>"
        "<text:list-item><text:p>b</text:p></text:list-item></text:list></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>A</text:p></table:table-cell><table:table-cell>"
        "<text:p>B</text:p></table:table-cell></table:table-row></table:table>"
    )
    corpus = build(tmp_path, {"a.odt": odt(body)})
    document = next(corpus.documents())
    assert document.text == "## The key\n\nOne  line\ntwo bold[^1]\n\n- a\n  - b\n\n| A | B |\n\n[^1]: A note."
    assert (document.title, document.language, document.meta["author"]) == ("The key", "en", "Ann")


@pytest.mark.parametrize("folder", ["", "book/"])
def test_epub(tmp_path: Path, folder: str):
    chapters = [
        "<h1>One</h1><p>First <b>chapter</b>.<ul><li>a</li><li>b</li></ul>",
        "<h2>Two</h2><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table><pre>x = 1\n  y</pre>"
        "<p>End.",
    ]
    corpus = build(tmp_path, {"a.epub": epub(chapters, folder=folder)})
    document = next(corpus.documents())
    assert document.text == (
        "# One\n\nFirst chapter.\n\n  - a\n  - b\n\n## Two\n\n| A | B |\n| 1 | 2 |\n```\nx = 1\n  y\n```\n\nEnd."
    )
    assert (document.title, document.date, document.licence) == ("The key", "2031-03-27", "CC BY")
    assert document.meta == {"kind": "epub", "author": "Ann"}


def test_books_are_cut_like_texts(tmp_path: Path):
    book = epub([f"<h1>{n}</h1>" + "<p>A line of a chapter.</p>" * 200 for n in range(10)])
    corpus = build(tmp_path, {"a.epub": book}, split_characters=5000, deduplicate=False)
    assert corpus.count() > 5
    assert [document.source for document in corpus.documents()][:2] == ["in/a.epub", "in/a.epub:1"]


BOMB = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def test_documents_that_are_refused(tmp_path: Path):
    entities = docx(paragraph("&b;"))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(entities)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(b'<?xml version="1.0"?>', BOMB.encode()) if "document" in name else data)
    deep = "<w:x>" * 2000 + "</w:x>" * 2000
    locked = {"META-INF/encryption.xml": '<e><CipherReference URI="OEBPS/ch 0.xhtml"/></e>'}
    files: dict[str, str | bytes] = {
        "entities.docx": out.getvalue(),
        "deep.docx": docx(deep),
        "broken.docx": docx("<w:p>"),
        "bomb.docx": docx(paragraph(" " * 25_000_000 + "x")),
        "old.docx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000),
        "locked.odt": odt("", manifest="<file-entry><encryption-data/></file-entry>"),
        "locked.epub": epub(["<p>x"], extra=locked),
        "sheet.xlsx": zipped({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"}),
        "empty.odt": odt("<text:p/>"),
    }
    corpus = build(tmp_path, GOOD | files)
    assert dropped(corpus) == {
        "in/entities.docx": "bad_xml",
        "in/deep.docx": "bad_xml",
        "in/broken.docx": "bad_xml",
        "in/bomb.docx": "bomb",
        "in/old.docx": "encrypted",
        "in/locked.odt": "encrypted",
        "in/locked.epub": "encrypted",
        "in/sheet.xlsx": "unsupported",
        "in/empty.odt": "extraction_empty",
    }
    assert texts(corpus) == [GOOD["good.txt"]]
    assert all(row["value"] for row in dropped_rows(corpus) if row["reason"] == "bad_xml")


def test_a_parser_that_fails_costs_one_document(tmp_path: Path, monkeypatch):
    def fail(*_: object) -> None:
        raise RecursionError("somewhere inside")

    monkeypatch.setattr("textmill.data.formats_in.epub.read", fail)
    file = SourceFile(path="", name="a.epub", size=1, held_out=False, form=formats.EPUB, data=epub(["<p>x"]))
    good = SourceFile(path="", name="good.txt", size=1, held_out=False, form=formats.TEXT, data=b"Stays.")
    bad, kept = digest(Unit(files=(file, good)), CorpusSettings())
    assert isinstance(bad, Drop)
    assert bad.reason == "bad_document"
    assert isinstance(kept, Draft)
