"""RSS (0.9 to 2.0) and Atom: one document an item, its content where the feed brings it, else its summary."""

import re
from email.utils import parsedate_to_datetime
from html.entities import html5
from xml.etree.ElementTree import Element

from textmill.config import CorpusSettings
from textmill.data import charset, safe_xml
from textmill.data.formats_in.fragments import fragment_text
from textmill.data.formats_in.problem import Unreadable
from textmill.data.mapping import Fields

DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
OF_XML = frozenset(("amp", "lt", "gt", "quot", "apos"))
CONTENT = ("encoded", "content", "description", "summary", "subtitle")
DATES = ("published", "pubDate", "date", "updated", "issued")


def read(data: bytes, settings: CorpusSettings) -> list[Fields]:
    """Returns the fields of a feed's items; Unreadable when it is no XML."""
    decoded = charset.decode(data)
    if decoded is None:
        raise Unreadable("undecodable")
    text = NAMED.sub(known_entity, DECLARATION.sub("", decoded.text.lstrip("\ufeff")))
    try:
        root = safe_xml.tree(text.encode("utf-8", "replace"), "utf-8")
    except safe_xml.XMLProblem as problem:
        raise Unreadable("bad_xml", problem) from problem
    channel = next(root.iter("channel"), root)
    about = {"feed": safe_xml.text_of(channel.find("title"))}
    language = root.get("lang") or safe_xml.text_of(channel.find("language"))
    licence = safe_xml.text_of(first(channel, ("rights", "copyright")))
    meta = {name: value for name, value in about.items() if value}
    return [item_fields(item, language, licence, meta) for item in root.iter() if item.tag in ("item", "entry")]


def known_entity(found: re.Match[str]) -> str:
    """Returns the character of a name that HTML knows and XML does not: feeds are full of them."""
    name = found[1]
    return found[0] if name in OF_XML else html5.get(f"{name};", found[0])


def first(element: Element, names: tuple[str, ...]) -> Element | None:
    """Returns the first child that has one of the names, in the order of the names."""
    return next((child for name in names for child in element.findall(name)), None)


def item_fields(item: Element, language: str, licence: str, meta: dict[str, str]) -> Fields:
    """Returns the fields of an item."""
    title = fragment_text(safe_xml.text_of(item.find("title")))
    content = next(
        (child for name in CONTENT for child in item.findall(name) if len(child) or (child.text or "").strip()), None
    )
    text = content_text(content) if content is not None else ""
    author = item.find("author")
    if author is not None and author.find("name") is not None:
        author = author.find("name")
    name = safe_xml.text_of(author if author is not None else item.find("creator"))
    date = item_date(safe_xml.text_of(first(item, DATES)))
    about = {**meta, "author": name} if name else meta
    text = text if text.startswith(title) else f"{title}\n\n{text}"
    return Fields(
        text=text if text.strip() != title else "",
        title=title,
        url=item_link(item),
        date=date,
        language=language or item.get("lang", ""),
        licence=licence,
        meta=about,
    )


def content_text(element: Element) -> str:
    """Returns the text of an item's content: HTML as text, or XHTML as elements."""
    from xml.etree.ElementTree import tostring

    if len(element):
        return fragment_text(tostring(element, encoding="unicode"))
    return fragment_text(element.text or "")


def item_link(item: Element) -> str:
    """Returns an item's address."""
    links = item.findall("link")
    alternate = [link for link in links if link.get("rel", "alternate") == "alternate"]
    for link in alternate:
        if address := (link.get("href") or (link.text or "").strip()):
            return address
    guid = safe_xml.text_of(item.find("guid"))
    return guid if guid.startswith("http") else ""


def item_date(text: str) -> str:
    """Returns a date as YYYY-MM-DD where it can be read, else as it is."""
    if re.match(r"\d{4}-\d\d-\d\d", text):
        return text[:10]
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return text[:64]
