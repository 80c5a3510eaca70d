"""Excel workbooks written a row at a time: XML parts in a zip archive.

What is written holds no formulas: a text is marked as text (`quotePrefix`), so that one that begins with "=" stays what
a customer wrote, also when its cell is edited or copied.
"""

import re
import zipfile
from collections.abc import Iterable, Sequence
from html import escape
from typing import BinaryIO

from textmill.apps.sentiment.workbook import Cell

MOST_CHARACTERS = 32_767
"""Of one cell, in Excel."""
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPE}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{TYPE}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        '<sheet name="Textmill" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{MAIN}"><fonts count="2"><font/><font><b/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/>'
        '</fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="3"><xf/><xf quotePrefix="1"/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>'
    ),
}
TEXT_STYLE, BOLD_STYLE = 1, 2


def write_workbook(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Writes a workbook with one sheet; returns how many cells were cut to the length that Excel knows."""
    cut = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, part in PARTS.items():
            archive.writestr(name, HEAD + part)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            view = '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/>'
            sheet.write(
                f'{HEAD}<worksheet xmlns="{MAIN}">{view}</sheetView></sheetViews><sheetData><row>'.encode()
                + "".join(text_cell(name, BOLD_STYLE) for name in columns).encode()
                + b"</row>"
            )
            for row in rows:
                cut += sum(isinstance(value, str) and len(value) > MOST_CHARACTERS for value in row)
                sheet.write(f"<row>{''.join(map(written_cell, row))}</row>".encode())
            sheet.write(b"</sheetData></worksheet>")
    return cut


def written_cell(value: Cell) -> str:
    """Returns a cell's XML."""
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float) and abs(value) < 1e15:  # which is not so of what is no number either
        return f"<c><v>{value!r}</v></c>"
    return text_cell(str(value), TEXT_STYLE)


def text_cell(text: str, style: int) -> str:
    """Returns the XML of a cell of text, which Excel takes for nothing else."""
    short = text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
    safe = NOT_IN_XML.sub("\ufffd", escape(LOOKS_ESCAPED.sub("_x005F_", short), quote=False))
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{safe}</t></is></c>'
