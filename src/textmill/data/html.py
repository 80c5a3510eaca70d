"""From a web page to its text: the article without navigation, and what the page says about itself.

resiliparse parses (lexbor, what browsers' parsers do with broken markup) and finds the main content by rules over tags and
class names; paragraphs, lists and preformatted code keep their form.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

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
ISO_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})")
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
    tree = HTMLTree.parse(markup)
    metas = meta_elements(tree)
    described = {"author": first(metas, AUTHORS), "description": first(metas, DESCRIPTIONS)}
    return Page(
        text=page_text(tree, extraction),
        title=page_title(tree, metas),
        date=page_date(tree, metas),
        language=attribute(tree, "html[lang]", "lang") or first(metas, ("content-language", "language", "og:locale")),
        url=attribute(tree, "link[rel~=canonical]", "href") or first(metas, ("og:url",)),
        licence=attribute(tree, "[rel~=license]", "href") or first(metas, LICENCES),
        meta={name: value for name, value in described.items() if value},
    )


def page_text(tree: HTMLTree, extraction: str) -> str:
    """Returns the main content or all visible text, blank lines single."""
    main = extraction == "fast"
    text = extract_plain_text(
        tree,
        preserve_formatting=True,
        main_content=main,
        list_bullets=True,
        alt_texts=False,
        links=False,
        form_fields=False,
        noscript=False,
        skip_elements=NOT_CONTENT if main else None,
    )
    return BLANK_LINES.sub("\n\n", text)


def meta_elements(tree: HTMLTree) -> dict[str, str]:
    """Returns {lower-case name: content} of the page's meta elements; the first of a name counts."""
    values: dict[str, str] = {}
    if tree.document is None:
        return values
    for element in tree.document.query_selector_all("meta[content]"):
        name = element.getattr("property") or element.getattr("name") or element.getattr("itemprop")
        name = name or element.getattr("http-equiv") or ""
        content = (element.getattr("content") or "").strip()
        if name and content:
            values.setdefault(name.lower(), content)
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
        title = heading.text if heading is not None else ""
    return " ".join(title.split())


def page_date(tree: HTMLTree, metas: dict[str, str]) -> str:
    """Returns the date as YYYY-MM-DD where the page gives one in that order, else as the page writes it, else ""."""
    date = first(metas, DATES) or attribute(tree, "time[datetime]", "datetime")
    found = ISO_DATE.search(date)
    if found:
        year, month, day = (int(part) for part in found.groups())
        return f"{year:04}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else date
    return " ".join(date.split())[:64]
