"""What a page says about itself: title, author, date, language, address, licence, in metas and linked data.

The tags that matter were noted when the page was read (tokens.py).
"""

import json
import re
from html import unescape
from typing import Any

TITLES = ("og:title", "twitter:title", "dc.title", "dcterms.title", "headline")
DATES = (
    "article:published_time", "datepublished", "date", "dc.date", "dcterms.date", "dcterms.created", "pubdate",
    "publishdate", "publish_date", "publication_date", "og:published_time", "sailthru.date", "parsely-pub-date",
    "citation_publication_date", "weibo:article:create_at", "article:modified_time", "last-modified",
)  # fmt: skip
LICENCES = ("dcterms.license", "dc.rights", "license", "licence", "copyright", "dcterms.rights")
AUTHORS = (
    "author", "dc.creator", "dcterms.creator", "article:author", "parsely-author", "sailthru.author",
    "citation_author", "byl", "weibo:article:author",
)  # fmt: skip
DESCRIPTIONS = ("description", "og:description")
LANGUAGES = ("content-language", "language", "og:locale")
ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
HEADING = re.compile(r"<h1\b[^>]*>(.{1,2000}?)</h1", re.I | re.S)
TAG = re.compile(r"<[^>]*>")
LICENCE_SIGN = 'rel="license'
ISO_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})")  # text data
COMPACT_DATE = re.compile(r"\b((?:19|20)\d\d)(\d\d)(\d\d)\b")
BYLINE_SIGNS = ('itemprop="author', 'rel="author', "byline", 'class="author')
BYLINE = re.compile(r"""[^<>]{0,500}>(.{1,300}?)</""", re.S)
MOST_BYLINES = 5
CHINESE_BYLINE = re.compile(r"(?:作者|记者)\s*[:：]\s*([\u3400-\u9fff·A-Za-z ]{2,20})")  # text data
BY = re.compile(r"^(?:by|von|par|作者|记者)\s*[:：]?\s+", re.I)  # text data
LONGEST_NAME, LONGEST_TITLE, LONGEST_TAG, MOST_NOTES = 100, 2000, 4000, 2000


def attributes_of(written: str) -> dict[str, str]:
    """Returns {name in lower case: value} of a tag's attributes."""
    return {
        found[1].lower(): unescape(found[2] or found[3] or found[4] or "").strip()
        for found in ATTRIBUTE.finditer(written, 0, LONGEST_TAG)
    }


def meta_elements(notes: list[tuple[str, str]]) -> dict[str, str]:
    """Returns {lower-case name: content} of the page's meta elements; the first of a name counts."""
    values: dict[str, str] = {}
    for tag, written in notes[:MOST_NOTES]:
        if tag != "meta":
            continue
        attributes = attributes_of(written)
        names = [attributes[name] for name in ("property", "name", "itemprop", "http-equiv") if attributes.get(name)]
        if names and attributes.get("content"):
            values.setdefault(names[0].strip().lower(), attributes["content"])
    return values


def first(values: dict[str, str], names: tuple[str, ...]) -> str:
    """Returns the first of the named values that is there, or ""."""
    return next((values[name] for name in names if name in values), "")


def linked_objects(scripts: list[str]) -> list[dict[str, Any]]:
    """Returns the objects of a page's linked data, also those inside others; what is no JSON is passed over."""
    found: list[dict[str, Any]] = []
    for script in scripts:
        try:
            waiting = [json.loads(script, strict=False)]
        except (ValueError, RecursionError):
            continue
        while waiting and len(found) < 1000:
            value = waiting.pop()
            if isinstance(value, dict):
                found.append(value)
                waiting += value.values()
            elif isinstance(value, list):
                waiting += reversed(value)
    return found


def stated_article(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the object of linked data that describes the page's article, or {}."""
    with_body = [value for value in objects if isinstance(value.get("articleBody"), str)]
    if with_body:
        return max(with_body, key=lambda value: len(value["articleBody"]))
    return next((value for value in objects if "datePublished" in value or "headline" in value), {})


def author_of(metas: dict[str, str], article: dict[str, Any], markup: str) -> str:
    """Returns the names of those who wrote the page, separated by commas, or ""."""
    stated = article.get("author")
    named = [value.get("name") if isinstance(value, dict) else value for value in as_list(stated)]
    names = [name for name in named if isinstance(name, str) and plausible(name)]
    if names:
        return ", ".join(dict.fromkeys(clean_name(name) for name in names))
    author = first(metas, AUTHORS)
    if author and plausible(author):
        return clean_name(author)
    return byline(markup)


def byline(markup: str) -> str:
    """Returns the name in an element that is called author or byline, or after 作者 or 记者; else ""."""  # text data
    for sign in BYLINE_SIGNS:
        at = -1
        for _ in range(MOST_BYLINES):
            at = markup.find(sign, at + 1)
            if at < 0:
                break
            start = markup.rfind("<", 0, at)
            found = BYLINE.match(markup, at) if start >= 0 and markup.find(">", start, at) < 0 else None
            name = clean_name(TAG.sub(" ", found[1])) if found else ""
            if name and plausible(name) and len(name.split()) <= 6:
                return name
    if "作者" in markup or "记者" in markup:  # text data
        found = CHINESE_BYLINE.search(markup)
        return clean_name(found[1]) if found else ""
    return ""


def as_list(value: Any) -> list[Any]:
    """Returns a list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def plausible(name: str) -> bool:
    """True for what may be a name: short and no address of a page."""
    return 1 < len(name.strip()) <= LONGEST_NAME and "://" not in name and not name.startswith(("/", "@", "{"))


def clean_name(name: str) -> str:
    """Returns a name without "by" before it."""
    return BY.sub("", " ".join(unescape(name).split())).strip(" ,|")


def title_of(markup: str, element: str, metas: dict[str, str], article: dict[str, Any]) -> str:
    """Returns the page's title: what it tells other sites, else its title element, else its first heading."""
    title = first(metas, TITLES)
    if not title and isinstance(article.get("headline"), str):
        title = unescape(article["headline"])
    title = title if title.strip() else unescape(element)
    if not title.strip() and (found := HEADING.search(markup)):
        title = unescape(TAG.sub("", found[1]))
    return " ".join(title.split())[:LONGEST_TITLE]


def date_of(notes: list[tuple[str, str]], metas: dict[str, str], objects: list[dict[str, Any]]) -> str:
    """Returns the date as YYYY-MM-DD where the page gives one in that order, else as the page writes it, else ""."""
    date = first(metas, DATES)
    if not date:
        stated = (value.get("datePublished") or value.get("pubDate") for value in objects)
        date = next((value for value in stated if isinstance(value, str)), "")
    if not date:
        times = (attributes_of(written).get("datetime", "") for tag, written in notes if tag == "time")
        date = next((time for time in times if len(time) >= 4), "")
    for expression in (ISO_DATE, COMPACT_DATE):
        if found := expression.search(date):
            year, month, day = (int(part) for part in found.groups())
            return f"{year:04}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else date
    return " ".join(date.split())[:64]


def canonical_of(notes: list[tuple[str, str]], metas: dict[str, str]) -> str:
    """Returns the page's own address, or ""."""
    for tag, written in notes:
        if tag == "link" and "canonical" in written:
            attributes = attributes_of(written)
            if "canonical" in attributes.get("rel", "").lower().split():
                return attributes.get("href", "")
    return first(metas, ("og:url",))


def licence_of(markup: str, notes: list[tuple[str, str]], metas: dict[str, str]) -> str:
    """Returns the address or the words of the licence that the page names, or ""."""
    for tag, written in notes:
        if tag == "link" and "license" in written:
            attributes = attributes_of(written)
            if "license" in attributes.get("rel", "").lower().split():
                return attributes.get("href", "")
    at = markup.find(LICENCE_SIGN)
    if at >= 0:
        start, end = markup.rfind("<", 0, at), markup.find(">", at)
        return attributes_of(markup[start:end]).get("href", "")
    return first(metas, LICENCES)


def language_of(notes: list[tuple[str, str]], metas: dict[str, str]) -> str:
    """Returns the language that the page says it is in, or ""."""
    for tag, written in notes:
        if tag == "html" and (stated := attributes_of(written).get("lang")):
            return stated
    return first(metas, LANGUAGES)
