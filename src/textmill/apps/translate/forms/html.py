"""HTML: the text of each block is a unit, its inline tags are markers; code, scripts and attributes stay as they are.

    <p>Press <b>Save</b>.<br>Then <code>ls</code>.</p>  ─▶  "<p>"  "Press <1>Save</1>.<2>Then <3>."  "</p>"

An element with translate="no" or the class notranslate stays as it is.
"""

import html
import re
from collections.abc import Iterator

from textmill.apps.translate.forms.inline import Inline
from textmill.apps.translate.forms.piece import FormOptions, Piece

TAG = re.compile(
    r"<!--(?:.*?-->|.*)|<!\[CDATA\[(?:.*?\]\]>|.*)|<\?(?:.*?>|.*)|<![^<>]*>"
    r"|<(?P<slash>/?)(?P<name>[A-Za-z][^\s/<>]*)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.S,
)
LONGEST_INLINE = 200_000
"""Characters in which an inline element that stays as it is must end."""
SPACE = re.compile(r"[ \t\r\n\f]+")
ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
SAID = re.compile(r"[\w&<>\"'\u2010-\u2026\u00a1-\u00ac\u00ae-\u00bf\u3000-\u303f\uff00-\uffef]")
"""What an entity may stand for to be read as text; others, such as a blank that is not broken, are things."""
STAYS = re.compile(r"""\btranslate\s*=\s*["']?no\b|\bclass\s*=\s*["'][^"']*\bnotranslate\b""", re.I)
RAW_BLOCKS = frozenset({"script", "style", "pre", "textarea", "svg", "math", "iframe", "object", "canvas", "xmp"})
NO_MARKUP = frozenset({"script", "style", "textarea", "iframe", "xmp"})
RAW_INLINE = frozenset({"code", "kbd", "samp", "var", "tt"})
VOID = frozenset({"br", "wbr", "img", "input", "hr", "meta", "link", "area", "base", "col", "embed", "source", "track"})
BLOCKS = frozenset(
    {
        *(
            "html",
            "head",
            "body",
            "title",
            "meta",
            "link",
            "base",
            "p",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "div",
        ),
        *("ul", "ol", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "col"),
        *("colgroup", "section", "article", "aside", "header", "footer", "main", "nav", "figure", "figcaption", "form"),
        *("fieldset", "legend", "select", "option", "optgroup", "blockquote", "address", "details", "summary", "video"),
        *(
            "audio",
            "source",
            "track",
            "dialog",
            "menu",
            "noscript",
            "template",
            "center",
            "frameset",
            "hgroup",
            "search",
        ),
    }
)


def escape(text: str) -> str:
    """Returns text as it is written in a page."""
    return html.escape(text, quote=False)


def say(inline: Inline, raw: str) -> None:
    """Adds the text of a page: blanks single, entities that are letters or marks read, others kept."""
    at = 0
    for match in ENTITY.finditer(raw):
        said = html.unescape(match[0])
        if len(said) == 1 and SAID.match(said):
            add(inline, raw[at : match.start()])
            inline.say(said, match[0])
        elif said != match[0]:
            add(inline, raw[at : match.start()])
            inline.word(match[0])
        else:
            continue
        at = match.end()
    add(inline, raw[at:])


def add(inline: Inline, raw: str) -> None:
    """Adds text whose blanks are those between words."""
    if raw:
        inline.say(SPACE.sub(" ", raw), raw)


def html_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the pieces of a page, or of a part of one."""
    at = start = 0
    inline = Inline(escape, numbers=options.numbers)
    while match := TAG.search(text, at):
        say(inline, text[at : match.start()])
        name = (match["name"] or "").lower()
        end = element_end(text, match, name)
        raw = text[match.start() : end]
        if name in BLOCKS or name in RAW_BLOCKS:
            yield from filter(None, [inline.unit(text[start : match.start()])])
            yield raw
            inline, start = Inline(escape, numbers=options.numbers), end
        elif not name or name in VOID or end > match.end() or match["rest"].endswith("/"):
            (inline.word if end > match.end() else inline.thing)(raw)
        elif match["slash"]:
            inline.closes(name, raw)
        else:
            inline.opens(name, raw)
        at = end
    say(inline, text[at:])
    yield from filter(None, [inline.unit(text[start:])])


def element_end(text: str, match: re.Match[str], name: str) -> int:
    """Returns where a tag ends, or the whole element where its content is not to be touched."""
    if not name or match["slash"] or match["rest"].endswith("/") or name in VOID:
        return match.end()
    if name in RAW_BLOCKS or name in RAW_INLINE or STAYS.search(match["rest"]):
        return closing(text, match.end(), name)
    return match.end()


def closing(text: str, at: int, name: str) -> int:
    """Returns the place behind the tag that closes an element; of one that is never closed, its own tag's end."""
    if name in NO_MARKUP:
        match = re.compile(rf"</{name}\b[^<>]*>", re.I).search(text, at)
        return match.end() if match else len(text)
    depth, last = 1, len(text) if name in RAW_BLOCKS else at + LONGEST_INLINE
    for match in re.compile(rf"<(/?){re.escape(name)}(?=[\s/>])[^<>]*>", re.I).finditer(text, at, last):
        depth += -1 if match[1] else not match[0].endswith("/>")
        if depth == 0:
            return match.end()
    return at
