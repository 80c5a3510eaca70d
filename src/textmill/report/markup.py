"""HTML that cannot be broken from within: whatever is no `Markup` is text, and text is escaped.

A report shows what the internet wrote. Besides `<`, `&` and quotes, text can do harm with characters that reorder what
stands around them (bidirectional controls) or that cannot be seen; they are shown by their numbers instead.
"""

import re
from collections.abc import Iterable
from html import escape

UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
LONE_SURROGATES = re.compile("[\ud800-\udfff]")
NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
EMPTY_ELEMENTS = frozenset(("meta", "br"))
"""What HTML closes by itself; SVG's shapes are not among them, one in another is not drawn."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | Iterable["Content"] | None
"""Markup as it is, other text to be escaped, any of them in any order; None is nothing."""


def visible(text: str) -> str:
    """Returns `text` with every character that hides or reorders others shown as ⟨U+202E⟩."""
    text = LONE_SURROGATES.sub("\ufffd", text)
    return UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def escaped(content: Content) -> str:
    """Returns the HTML of some content."""
    if content is None:
        return ""
    if isinstance(content, Markup):
        return str(content)
    if isinstance(content, str):
        return escape(visible(content))
    return "".join(escaped(part) for part in content)


def element(name: str, /, *content: Content, **attributes: object) -> Markup:
    """Returns ``<name …>content</name>``.

    An attribute is named as in Python (``class_``, ``aria_label``); None and False leave it out, True is bare.
    """
    parts = [name]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-") if key != "viewBox" else key
        if key not in ("viewBox", "preserveAspectRatio") and not NAME.fullmatch(attribute):
            raise ValueError(f"not an attribute's name: {key!r}")
        if value is True:
            parts.append(attribute)
        elif value is not None and value is not False:
            parts.append(f'{attribute}="{escape(visible(str(value)), quote=True)}"')
    opening = f"<{' '.join(parts)}>"
    return Markup(opening if name in EMPTY_ELEMENTS else f"{opening}{escaped(content)}</{name}>")


def joined(*content: Content) -> Markup:
    """Returns some content as one piece of markup."""
    return Markup(escaped(content))


def foreign(text: str, *, language: str = "", class_: str | None = None) -> Markup:
    """Returns text that others wrote: it has its own direction and language and cannot change its neighbours'."""
    known = language if NAME.fullmatch(language.lower()) and language != "und" else None
    return element("bdi", text, dir="auto", lang=known, class_=class_)
