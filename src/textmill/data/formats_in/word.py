"""Word documents (DOCX): headings, lists, tables, notes and links as one types them in Markdown, formulas in LaTeX."""

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from textmill.config import CorpusSettings
from textmill.data.formats_in.word_formulas import formula
from textmill.data.formats_in.zipped import Parts, dublin_core, table_text
from textmill.data.mapping import Fields

LEFT_OUT = frozenset(("Fallback", "del", "moveFrom", "instrText", "delText", "pPr", "rPr", "tblPr", "sectPr"))
"""Elements that hold no text of their own, text that was deleted, or text that stands beside in another form."""


def read(data: bytes, settings: CorpusSettings) -> list[Fields]:
    """Returns the document's fields; Unreadable when it is damaged or locked."""
    parts = Parts(data, settings)
    body = parts.tree("word/document.xml")
    writer = Writer(headings_of(parts.optional("word/styles.xml")), bullets_of(parts.optional("word/numbering.xml")))
    blocks = list(writer.blocks(body))
    notes = parts.optional("word/footnotes.xml")
    for note in notes if notes is not None else ():
        text = " ".join(block for block in writer.blocks(note) if block)
        if text and note.get("type") is None:
            blocks.append(f"[^{note.get('id')}]: {text}")
    about = dublin_core(parts.optional("docProps/core.xml"))
    title = about.get("title") or next((block.lstrip("# ") for block in blocks if block.startswith("# ")), "")
    meta = {"author": about["creator"]} if about.get("creator") else {}
    return [Fields(text=join(blocks), title=title, date=about.get("created", "")[:10], meta=meta)]


def join(blocks: list[str]) -> str:
    """Returns blocks with blank lines between them, items of a list without."""
    parts: list[str] = []
    for block in blocks:
        if parts and not (is_item(block) and is_item(parts[-1])):
            parts.append("")
        parts.append(block)
    return "\n".join(parts)


def is_item(block: str) -> bool:
    """True for an item of a list."""
    mark = block.lstrip().partition(" ")[0]
    return mark == "-" or (mark.endswith(".") and mark[:-1].isdigit())


def headings_of(styles: Element | None) -> dict[str, int]:
    """Returns {style id: level} of the heading styles: their ids differ by language, their names do not."""
    found = {f"Heading{level}": level for level in range(1, 7)} | {"Title": 1}
    for style in styles.iter("style") if styles is not None else ():
        name = style.find("name")
        words = (name.get("val", "") if name is not None else "").lower()
        if words == "title":
            found[style.get("styleId", "")] = 1
        elif words.startswith("heading ") and words[8:].isdigit():
            found[style.get("styleId", "")] = min(6, int(words[8:]))
    return found


def bullets_of(numbering: Element | None) -> dict[tuple[str, str], bool]:
    """Returns {(list id, level): has bullets rather than numbers}."""
    found: dict[tuple[str, str], bool] = {}
    if numbering is None:
        return found
    levels = {
        (abstract.get("abstractNumId", ""), level.get("ilvl", "0")): value_of(level, "numFmt") == "bullet"
        for abstract in numbering.iter("abstractNum")
        for level in abstract.iter("lvl")
    }
    for item in numbering.findall("num"):
        abstract_id = value_of(item, "abstractNumId")
        for (known, level), bullet in levels.items():
            if known == abstract_id:
                found[item.get("numId", ""), level] = bullet
    return found


def value_of(element: Element | None, name: str) -> str:
    """Returns the "val" of the first child of that name, or ""."""
    child = element.find(name) if element is not None else None
    return child.get("val", "") if child is not None else ""


class Writer:
    """Writes blocks of text, counting the items of numbered lists."""

    def __init__(self, headings: dict[str, int], bullets: dict[tuple[str, str], bool]) -> None:
        self.headings, self.bullets = headings, bullets
        self.counts: Counter[tuple[str, str]] = Counter()

    def blocks(self, element: Element) -> Iterator[str]:
        """Yields the paragraphs and tables in an element."""
        for child in element:
            if child.tag == "p":
                text = self.paragraph(child)
                if text:
                    yield text
            elif child.tag == "tbl":
                rows = [[" ".join(self.blocks(cell)) for cell in row.iter("tc")] for row in child.findall("tr")]
                if text := table_text(rows):
                    yield text
            elif child.tag not in LEFT_OUT:
                yield from self.blocks(child)

    def paragraph(self, element: Element) -> str:
        """Returns a paragraph with the mark of its heading or list."""
        text = "".join(self.runs(element)).strip()
        properties = element.find("pPr")
        if not text or properties is None:
            return text
        level = self.headings.get(value_of(properties, "pStyle"), 0)
        if level:
            return f"{'#' * level} {' '.join(text.split())}"
        numbered = properties.find("numPr")
        if numbered is None:
            return text
        key = (value_of(numbered, "numId"), value_of(numbered, "ilvl") or "0")
        self.counts[key] += 1
        mark = "-" if self.bullets.get(key, True) else f"{self.counts[key]}."
        return "  " * min(8, int(key[1]) if key[1].isdigit() else 0) + f"{mark} {text}"

    def runs(self, element: Element) -> Iterator[str]:
        """Yields the text of a paragraph, piece by piece."""
        for child in element:
            if child.tag == "t":
                yield child.text or ""
            elif child.tag in ("tab", "ptab"):
                yield "\t"
            elif child.tag in ("br", "cr"):
                yield "\n"
            elif child.tag == "noBreakHyphen":
                yield "-"
            elif child.tag == "footnoteReference":
                yield f"[^{child.get('id')}]"
            elif child.tag in ("oMath", "oMathPara"):
                yield formula(child)
            elif child.tag == "txbxContent":
                yield "\n" + "\n".join(self.blocks(child)) + "\n"
            elif child.tag not in LEFT_OUT:
                yield from self.runs(child)
