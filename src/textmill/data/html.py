"""From a web page to its text: the article without navigation, and what the page says about itself.

fast         the main text, by a small model over the page's blocks (extract/)
quality      the same, with trafilatura's opinion: slower and better
union        what either of them takes for the main text
everything   all visible text, by resiliparse
"""

import re
from dataclasses import dataclass, field
from typing import Any

from textmill.data.extract import metadata
from textmill.data.extract.article import Article, find_article
from textmill.data.extract.tokens import Tokens, read

BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The text of a web page and what the page says about itself; `heading` is the text's first line, if it has one."""

    text: str
    title: str = ""
    date: str = ""
    language: str = ""
    url: str = ""
    licence: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    heading: str = ""


def read_page(markup: str, extraction: str) -> Page:
    """Returns the page; `extraction` is one of corpus.extraction's choices: fast, quality, union, everything."""
    tokens = read(markup)
    metas = metadata.meta_elements(tokens.notes)
    objects = metadata.linked_objects(tokens.scripts)
    stated = metadata.stated_article(objects)
    title = metadata.title_of(markup, tokens.title, metas, stated)
    article = page_text(markup, tokens, extraction, stated, title)
    described = {
        "author": metadata.author_of(metas, stated, tokens.shown),
        "description": metadata.first(metas, metadata.DESCRIPTIONS),
    }
    return Page(
        text=article.text,
        heading=article.heading,
        title=title,
        date=metadata.date_of(tokens.notes, metas, objects),
        language=metadata.language_of(tokens.notes, metas),
        url=metadata.canonical_of(tokens.notes, metas),
        licence=metadata.licence_of(tokens.shown, tokens.notes, metas),
        meta={name: value for name, value in described.items() if value},
    )


def page_text(markup: str, tokens: Tokens, extraction: str, stated: dict[str, Any], title: str) -> Article:
    """Returns the main text or all visible text, blank lines single."""
    if extraction == "everything":
        return Article(text=BLANK_LINES.sub("\n\n", visible_text(markup)))
    body = stated.get("articleBody")
    body = "".join(body.split()) if isinstance(body, str) else ""
    return find_article(markup, tokens, extraction, body=body, title=title)


def visible_text(markup: str) -> str:
    """Returns the text of a page with its paragraphs, lists and code as lines, without links, pictures and forms."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    return extract_plain_text(HTMLTree.parse(markup), preserve_formatting=True, list_bullets=True, alt_texts=False)
