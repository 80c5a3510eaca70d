"""From a web page to its text: the article without navigation, and what the page says about itself.

resiliparse parses (lexbor, what browsers' parsers do with broken markup) and finds the main content by rules over
tags and class names; paragraphs, lists and preformatted code keep their form.
"""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from textmill.data.markup import MARK, prepare, too_deep

TITLES = ("og:title", "twitter:title", "dc.title")
DATES = (
    "article:published_time", "datepublished", "date", "dc.date", "dcterms.date", "dcterms.created", "pubdate",
    "publishdate", "publish_date", "publication_date", "og:published_time", "article:modified_time", "last-modified",
)  # fmt: skip
LICENCES = ("dcterms.license", "dc.rights", "license", "licence", "copyright")
AUTHORS = ("author", "dc.creator", "article:author")
DESCRIPTIONS = ("description", "og:description")
NOT_CONTENT = (
    "nav", "[role=navigation]", "[role=banner]", "[role=contentinfo]", "[role=search]", "[role=dialog]",
    ".cookie-notice", ".cookie-banner", ".cookies", ".advertisement", ".ad-box", ".breadcrumb", ".breadcrumbs",
)  # fmt: skip
"""Left out of the main content besides what resiliparse leaves out itself."""
HEAD_CHARACTERS = 200_000
META = re.compile(r"<meta\s[^>]{1,4000}>", re.I)
ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
LINKED_DATA_DATE = re.compile(r"\"datePublished\"\s*:\s*\"([^\"]{4,64})\"")
SHORT_PAGE, FORUM_RATIO = 250, 3
MENU_SEPARATOR = re.compile(r"[ \t]+[|·•»›｜][ \t]+")  # text data
MENU_ENTRY = re.compile(r"[^\W_][\w '’&,+-]{0,31}")
LONGEST_MENU = 200
ISO_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})")  # text data
BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The text of a web page and what the page says about itself."""

    text: str
    title: str = ""
    date: str = ""
    language: str = ""
    url: str = ""
    licence: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


def read_page(markup: str, extraction: str) -> Page:
    """Returns the page; `extraction` is "fast" for the main content or "everything" for all visible text."""
    if too_deep(markup):
        extraction = "everything"
    tree = HTMLTree.parse(prepare(markup) if extraction == "fast" else markup)
    metas = meta_elements(markup)
    described = {"author": first(metas, AUTHORS), "description": first(metas, DESCRIPTIONS)}
    return Page(
        text=page_text(tree, extraction),
        title=page_title(tree, metas).replace(MARK, ""),
        date=page_date(markup, tree, metas),
        language=attribute(tree, "html[lang]", "lang") or first(metas, ("content-language", "language", "og:locale")),
        url=attribute(tree, "link[rel~=canonical]", "href") or first(metas, ("og:url",)),
        licence=attribute(tree, "[rel~=license]", "href") or first(metas, LICENCES),
        meta={name: value for name, value in described.items() if value},
    )


def page_text(tree: HTMLTree, extraction: str) -> str:
    """Returns the main content or all visible text, blank lines single."""
    if extraction != "fast":
        return BLANK_LINES.sub("\n\n", plain_text(tree))
    text = plain_text(tree, main_content=True, comments=False, skip_elements=NOT_CONTENT)
    if len(text) < SHORT_PAGE:  # on a forum the posts may be marked as comments, and are the content
        whole = plain_text(tree, main_content=True, comments=True, skip_elements=NOT_CONTENT)
        text = whole if len(whole) > FORUM_RATIO * len(text) else text
    return BLANK_LINES.sub("\n\n", without_menu_lines(text.replace(MARK, ""))).strip("\n")


def plain_text(tree: HTMLTree, **options: Any) -> str:
    """Returns the text of a page with its paragraphs, lists and code as lines, without links, pictures and forms."""
    return extract_plain_text(tree, preserve_formatting=True, list_bullets=True, alt_texts=False, **options)


def without_menu_lines(text: str) -> str:
    """Returns the text without lines such as "Home | New posts | Log in": a menu that is a line and not a list."""
    if not MENU_SEPARATOR.search(text):
        return text
    return "\n".join(line for line in text.split("\n") if not is_menu_line(line))


def is_menu_line(line: str) -> bool:
    """True for three or more short entries between separators, of words only: code has other signs as well."""
    entries = MENU_SEPARATOR.split(line) if len(line) <= LONGEST_MENU else []
    return len(entries) >= 3 and all(MENU_ENTRY.fullmatch(entry) and len(entry.split()) <= 5 for entry in entries)


def meta_elements(markup: str) -> dict[str, str]:
    """Returns {lower-case name: content} of the page's meta elements; the first of a name counts.

    By expression and not from the tree: resiliparse takes 0.1 ms to hand over each element, more than the whole
    extraction of a page with forty of them.
    """
    values: dict[str, str] = {}
    for element in META.findall(markup, 0, HEAD_CHARACTERS):
        attributes = {
            match[1].lower(): unescape(match[2] or match[3] or match[4] or "") for match in ATTRIBUTE.finditer(element)
        }
        names = [attributes[name] for name in ("property", "name", "itemprop", "http-equiv") if attributes.get(name)]
        content = attributes.get("content", "").strip()
        if names and content:
            values.setdefault(names[0].strip().lower(), content)
    return values


def first(values: dict[str, str], names: tuple[str, ...]) -> str:
    """Returns the first of the named values that is there, or ""."""
    return next((values[name] for name in names if name in values), "")


def attribute(tree: HTMLTree, selector: str, name: str) -> str:
    """Returns an attribute of the first element that matches, or ""."""
    element = tree.document.query_selector(selector) if tree.document is not None else None
    return (element.getattr(name) or "").strip() if element is not None else ""


def page_title(tree: HTMLTree, metas: dict[str, str]) -> str:
    """Returns the page's title: what it tells other sites, else its title element, else its first heading."""
    title = first(metas, TITLES) or tree.title or ""
    if not title.strip() and tree.document is not None:
        heading = tree.document.query_selector("h1")
        title = (heading.text or "") if heading is not None else ""
    return " ".join(title.split())


def page_date(markup: str, tree: HTMLTree, metas: dict[str, str]) -> str:
    """Returns the date as YYYY-MM-DD where the page gives one in that order, else as the page writes it, else ""."""
    date = first(metas, DATES)
    if not date and (found := LINKED_DATA_DATE.search(markup)):
        date = found[1]
    date = date or attribute(tree, "time[datetime]", "datetime")
    found = ISO_DATE.search(date)
    if found:
        year, month, day = (int(part) for part in found.groups())
        return f"{year:04}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else date
    return " ".join(date.split())[:64]
