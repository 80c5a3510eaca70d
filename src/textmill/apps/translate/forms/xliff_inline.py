"""The inline codes of XLIFF as markers: <g>, <pc> and <mrk> are pairs, so are <bpt>…<ept>, <bx/>…<ex/>, <sc/>…<ec/>.

What is escaped in a text as &lt;b&gt; is a tag as well, of the file that the text came from.
"""

import html
import re

from textmill.apps.translate.forms.html import TAG
from textmill.apps.translate.forms.inline import TAG as ESCAPED_TAG
from textmill.apps.translate.forms.inline import Inline
from textmill.apps.translate.forms.wrapping import WIDE

PAIRS = frozenset({"g", "pc", "mrk"})
OPENING = {"bpt": ("rid", "id"), "bx": ("rid", "id"), "sc": ("id",), "sm": ("id",)}
CLOSING = {
    "ept": ("bpt", ("rid", "id")),
    "ex": ("bx", ("rid", "id")),
    "ec": ("sc", ("startRef", "id")),
    "em": ("sm", ("startRef",)),
}
CODES = frozenset({"bpt", "ept", "ph", "it", "x", "bx", "ex", "sc", "ec", "sm", "em", "cp"})
BLANKS = re.compile(r"[ \t\r\n]*[\r\n][ \t\r\n]*")
ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});")


def local(name: str) -> str:
    """Returns a name without its prefix."""
    return name.rpartition(":")[2]


def attribute(tag: str, name: str) -> str:
    """Returns an attribute of a tag, "" where it has none of that name."""
    match = re.search(rf"""\s{re.escape(name)}\s*=\s*(?:"([^"]*)"|'([^']*)')""", tag)
    return html.unescape(match[1] or match[2] or "") if match else ""


def escape(text: str) -> str:
    """Returns text as XML has it."""
    return html.escape(text, quote=False)


def xliff_inline(content: str, *, numbers: bool, keeps_blanks: bool) -> Inline:
    """Returns the content of a source."""
    inline, at = Inline(escape, numbers=numbers), 0
    while match := TAG.search(content, at):
        say(inline, content[at : match.start()], keeps_blanks=keeps_blanks)
        at = match.end()
        if match[0].startswith("<![CDATA["):
            said = match[0][9:-3]
            inline.say(said, escape(said))
            continue
        name = local(match["name"] or "")
        closed = (match["rest"] or "").endswith("/")
        if name in CODES and not closed and not match["slash"]:
            end = re.compile(rf"</(?:[\w.-]+:)?{name}\s*>").search(content, at)
            at = end.end() if end else at
        code(inline, content[match.start() : at], match, name, closed=closed)
    say(inline, content[at:], keeps_blanks=keeps_blanks)
    return inline


def code(inline: Inline, raw: str, match: re.Match[str], name: str, *, closed: bool) -> None:
    """Adds one inline code."""
    if name in OPENING:
        inline.opens(f"{name} {identity(match[0], OPENING[name])}", raw, weak=True)
    elif name in CLOSING:
        opening, names = CLOSING[name]
        inline.closes(f"{opening} {identity(match[0], names)}", raw, weak=True)
    elif name not in PAIRS or closed:
        (inline.thing if name in PAIRS or not name else inline.word)(raw)
    elif match["slash"]:
        inline.closes(name, raw)
    else:
        inline.opens(name, raw)


def identity(tag: str, names: tuple[str, ...]) -> str:
    """Returns the first of some attributes that a tag has."""
    return next((value for name in names if (value := attribute(tag, name))), "")


def say(inline: Inline, raw: str, *, keeps_blanks: bool) -> None:
    """Adds text; tags that are escaped in it are tags."""
    text = ENTITY.sub(lambda match: html.unescape(match[0]), raw)
    if not keeps_blanks:
        text = BLANKS.sub(blank, text)
    at = 0
    for match in ESCAPED_TAG.finditer(text):
        inline.say(text[at : match.start()], escape(text[at : match.start()]))
        tag, at = escape(match[0]), match.end()
        if match[1]:
            inline.closes(f"&{match[2]}", tag, weak=True)
        elif match[3].endswith("/"):
            inline.thing(tag)
        else:
            inline.opens(f"&{match[2]}", tag, weak=True)
    inline.say(text[at:], escape(text[at:]))


def blank(match: re.Match[str]) -> str:
    """Returns what a line's end is between two words: a blank, but nothing between Chinese characters."""
    text = match.string
    before, behind = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    return "" if re.match(WIDE, before) and re.match(WIDE, behind) else " "
