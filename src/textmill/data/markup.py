"""Changes to a page's markup that keep resiliparse's main content from losing text; both are undone or invisible after it.

Its rules leave out two things that are writing (seen with resiliparse 2.0.1):

- a text node of a single sign of three bytes, meant for icon fonts and arrows: the full stop of ``你好<b>世界</b>。``, the word
  of ``<b>甲</b>``;
- every ``<ul>`` less than three levels below the body, meant for menus: the ingredients of a recipe on a plain page.
"""

import re

MARK = "\ufdd0"
"""A code point that Unicode keeps free for use inside a program."""
LONE_SIGN = re.compile(
    r">(\s*(?:[\u0900-\u1fff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\u3001-\u3003\u3008-\u301b\uff01-\uff5e‘’“”—…]"
    r"|&(?:[lr][sd]quo|mdash|hellip);))(?=\s*<)"
)
LIST_OR_LINK = re.compile(r"<(/?)(ul|a)\b[^>]*>", re.I)
TAG = re.compile(r"<[^>]*>")
DEPTH = 3
LONGEST_MARKUP = 4_000_000
"""Larger pages are parsed as they are: they are tables and dumps, and the expressions would take their time."""


def prepare(markup: str) -> str:
    """Returns the markup to parse when the main content is wanted."""
    return markup if len(markup) > LONGEST_MARKUP else deepen_lists(mark_lone_signs(markup))


def mark_lone_signs(markup: str) -> str:
    """Returns the markup with an invisible mark beside each sign of writing that stands alone between two tags."""
    return LONE_SIGN.sub(rf">\1{MARK}", markup)


def deepen_lists(markup: str) -> str:
    """Returns the markup with lists whose text is mostly no links wrapped in divisions, which show in no text."""
    parts: list[str] = []
    done = 0
    for start, end in content_lists(markup):
        parts += [markup[done:start], "<div>" * DEPTH, markup[start:end], "</div>" * DEPTH]
        done = end
    return "".join([*parts, markup[done:]]) if parts else markup


def content_lists(markup: str) -> list[tuple[int, int]]:
    """Returns (start, end) of the outermost <ul> elements with more text outside links than inside."""
    found: list[tuple[int, int]] = []
    depth = start = linked = 0
    link = -1
    for tag in LIST_OR_LINK.finditer(markup):
        closing, name = bool(tag[1]), tag[2].lower()
        if name == "ul" and not closing:
            if depth == 0:
                start, linked, link = tag.start(), 0, -1
            depth += 1
        elif name == "ul" and depth:
            depth -= 1
            if depth == 0 and text_length(markup[start : tag.end()]) > 2 * linked:
                found.append((start, tag.end()))
        elif name == "a" and depth:
            if closing and link >= 0:
                linked += text_length(markup[link : tag.start()])
            link = -1 if closing else tag.end()
    return found


def text_length(markup: str) -> int:
    """Returns how many characters of a piece of markup are neither tags nor blanks."""
    return sum(map(len, TAG.sub("", markup).split()))
