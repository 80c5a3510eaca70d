"""Packages of Office: what is needed is in them, the same parts are the same bytes, and nothing that XML forbids."""

import io
import zipfile
from xml.etree.ElementTree import fromstring

from textmill.office import Part, open_package, xml_text

MAIN = Part(name="word/document.xml", kind="wordprocessingml.document.main", relation="officeDocument", xml="<a/>")
ROWS = Part(name="word/sub/rows.xml", kind="x.rows", relation="rows")


def package() -> bytes:
    file = io.BytesIO()
    with open_package(file, MAIN, (ROWS,)) as archive, archive.open(ROWS.name, "w") as rows:
        rows.write(b"<b/>")
    return file.getvalue()


def test_a_package() -> None:
    with zipfile.ZipFile(io.BytesIO(package())) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    for text in parts.values():
        fromstring(text)
    assert 'Target="word/document.xml"' in parts["_rels/.rels"]
    assert 'Id="rId1"' in parts["word/_rels/document.xml.rels"]
    assert 'Target="sub/rows.xml"' in parts["word/_rels/document.xml.rels"]
    assert 'PartName="/word/sub/rows.xml"' in parts["[Content_Types].xml"]
    assert parts["word/sub/rows.xml"] == "<b/>"


def test_the_same_parts_are_the_same_bytes() -> None:
    assert package() == package()
    with zipfile.ZipFile(io.BytesIO(package())) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_xml_does_not_have() -> None:
    assert xml_text("a\x00<b>&\x1f\ud800\uffff\t") == "a&lt;b&gt;&amp;\t"
    assert xml_text("\x00", "\ufffd") == "\ufffd"
