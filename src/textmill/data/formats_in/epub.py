"""EPUB books: the chapters in the order of the spine, as one text."""

import posixpath
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from textmill.config import CorpusSettings
from textmill.data import charset
from textmill.data.formats_in.fragments import fragment_text
from textmill.data.formats_in.problem import Unreadable
from textmill.data.formats_in.zipped import Parts, dublin_core
from textmill.data.mapping import Fields

CONTAINER = "META-INF/container.xml"
PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read(data: bytes, settings: CorpusSettings) -> list[Fields]:
    """Returns the book's fields; Unreadable when it is damaged or locked."""
    parts = Parts(data, settings)
    rootfile = next(parts.tree(CONTAINER).iter("rootfile"), None)
    if rootfile is None:
        raise Unreadable("bad_document", CONTAINER)
    package_name = unquote(rootfile.get("full-path", ""))
    package = parts.tree(package_name)
    locked = locked_parts(parts.optional("META-INF/encryption.xml"))
    chapters = []
    for name in chapter_names(package, package_name):
        if name in locked:
            raise Unreadable("encrypted")
        if name in parts.names:
            chapters.append(chapter_text(parts.read(name)))
    about = dublin_core(package.find("metadata"))
    meta = {"author": about["creator"]} if about.get("creator") else {}
    return [
        Fields(
            text="\n\n".join(filter(None, chapters)),
            title=about.get("title", ""),
            date=about.get("date", "")[:10],
            language=about.get("language", ""),
            licence=about.get("rights", ""),
            meta=meta,
        )
    ]


def chapter_names(package: Element, package_name: str) -> list[str]:
    """Returns the names of the chapters' parts, each once, without the table of contents."""
    base = posixpath.dirname(package_name)
    items: dict[str, str] = {}
    for item in package.iter("item"):
        wanted = item.get("media-type", PAGES[0]) in PAGES and "nav" not in item.get("properties", "").split()
        if wanted and item.get("id"):
            items[item.get("id", "")] = posixpath.normpath(posixpath.join(base, unquote(item.get("href", ""))))
    order = [
        items[reference.get("idref", "")] for reference in package.iter("itemref") if reference.get("idref") in items
    ]
    return list(dict.fromkeys(order))


def locked_parts(encryption: Element | None) -> set[str]:
    """Returns the names of parts that are encrypted (fonts often are, and do not matter)."""
    references = encryption.iter("CipherReference") if encryption is not None else ()
    return {unquote(reference.get("URI", "")) for reference in references}


def chapter_text(data: bytes) -> str:
    """Returns the text of a chapter."""
    decoded = charset.decode(data)
    return fragment_text(decoded.text) if decoded is not None else ""
