"""MediaWiki's XML dumps: the articles, in the order of the dump; redirects and talk pages are counted and left out."""

from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import quote

from textmill.config import CorpusSettings
from textmill.data import safe_xml
from textmill.data.drops import MEGABYTE, limit_bytes
from textmill.data.formats_in.problem import Unreadable
from textmill.data.formats_in.wikitext import plain_text
from textmill.data.mapping import Fields
from textmill.data.sources import SourceFile
from textmill.data.streams import Record

WANTED = frozenset(("title", "ns", "timestamp", "text", "model"))
ARTICLES = "0"


def threads(file: SourceFile, stream: BinaryIO, settings: CorpusSettings) -> Iterator[Record]:
    """Yields the pages of a dump; a broken place ends it, after the pages that stand before it."""
    limit = limit_bytes(settings)
    site: dict[str, str] = {}
    page: dict[str, str] = {}
    parts: list[str] = []
    size = position = 0
    inside = ""
    try:
        for kind, name, attributes in safe_xml.events(stream, limit):
            if kind == "text":
                size += len(name) if inside else 0
                if inside and size <= limit:
                    parts.append(name)
            elif kind == "start":
                inside, size, parts = (name if name in WANTED or name == "base" else ""), 0, []
                if name == "page":
                    page = {}
                elif name == "mediawiki":
                    site["language"] = attributes.get("lang", "")
                elif name == "redirect":
                    page["redirect"] = attributes.get("title", "?")
            else:
                if name == inside:
                    (site if name == "base" else page)[name] = "".join(parts)
                    if size > limit:
                        page["too_large"] = str(size)
                inside = ""
                if name == "page":
                    position += 1
                    yield page_record(page | {"base": site.get("base", ""), "language": site["language"]}, position)
    except safe_xml.XMLProblem as problem:
        raise Unreadable("too_large" if str(problem) == "too_large" else "bad_xml", problem) from problem


def page_record(page: dict[str, str], position: int) -> Record:
    """Returns a page as a record, or as the problem that it is no article."""
    if "too_large" in page:
        return Record(position=position, problem="too_large", size=int(page["too_large"]))
    if page.get("ns", ARTICLES) != ARTICLES or "redirect" in page or page.get("model", "wikitext") != "wikitext":
        value = "redirect" if "redirect" in page else f"namespace {page.get('ns')}"
        return Record(position=position, problem="not_content", value=value)
    return Record(position=position, value=page, size=len(page.get("text", "")))


def fields(value: dict[str, Any], file: SourceFile, settings: CorpusSettings) -> Fields:
    """Returns the fields of an article."""
    title, base = value.get("title", ""), value.get("base", "")
    text = value.get("text", "")
    if len(text) > limit_bytes(settings):
        raise Unreadable("too_large", f"{len(text) / MEGABYTE:.3f}")
    body = plain_text(text)
    return Fields(
        text=f"# {title}\n\n{body}" if body else "",
        title=title,
        url=base.rpartition("/")[0] + "/" + quote(title.replace(" ", "_"), safe="/:(),'!*") if "/" in base else "",
        date=value.get("timestamp", "")[:10],
        language=value.get("language", ""),
    )
