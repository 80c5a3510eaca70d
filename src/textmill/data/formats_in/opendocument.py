"""OpenDocument texts (ODT): headings, lists, tables and notes as one would type them in Markdown."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from textmill.config import CorpusSettings
from textmill.data.formats_in.problem import Unreadable
from textmill.data.formats_in.word import join
from textmill.data.formats_in.zipped import Parts, dublin_core, table_text
from textmill.data.mapping import Fields

LEFT_OUT = frozenset(
    ("tracked-changes", "annotation", "annotation-end", "sequence-decls", "forms", "table-of-content", "user-index",
     "alphabetical-index", "ruby-text", "variable-decls", "user-field-decls")
)  # fmt: skip
MOST_BLANKS = 100


def read(data: bytes, settings: CorpusSettings) -> list[Fields]:
    """Returns the document's fields; Unreadable when it is damaged or locked."""
    parts = Parts(data, settings)
    manifest = parts.optional("META-INF/manifest.xml")
    if manifest is not None and next(manifest.iter("encryption-data"), None) is not None:
        raise Unreadable("encrypted")
    content = parts.tree("content.xml")
    body = next(content.iter("body"), content)
    bullets = bullets_of(content) | bullets_of(parts.optional("styles.xml"))
    notes: list[str] = []
    blocks = list(blocks_of(body, bullets, notes))
    about = dublin_core(parts.optional("meta.xml"))
    title = about.get("title") or next((block.lstrip("# ") for block in blocks if block.startswith("# ")), "")
    author = about.get("initial-creator") or about.get("creator")
    meta = {"author": author} if author else {}
    date = (about.get("creation-date") or about.get("date", ""))[:10]
    language = about.get("language", "")
    return [Fields(text=join(blocks + notes), title=title, date=date, language=language, meta=meta)]


def bullets_of(root: Element | None) -> dict[str, bool]:
    """Returns {list style: has bullets rather than numbers} by the first level of each."""
    found: dict[str, bool] = {}
    for style in root.iter("list-style") if root is not None else ():
        first = next(iter(style), None)
        found[style.get("name", "")] = first is None or first.tag != "list-level-style-number"
    return found


def blocks_of(element: Element, bullets: dict[str, bool], notes: list[str]) -> Iterator[str]:
    """Yields the paragraphs, lists and tables in an element; notes are put aside."""
    for child in element:
        if child.tag == "h":
            text = " ".join(inline(child, notes).split())
            level = child.get("outline-level", "1")
            if text:
                yield "#" * min(6, int(level) if level.isdigit() else 1) + f" {text}"
        elif child.tag == "p":
            if text := inline(child, notes).strip():
                yield text
        elif child.tag == "list":
            yield from list_items(child, bullets, notes, 0, True)
        elif child.tag == "table":
            rows = [
                [" ".join(blocks_of(cell, bullets, notes)) for cell in cells(row)] for row in child.iter("table-row")
            ]
            if text := table_text(rows):
                yield text
        elif child.tag not in LEFT_OUT:
            yield from blocks_of(child, bullets, notes)


def cells(row: Element) -> list[Element]:
    """Returns the cells of a row without those that another one covers."""
    return [cell for cell in row if cell.tag == "table-cell"]


def list_items(element: Element, bullets: dict[str, bool], notes: list[str], depth: int, bullet: bool) -> Iterator[str]:
    """Yields the items of a list, those of lists within indented."""
    bullet = bullets.get(element.get("style-name", ""), bullet)
    number = 0
    for item in element:
        if item.tag not in ("list-item", "list-header"):
            continue
        number += item.tag == "list-item"
        first = True
        for child in item:
            if child.tag == "list":
                yield from list_items(child, bullets, notes, depth + 1, bullet)
            elif child.tag in ("p", "h") and (text := inline(child, notes).strip()):
                mark = ("- " if bullet else f"{number}. ") if first else "  "
                yield "  " * min(depth, 8) + mark + text
                first = False


def inline(element: Element, notes: list[str]) -> str:
    """Returns the text of a paragraph."""
    parts = [element.text or ""]
    for child in element:
        if child.tag == "s":
            count = child.get("c", "1")
            parts.append(" " * min(MOST_BLANKS, int(count) if count.isdigit() else 1))
        elif child.tag == "tab":
            parts.append("\t")
        elif child.tag == "line-break":
            parts.append("\n")
        elif child.tag == "note":
            number = len(notes) + 1
            body = child.find("note-body")
            texts = [inline(part, notes) for part in body] if body is not None else []
            notes.append(f"[^{number}]: {' '.join(texts).strip()}")
            parts.append(f"[^{number}]")
        elif child.tag not in LEFT_OUT:
            parts.append(inline(child, notes))
        parts.append(child.tail or "")
    return "".join(parts)
