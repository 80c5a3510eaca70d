"""Changes to a page's markup that keep resiliparse's main content from losing text; neither shows in the result.

Its rules leave out two things that are writing (seen with resiliparse 2.0.1):

- a text node of a single sign of three bytes, meant for icon fonts and arrows: the full stop of
  ``你好<b>世界</b>。``, the word of ``<b>甲</b>``;
- every ``<ul>`` less than three levels below the body, meant for menus: the ingredients of a recipe on a plain page.
"""

import re

MARK = "\ufdd0"
"""A code point that Unicode keeps free for use inside a program."""
LONE_SIGN = re.compile(
    r">(\s*(?:[\u0900-\u1fff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\u3001-\u3003\u3008-\u301b\uff01-\uff5e‘’“”—…]"
    r"|&(?:[lr][sd]quo|mdash|hellip);))(?=\s*<)"
)
LIST_OR_LINK = re.compile(r"<(/?)(ul|li|a)\b([^>]*)>", re.I)
MENU_NAME = re.compile(r"nav|menu|crumb|pag(?:er|ination)|foot|social|share|sidebar|tags|tabs", re.I)
NESTING_TAG = re.compile(
    r"<(/?)(?:div|section|article|main|span|b|i|em|strong|font|center|blockquote|table|ul|ol|dl|a)\b", re.I
)
DEPTH = 3
DEEPEST = 256
"""Browsers stop at 512 levels. The main content of 10,000 nested divisions takes resiliparse 20 s (it walks up to the
body from every one), all visible text of a million 4 s."""
LONGEST_MARKUP = 4_000_000
"""Larger pages are parsed as they are: they are tables and dumps, and the expressions would take their time."""


def prepare(markup: str) -> str:
    """Returns the markup to parse when the main content is wanted."""
    return markup if len(markup) > LONGEST_MARKUP else deepen_lists(mark_lone_signs(markup))


def mark_lone_signs(markup: str) -> str:
    """Returns the markup with an invisible mark beside each sign of writing that stands alone between two tags."""
    return LONE_SIGN.sub(rf">\1{MARK}", markup)


def deepen_lists(markup: str) -> str:
    """Returns the markup with the lists that are content wrapped in divisions, which show in no text."""
    parts: list[str] = []
    done = 0
    for start, end in content_lists(markup):
        parts += [markup[done:start], "<div>" * DEPTH, markup[start:end], "</div>" * DEPTH]
        done = end
    return "".join([*parts, markup[done:]]) if parts else markup


def content_lists(markup: str) -> list[tuple[int, int]]:
    """Returns (start, end) of the outermost <ul> elements that are no menus: not named so, and most items no links."""
    found: list[tuple[int, int]] = []
    depth = start = items = links = 0
    menu = False
    for tag in LIST_OR_LINK.finditer(markup):
        closing, name = bool(tag[1]), tag[2].lower()
        if name == "ul":
            if depth == 0 and not closing:
                start, items, links, menu = tag.start(), 0, 0, bool(MENU_NAME.search(tag[3]))
            depth = max(0, depth - 1) if closing else depth + 1
            if closing and depth == 0 and not menu and items > 2 * links:
                found.append((start, tag.end()))
        elif depth and not closing:
            items, links = items + (name == "li"), links + (name == "a")
    return found


def too_deep(markup: str) -> bool:
    """True when elements are nested so deeply that only a mistake or malice can have made the page."""
    depth = 0
    for tag in NESTING_TAG.finditer(markup):
        depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > DEEPEST:
            return True
    return False
