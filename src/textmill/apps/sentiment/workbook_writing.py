"""Excel workbooks written a row at a time: XML parts in a zip archive.

What is written holds no formulas: a text is marked as text (`quotePrefix`), so that one that begins with "=" stays what
a customer wrote, also when its cell is edited or copied.
"""

import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from textmill.apps.sentiment.workbook import Cell
from textmill.office import HEAD, RELATIONS, SHEET, Part, open_package, xml_text

MOST_CHARACTERS = 32_767
"""Of one cell, in Excel."""
LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
BOOK = Part(
    name="xl/workbook.xml",
    kind="spreadsheetml.sheet.main",
    relation="officeDocument",
    xml=f'<workbook xmlns="{SHEET}" xmlns:r="{RELATIONS}"><sheets>'
    '<sheet name="Textmill" sheetId="1" r:id="rId1"/></sheets></workbook>',
)
ROWS = Part(name="xl/worksheets/sheet1.xml", kind="spreadsheetml.worksheet", relation="worksheet")
STYLES = Part(
    name="xl/styles.xml",
    kind="spreadsheetml.styles",
    relation="styles",
    xml=f'<styleSheet xmlns="{SHEET}"><fonts count="2"><font/><font><b/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/>'
    '</fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf/><xf quotePrefix="1"/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>',
)
TEXT_STYLE, BOLD_STYLE = 1, 2


def write_workbook(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Writes a workbook with one sheet; returns how many cells were cut to the length that Excel knows."""
    cut = 0
    with (
        open_package(file, BOOK, (ROWS, STYLES), level=4) as archive,
        archive.open(ROWS.name, "w", force_zip64=True) as sheet,
    ):
        view = '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/>'
        sheet.write(
            f'{HEAD}<worksheet xmlns="{SHEET}">{view}</sheetView></sheetViews><sheetData><row>'.encode()
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
    safe = xml_text(LOOKS_ESCAPED.sub("_x005F_", short), "\ufffd")
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{safe}</t></is></c>'
