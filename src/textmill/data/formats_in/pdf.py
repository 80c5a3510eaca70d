"""PDF: the text of the pages, lines joined into paragraphs, running heads and page numbers left out.

PDF knows characters and their places only. What a paragraph is follows from the lines: one that is clearly shorter than
the page's usual line ends it. Headings are the lines that the document's own outline names.
"""

import re
from collections import Counter
from itertools import islice
from typing import Any

from textmill.config import CorpusSettings
from textmill.data.formats_in.problem import Unreadable
from textmill.data.mapping import Fields

MOST_PAGES = 20_000
MOST_OUTLINE = 5_000
NUMBERING = re.compile(r"^(?:\d+(?:\.\d+)*\.?|[A-Z](?:\.\d+)*|第[一二三四五六七八九十百\d]+[章节])\s+")  # text data
FULL_LINE = 0.75
"""A line of this share of the usual width goes on in the next one."""
RUNNING_SHARE = 0.4
HYPHEN = re.compile("[\x02\ufffe]\n?")
"""What the library makes of a hyphen at the end of a line, and of the line's end."""
DIGITS = re.compile(r"\d+")
SENTENCE_END = re.compile(r"[.!?:;。！？：；…”’」』）)\"]\s*$")  # text data
EAST_ASIAN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
ITEM_START = re.compile(r"\s*(?:[-•▪◦‣·*–]|\(?\d{1,3}[.)]|[（(]?[一二三四五六七八九十]{1,3}[、)）])\s")  # text data
DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?")


def read(data: bytes, settings: CorpusSettings) -> list[Fields]:
    """Returns the document's fields; Unreadable when it is damaged or locked."""
    import pypdfium2 as pdfium

    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise Unreadable("encrypted") from error
        raise Unreadable("bad_document", f"pdf: {error}") from error
    try:
        most = int(settings.maximum_document_megabytes * (1 << 20))
        pages = without_running_lines(page_lines(document, most))
        headings = outline(document)
        usual = usual_width(pages)
        blocks = [
            block for number, lines in enumerate(pages) for block in paragraphs(lines, usual, headings.get(number, {}))
        ]
        about = document.get_metadata_dict()
    finally:
        document.close()
    title, author = about.get("Title", "").strip(), about.get("Author", "").strip()
    found = DATE.match(about.get("CreationDate", ""))
    date = "-".join(part for part in found.groups() if part) if found else ""
    return [Fields(text=joined(blocks), title=title, date=date, meta={"author": author} if author else {})]


def page_lines(document: Any, most: int) -> list[list[str]]:
    """Returns the lines of each page; a page that cannot be read has none, what exceeds the limit is refused."""
    pages: list[list[str]] = []
    size = failed = 0
    for number in range(min(len(document), MOST_PAGES)):
        try:
            page = document[number]
            text_page = page.get_textpage()
            text = text_page.get_text_bounded()
            text_page.close()
            page.close()
        except RuntimeError:
            text, failed = "", failed + 1
        size += len(text)
        if size > most:
            raise Unreadable("too_large", f"page {number + 1}")
        text = HYPHEN.sub("\u00ad\n", text.replace("\r\n", "\n").replace("\r", "\n"))
        pages.append([line.rstrip() for line in text.split("\n")])
    if failed and failed == len(pages):
        raise Unreadable("bad_document", f"pdf: {failed} pages")
    return pages


def without_running_lines(pages: list[list[str]]) -> list[list[str]]:
    """Returns pages without heads, feet and page numbers: first and last lines that many pages share, digits aside."""
    edges: Counter[str] = Counter()
    for lines in pages:
        edges.update({DIGITS.sub("0", line.strip()) for line in edge_lines(lines)})
    least = max(3, RUNNING_SHARE * len(pages))
    running = {line for line, count in edges.items() if count >= least}
    kept = []
    for lines in pages:
        around = [line for line in lines if line.strip()]
        places = {id(line) for line in edge_lines(around) if DIGITS.sub("0", line.strip()) in running | {"0"}}
        kept.append([line for line in lines if id(line) not in places])
    return kept


def edge_lines(lines: list[str]) -> list[str]:
    """Returns the two first and two last lines of a page that are not blank."""
    full = [line for line in lines if line.strip()]
    return full[:2] + full[-2:] if len(full) > 4 else full[:1] + full[-1:]


def width(line: str) -> int:
    """Returns how wide a line is: characters of East Asian writing are twice as wide as letters."""
    return len(line) + len(EAST_ASIAN.findall(line))


def usual_width(pages: list[list[str]]) -> int:
    """Returns the width that one line in ten exceeds: that of lines that go on."""
    widths = sorted(width(line) for lines in pages for line in lines if line.strip())
    return widths[int(len(widths) * 0.9)] if widths else 0


def outline(document: Any) -> dict[int, dict[str, int]]:
    """Returns {page number: {heading: level}} as the document's outline has them."""
    found: dict[int, dict[str, int]] = {}
    try:
        for item in islice(document.get_toc(max_depth=6), MOST_OUTLINE):
            destination = item.get_dest()
            title = squeezed(item.get_title())
            page = destination.get_index() if destination is not None else None
            if page is not None and title:
                found.setdefault(page, {})[title] = min(6, item.level + 1)
    except (RuntimeError, AttributeError, ValueError):
        return found
    return found


def squeezed(text: str) -> str:
    """Returns a text without blanks, in lower case, to compare headings by."""
    return "".join(text.split()).lower()


def paragraphs(lines: list[str], usual: int, headings: dict[str, int]) -> list[str]:
    """Returns the paragraphs of a page."""
    blocks: list[str] = []
    open_block = False
    for line in lines:
        text = line.strip()
        level = headings.get(squeezed(text), 0) or headings.get(squeezed(NUMBERING.sub("", text)), 0)
        if not text:
            open_block = False
        elif level:
            blocks.append(f"{'#' * level} {text}")
            open_block = False
        elif open_block and not ITEM_START.match(line):
            blocks[-1] = glued(blocks[-1], text)
            open_block = width(text) >= FULL_LINE * usual
        else:
            blocks.append(text)
            open_block = width(text) >= FULL_LINE * usual
    return blocks


def glued(before: str, after: str) -> str:
    """Returns two lines as one: a hyphen at the end goes, a blank comes between words but not in East Asian text."""
    if before.endswith("\u00ad"):
        return before[:-1] + after
    if before.endswith("-") and before[-2:-1].islower() and after[:1].islower():
        return before[:-1] + after
    if EAST_ASIAN.match(before[-1:]) and EAST_ASIAN.match(after[:1]):
        return before + after
    return f"{before} {after}"


def joined(blocks: list[str]) -> str:
    """Returns the text; a paragraph that a page break cut in two is put together again."""
    whole: list[str] = []
    for block in blocks:
        cut = whole and not block.startswith("#") and not whole[-1].startswith("#") and not ITEM_START.match(block)
        if cut and len(whole[-1]) > 80 and not SENTENCE_END.search(whole[-1]) and block[:1].islower():
            whole[-1] = glued(whole[-1], block)
        else:
            whole.append(block)
    return "\n\n".join(whole).replace("\u00ad", "")
