"""The page around a report: one file that loads and runs nothing, and reads well light, dark, printed and on phones."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from textmill import i18n
from textmill.i18n import t
from textmill.report.markup import Content, Markup, element, joined

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Should a text ever get past the escaping, the browser still loads nothing for it and runs nothing of it."""
LANGUAGE_TAGS = {"en": "en", "zh": "zh-Hans"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a page: its anchor, its heading, what it holds."""

    anchor: str
    title: str
    content: Content


def figures(items: Sequence[tuple[str, str]]) -> Markup:
    """Returns the few numbers that matter most, each with what it is."""
    return element(
        "dl", (element("div", element("dt", name), element("dd", value)) for name, value in items), class_="figures"
    )


def page(title: str, lead: Content, sections: Sequence[Section]) -> str:
    """Returns a whole HTML document in the interface's language; sections without content are left out."""
    style = resources.files("textmill.report").joinpath("page.css").read_text(encoding="utf-8")
    shown = [section for section in sections if joined(section.content)]
    links = (element("li", element("a", section.title, href=f"#{section.anchor}")) for section in shown)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        element("a", t("report.skip"), href="#main", class_="skip"),
        element("header", element("h1", title), lead),
        element("nav", element("ul", links), aria_label=t("report.contents")),
        element("main", (drawn(section) for section in shown), id="main", tabindex="-1"),
        element("footer", element("p", t("report.footer"))),
    )
    return f"<!doctype html>\n{element('html', head, body, lang=LANGUAGE_TAGS[i18n.language()])}\n"


def drawn(section: Section) -> Markup:
    """Returns a section with its heading."""
    heading = element("h2", section.title, id=f"{section.anchor}-heading")
    return element("section", heading, section.content, id=section.anchor, aria_labelledby=f"{section.anchor}-heading")
