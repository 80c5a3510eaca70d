r"""Markdown: paragraphs, headings, list items, quotations and table cells are units; code and front matter stay.

    - [ ] See `x`,  ─▶  "- [ ] "  "See <1>, then it ends."  "\n"
      then it ends.

A paragraph broken into lines is broken again at the same width, in languages with blanks; in others a line's end would
be a blank, so there it becomes one line. Line by line: what a line is, is seen from its beginning and what is open.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise

from textmill.apps.translate.forms.html import html_pieces
from textmill.apps.translate.forms.markdown_inline import TOKEN, at_start, markdown_inline
from textmill.apps.translate.forms.markdown_marks import settled
from textmill.apps.translate.forms.piece import FormOptions, Piece, Unit
from textmill.apps.translate.forms.plain import END, lines
from textmill.apps.translate.forms.wrapping import columns, unwrapped, wrapped
from textmill.apps.translate.languages import UNSPACED

FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*(?:\r\n|\n|\r).*?(?:\r\n|\n|\r)\1[ \t]*(?:\r\n|\n|\r|\Z)", re.S)
LABEL = re.compile(r"^[ >\t]*\[(?!\^)([^\[\]]+)\]:", re.M)
QUOTE, ITEM = r"[ ]{0,3}>[ \t]?", r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]+(?:\[[ xX]\][ \t]+)?|$)"
CONTAINER = re.compile(rf"(?:{QUOTE}|{ITEM})*(?:[ \t]*\[\^[^\]\s]+\]:[ \t]*)?[ \t]*")
HAS_ITEM = re.compile(rf"(?:{QUOTE})*{ITEM}")
INDENTED = re.compile(r"(?:[ ]{0,3}>[ ]?)*(?:[ ]{4}|[ ]{0,3}\t)")
FENCE = re.compile(r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})|(?P<math>\$\$)(?![^$]*\$\$)|(?P<block>:::)")
RULE = re.compile(r"(?:[ ]{0,3}>[ ]?)*\s{0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|=+|-+)\s*$")
HEADING = re.compile(r"(#{1,6}[ \t]+)(.*?)([ \t]+#+[ \t]*|[ \t]*(?:\{#[^{}]*\})?[ \t]*)$")
DEFINITION = re.compile(r"\[(?!\^)[^\[\]]+\]:\s*\S|\{%.*%\}\s*$|:::|!!!|\[TOC\]\s*$")
TABLE_RULE = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
HTML_BLOCK = re.compile(
    r"</?(?:address|article|aside|blockquote|body|center|dd|details|dialog|div|dl|dt|fieldset|figcaption|figure|footer"
    r"|form|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|nav|ol|option|p|section|source|summary|table"
    r"|tbody|td|tfoot|th|thead|title|tr|ul|video)(?=[\s/>]|$)|<!--|<(?:script|pre|style|textarea)(?=[\s>]|$)"
    r"|</?[A-Za-z][\w-]*(?:[^<>]*)>\s*$",
    re.I,
)
UNTIL = (
    ("<!--", "-->"),
    ("<script", "</script>"),
    ("<pre", "</pre>"),
    ("<style", "</style>"),
    ("<textarea", "</textarea>"),
)
CELL = re.compile(r"(?:\\.|(?P<ticks>`+)(?:(?!(?P=ticks)).)+(?P=ticks)|[^|\\])*")
HARD = re.compile(r"(?: {2,}|\\)$")
NEVER = r"[-+*>#=|~`]|\d{1,9}[.)]|:::"


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads a document line by line."""

    options: FormOptions
    labels: set[str]
    until: Callable[[str], bool] | None = None
    """What ends the block of code, mathematics or HTML that is open."""
    html: str | None = None
    table: bool = False
    item: int = 0
    """The column from which on the text of an open list item stands."""
    paragraph: list[tuple[str, str, str]] = field(default_factory=list)

    def read(self, text: str) -> Iterator[Piece]:
        """Yields the pieces of a document."""
        for line, following in pairwise(chain(lines(text), [""])):
            yield from self.line(line, following)
        yield from self.flush()
        if self.html is not None:
            yield from html_pieces(self.html, self.options)

    def line(self, line: str, following: str) -> Iterator[Piece]:
        """Yields what one line brings to an end."""
        body = END.sub("", line)
        if self.until is not None:
            done = self.until(body)
            self.until = None if done else self.until
            yield from self.take(line, done)
            return
        if RULE.match(body) or not body.strip(" \t>"):
            self.table = False
            yield from self.flush()
            yield line
            return
        head = CONTAINER.match(body)
        prefix, rest = (head[0], body[head.end() :]) if head else ("", body)
        item = HAS_ITEM.match(body)
        if self.is_code(body, item is not None):
            yield line
            return
        yield from self.begun(line, prefix, rest, following, item=item is not None)

    def is_code(self, body: str, item: bool) -> bool:
        """True for a line of indented code; inside a list item, only what stands four further in is code."""
        spread = body.expandtabs(4)
        indent = len(spread) - len(spread.lstrip(" "))
        if item:
            code = indent >= 4 and not self.item
        else:
            self.item = self.item if indent else 0
            code = bool(INDENTED.match(body)) and indent >= self.item + 4 if self.item else bool(INDENTED.match(body))
        return code and not self.paragraph

    def begun(self, line: str, prefix: str, rest: str, following: str, *, item: bool) -> Iterator[Piece]:
        """Takes a line by what it begins with."""
        if item:
            yield from self.flush()
            self.item = max(2, columns(prefix.expandtabs(4)))
        fence, newline = FENCE.match(rest), line[len(prefix) + len(rest) :]
        if fence and not fence["block"]:
            yield from self.flush()
            self.until = closes(fence)
            yield line
        elif heading := HEADING.match(rest):
            yield from self.flush()
            yield prefix + heading[1]
            yield from self.one(heading[2])
            yield heading[3] + newline
        elif DEFINITION.match(rest):
            yield from self.flush()
            yield line
        elif self.table or ("|" in rest and "-" in following and TABLE_RULE.match(END.sub("", following))):
            yield from self.flush()
            self.table = "|" in rest
            yield prefix
            yield from self.cells(rest)
            yield newline
        elif HTML_BLOCK.match(rest) and not self.paragraph:
            yield from self.open_html(line, rest)
        else:
            if prefix.strip(" \t>") and self.paragraph and not item:
                yield from self.flush()
            self.paragraph.append((prefix, rest, newline))

    def open_html(self, line: str, rest: str) -> Iterator[Piece]:
        """Begins a block of HTML: until what closes it, or else a blank line."""
        low = rest.lower()
        end = next((end for start, end in UNTIL if low.startswith(start)), None)
        self.html = line
        if end is None:
            self.until = lambda body: not body.strip()
        elif end in low:
            yield from html_pieces(self.html, self.options)
            self.html = None
        else:
            self.until = lambda body: end in body.lower()

    def take(self, line: str, done: bool) -> Iterator[Piece]:
        """Takes a line of an open block."""
        if self.html is None:
            yield line
            return
        self.html += line
        if done:
            yield from html_pieces(self.html, self.options)
            self.html = None

    def piece(self, text: str, raw: str) -> Piece:
        """Returns the piece of `raw`, whose text is `text`."""
        piece = markdown_inline(text, self.labels, numbers=self.options.numbers).unit(raw)
        return piece if isinstance(piece, str) else written(piece, settled)

    def one(self, text: str) -> Iterator[Piece]:
        """Yields a text that is one line."""
        if text:
            yield self.piece(text, text)

    def cells(self, row: str) -> Iterator[Piece]:
        """Yields the cells of a table's row."""
        at = 0
        while at < len(row):
            cell = CELL.match(row, at)
            end = cell.end() if cell else at
            if end > at:
                piece = self.piece(row[at:end], row[at:end])
                yield (
                    piece if isinstance(piece, str) else written(piece, lambda text: re.sub(r"(?<!\\)\|", r"\\|", text))
                )
            yield from row[end : end + 1]
            at = end + 1

    def flush(self) -> Iterator[Piece]:
        """Yields the paragraph that is open."""
        block, self.paragraph = self.paragraph, []
        if not block:
            return
        yield block[0][0]
        raw = "".join(prefix + rest + newline for prefix, rest, newline in block)
        raw = raw[len(block[0][0]) : len(raw) - len(block[-1][2])]
        if len(block) == 1:
            yield from self.paragraph_of(raw, raw)
        elif any(HARD.search(rest) for _, rest, _ in block[:-1]):
            yield from self.hard_lines(block)
        else:
            width = max(columns(prefix + rest) for prefix, rest, _ in block) - columns(block[1][0])
            text = unwrapped([rest for _, rest, _ in block])
            yield from self.paragraph_of(text, raw, width=width, newline=block[0][2] + block[1][0])
        yield block[-1][2]

    def hard_lines(self, block: list[tuple[str, str, str]]) -> Iterator[Piece]:
        """Yields a paragraph whose lines are to stay, but for the first prefix and the last line's end."""
        for number, (prefix, rest, newline) in enumerate(block):
            text = HARD.sub("", rest)
            yield prefix if number else ""
            yield from self.one(text)
            yield rest[len(text) :] + (newline if number + 1 < len(block) else "")

    def paragraph_of(self, text: str, raw: str, width: int = 0, newline: str = "") -> Iterator[Piece]:
        """Yields a paragraph, which is broken into lines where it has been."""
        piece = self.piece(text, raw)
        if isinstance(piece, str):
            yield raw
        elif width and self.options.target not in UNSPACED:
            yield written(
                piece,
                lambda made: raw if made == text else wrapped(at_start(made), width, newline, TOKEN, NEVER),
            )
        else:
            yield written(piece, lambda made: raw if made == text else at_start(made))


def written(piece: Unit, last: Callable[[str], str]) -> Unit:
    """Returns a unit whose text is changed a last time when it is written."""
    return Unit(texts=piece.texts, size=piece.size, write=lambda said: last(piece.write(said)))


def closes(fence: re.Match[str]) -> Callable[[str], bool]:
    """Returns what tells the line that closes a block."""
    if fence["math"]:
        return lambda body: "$$" in body
    sign, least = fence["fence"][0], len(fence["fence"])
    closing = re.compile(rf"[ \t>]*{re.escape(sign)}{{{least},}}[ \t]*$")
    return lambda body: closing.match(body) is not None


def markdown_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the pieces of a Markdown document."""
    front = FRONT.match(text)
    if front:
        yield front[0]
        text = text[front.end() :]
    labels = {" ".join(label.split()).casefold() for label in LABEL.findall(text)}
    yield from Reader(options=options, labels=labels).read(text)
