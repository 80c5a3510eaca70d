"""Markup as one flat list of tags and the text after each, in time that is linear in the page.

The markup is cut at every ``<``, which is the fastest thing that Python can do to it; nearly all pieces are then
``name>text`` or ``name attribute…>text``, and only the others get a closer look. Elements without text are passed over
here, menus and feet of pages too; what a page says about itself is noted on the way.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

INLINE, SKIP, NOTE, PICTURE, BREAK, LINK, LINK_END, CLOSE, OPEN = range(1, 10)
"""From CLOSE on a block ends or begins; up to PICTURE nothing but the text after the tag counts."""
INLINE_NAMES = (
    "b i em strong span font u s small big sub sup code cite q abbr acronym mark label wbr ins del kbd samp var tt"
    " bdi bdo ruby rb rt rp input picture source data nobr strike dfn map area col colgroup base basefont x param track"
    " embed center tbody thead tfoot head mi mo mn mrow msup msub mfrac mtext mstyle semantics annotation msqrt mover"
    " munder munderover msubsup mtable mtr mtd mspace mpadded menclose mfenced mphantom mroot mprescripts"
)
NOTED = "meta link time html math mjx-container"
SKIPPED = "script style noscript template svg iframe textarea select object canvas audio video title button nav footer"
BLOCKS = (
    "p div ul ol li dl dt dd table tr td th h1 h2 h3 h4 h5 h6 section article aside header main blockquote pre figure"
    " figcaption form fieldset details summary address body"
)
KINDS: dict[str, int] = (
    dict.fromkeys(INLINE_NAMES.split(), INLINE)
    | {f"/{name}": INLINE for name in f"{INLINE_NAMES} {NOTED} {SKIPPED}".split()}
    | dict.fromkeys(NOTED.split(), NOTE)
    | dict.fromkeys(SKIPPED.split(), SKIP)
    | dict.fromkeys(BLOCKS.split(), OPEN)
    | {f"/{name}": CLOSE for name in BLOCKS.split()}
    | {
        "img": PICTURE,
        "/img": INLINE,
        "a": LINK,
        "/a": LINK_END,
        "br": BREAK,
        "br/": BREAK,
        "/br": BREAK,
        "hr": CLOSE,
        "hr/": CLOSE,
    }
)
READ_AS_TEXT = frozenset({"script", "style", "textarea", "title"})
"""Nothing in these is a tag but their own end."""
NOT_SHOWN = frozenset({"script", "style", "!--", "svg"})
CONTENT = re.compile(r"(?:article|main|h1|body)\b", re.I)
"""A menu or foot of a page in which one of these begins was not closed: it is over."""
NAME = re.compile(r"/?[a-zA-Z][^\s/>]*")
ATTRIBUTES = re.compile(r"""[^>=]*+(?:=\s*+(?:"[^"]*+"|'[^']*+')?+[^>=]*+)*+""")
OPEN_QUOTE = re.compile(r"""=\s*"[^"]*$""")
MOST_HELD = 32
"""Pieces that an attribute with ``<`` in it may span."""

Token = tuple[int, str, str, str]
"""A tag's kind, name and attributes as written, and the text after it."""


@dataclass(slots=True)
class Tokens:
    """A page's tags; `notes` are those that say something about it, `scripts` its linked data.

    `pictures` are the attributes of pictures, `shown` is the markup without scripts, styles and comments, in which
    signs are looked for in less time.
    """

    found: list[Token] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    title: str = ""
    shown: str = ""
    formulas: int = 0


def read(markup: str) -> Tokens:
    """Returns the tags of a page."""
    first, *pieces = markup.split("<")
    result = Tokens(found=[(INLINE, "", "", first)])
    unclosed: set[str] = set()
    hidden: list[tuple[int, int]] = []
    start = 0
    while start is not None:
        # an element that is skipped but never ends takes nothing with it: each name at most once, so still linear
        start = read_from(pieces, start, unclosed, hidden, result)
    result.shown = "<".join(without(pieces, hidden))
    return result


def without(pieces: list[str], hidden: list[tuple[int, int]]) -> list[str]:
    """Returns the pieces that are in none of the ranges, which ascend."""
    shown: list[str] = []
    done = 0
    for begin, end in hidden:
        shown += pieces[done:begin]
        done = end
    return shown + pieces[done:]


def read_from(
    pieces: list[str], start: int, unclosed: set[str], hidden: list[tuple[int, int]], result: Tokens
) -> int | None:
    """Reads on; returns where to go on if an element that is skipped had no end, else None.

    Adds to `hidden` from which piece to which no tags are.
    """
    found, kinds = result.found, KINDS
    skipped, since, held = "", 0, ""
    may_end: frozenset[str] = frozenset()
    for number, piece in enumerate(islice(pieces, start, None), start):
        if skipped:
            if (may_end and piece[:2] not in may_end) or not ends(skipped, piece):
                continue
            keep(skipped, pieces[since:number], result)
            if skipped in NOT_SHOWN:
                hidden.append((since, number))
            if skipped == "!--":
                piece = f"/x>{piece.partition('-->')[2]}"
            skipped = ""
        if held:
            piece, held = f"{held}<{piece}", ""
        head, _, text = piece.partition(">")
        name, attributes = head, ""
        kind = kinds.get(head)
        if kind is None:
            name, _, attributes = head.partition(" ")
            kind = kinds.get(name)
            if kind is None or attributes.count('"') & 1:
                kind, name, attributes, text = closer_look(piece)
                if kind == 0 and piece.count("<") < MOST_HELD:
                    held = piece
                    continue
                kind = kind or INLINE
        if kind == INLINE:
            if text:
                found.append((kind, "", "", text))
            continue
        if kind == PICTURE:
            result.pictures.append(attributes)
            if text:
                found.append((INLINE, "", "", text))
            continue
        if kind == NOTE:
            result.notes.append((name, attributes))
        elif kind == SKIP and name not in unclosed:
            skipped, since, may_end = name, number, may_end_with(name)
            continue
        found.append((kind, name, attributes, text))
    if not skipped:
        return None
    unclosed.add(skipped)
    return since


@cache
def may_end_with(skipped: str) -> frozenset[str]:
    """Returns the two signs that a piece begins with in which an element that is skipped may end; none: any."""
    if skipped == "!--":
        return frozenset()
    opening = () if skipped in READ_AS_TEXT else ("ar", "ma", "h1", "bo")
    pairs = (f"/{skipped[0]}", *opening)
    return frozenset(x + y for first, second in pairs for x in (first, first.upper()) for y in (second, second.upper()))


def ends(skipped: str, piece: str) -> bool:
    """True where an element that is skipped is over: at its end, or where content shows that it was never closed."""
    if skipped == "!--":
        return "-->" in piece
    if piece.startswith("/") and piece[1 : len(skipped) + 1].lower() == skipped:
        return True
    return skipped not in READ_AS_TEXT and CONTENT.match(piece) is not None


def keep(name: str, pieces: list[str], result: Tokens) -> None:
    """Keeps what a skipped element says: the page's title, linked data, a formula in TeX."""
    if name == "title" and not result.title:
        result.title = "<".join(pieces).partition(">")[2]
    elif name == "script":
        attributes, _, content = pieces[0].partition(">")
        if "ld+json" in attributes:
            result.scripts.append("<".join([content, *pieces[1:]]))
        elif "math/tex" in attributes:
            mark = "$$" if "display" in attributes else "$"
            result.formulas += 1
            formula = "<".join([content, *pieces[1:]]).strip().replace("&", "&amp;")
            result.found.append((INLINE, "", "", f" {mark}{formula}{mark} "))


def closer_look(piece: str) -> Token:
    """Returns a tag that is not plainly ``name>`` or ``name attribute…>``; kind 0 if a quote in it is not closed.

    That is one in capitals, over several lines, with a ``>`` in quotes or of an unknown name (a container: there are
    more custom elements than known ones); or no tag at all, which makes it text.
    """
    found = NAME.match(piece)
    if not found:
        if piece.startswith("!--"):
            return (INLINE, "", "", piece.partition("-->")[2]) if "-->" in piece else (SKIP, "!--", "", "")
        if piece[:1] in ("!", "?", "/"):
            return INLINE, "", "", piece.partition(">")[2]
        return INLINE, "", "", f"<{piece}"
    name = found[0].lower()
    matched = ATTRIBUTES.match(piece, found.end())
    stop = matched.end() if matched else found.end()
    attributes = piece[found.end() : stop]
    if OPEN_QUOTE.search(piece, found.end()):
        return 0, name, attributes, ""
    kind = KINDS.get(name) or (CLOSE if name[0] == "/" else OPEN)
    if kind == OPEN and attributes.endswith("/"):
        kind = CLOSE
    return kind, name, attributes, piece[stop + 1 :]
