"""From tags to blocks of text, each in the container it stands in.

A block is what a reader sees as one paragraph, list item, heading or cell; a container is an element that may hold
several. No tree of all elements is built: of two thousand that a page has a few hundred matter, and to walk a parser's
tree costs more than to parse it. Elements that are not closed, or closed in the wrong order, are mended as browsers do
where it changes which text belongs together.
"""

from dataclasses import dataclass, field
from html import unescape
from typing import NamedTuple

from textmill.data.extract.tokens import BREAK, CLOSE, LINK, OPEN, Tokens

NO_PARAGRAPH_HOLDS = (
    "p div ul ol dl table h1 h2 h3 h4 h5 h6 section article aside header footer nav blockquote pre form figure main"
    " address fieldset details li td th tr dt dd"
)
CLOSED_BY = {
    "p": frozenset(NO_PARAGRAPH_HOLDS.split()),
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "tr": frozenset({"tr"}),
    "td": frozenset({"td", "th", "tr"}),
    "th": frozenset({"td", "th", "tr"}),
}
"""An element without its closing tag ends where one of these begins."""
DEEPEST = 500
"""Elements nested more deeply count as inline: no page is made so."""
LINE_END = "\ufdd0"
"""Stands for a ``<br>``: a code point that Unicode keeps free for use inside a program."""


class Block(NamedTuple):
    """A run of text; `container` is the number of the element it stands in, `linked` the characters inside links."""

    container: int
    text: str
    linked: int
    links: int
    breaks: int


@dataclass(slots=True)
class Blocks:
    """A page as its blocks and, as parallel lists, the containers they stand in; number 0 is the page itself."""

    blocks: list[Block] = field(default_factory=list)
    parents: list[int] = field(default_factory=lambda: [-1])
    tags: list[str] = field(default_factory=lambda: ["page"])
    attributes: list[str] = field(default_factory=lambda: [""])

    def ancestors(self, container: int) -> list[int]:
        """Returns the container and those around it, innermost first, without the page."""
        found = []
        while container > 0:
            found.append(container)
            container = self.parents[container]
        return found

    def with_text(self) -> list[int]:
        """Returns the containers that hold a block, themselves or in others, without the page, in order."""
        parents, seen = self.parents, bytearray(len(self.parents))
        for block in self.blocks:
            container = block.container
            while container > 0 and not seen[container]:
                seen[container] = 1
                container = parents[container]
        return [number for number, holds in enumerate(seen) if holds]


def build(tokens: Tokens) -> Blocks:
    """Returns the page's blocks."""
    page = Blocks()
    blocks, stack = page.blocks, [0]
    opened: dict[str, int] = {}
    tags, parents, all_attributes = page.tags, page.parents, page.attributes
    parts: list[str] = []
    linked = links = breaks = 0
    link_start = -1
    for kind, name, attributes, text in tokens.found:
        if kind >= CLOSE:
            if parts:
                if link_start >= 0:
                    linked += visible_length(parts[link_start:])
                    links += 1
                    link_start = 0
                if written := folded(parts, breaks, opened.get("pre", 0)):
                    blocks.append(Block(stack[-1], written, linked, links, breaks))
                parts = []
                linked = links = breaks = 0
            if kind == OPEN:
                top = tags[stack[-1]]
                if top in CLOSED_BY:
                    close_before(tags, stack, opened, name)
                if len(stack) <= DEEPEST:
                    parents.append(stack[-1])
                    stack.append(len(tags))
                    tags.append(name)
                    all_attributes.append(attributes)
                    opened[name] = opened.get(name, 0) + 1
            elif opened.get(name := name[1:]):
                leave(tags, stack, opened, name)
        elif kind >= LINK:
            if link_start >= 0:
                linked += visible_length(parts[link_start:])
                links += 1
            link_start = len(parts) if kind == LINK else -1
        elif kind == BREAK and parts:
            parts.append(LINE_END)
            breaks += 1
        if text and (parts or not text.isspace()):
            parts.append(text)
    if parts and (written := folded(parts, breaks, 0)):
        open_link = visible_length(parts[link_start:]) if link_start >= 0 else 0
        blocks.append(Block(stack[-1], written, linked + open_link, links + (link_start >= 0), breaks))
    return page


def visible_length(parts: list[str]) -> int:
    """Returns the length of a text without the blanks around it."""
    return len("".join(parts).strip())


def folded(parts: list[str], breaks: int, preformatted: int) -> str:
    """Returns the text with its entities read and each run of blanks as one; lines end where ``<br>`` was."""
    text = "".join(parts) if len(parts) > 1 else parts[0]
    if "&" in text:
        text = unescape(text)
    if preformatted:
        return text.replace(LINE_END, "\n").strip("\r\n").rstrip()
    if not breaks:
        return " ".join(text.split())
    lines = [" ".join(line.split()) for line in text.split(LINE_END)]
    return "\n".join(line for line in lines if line)


def close_before(tags: list[str], stack: list[int], opened: dict[str, int], tag: str) -> None:
    """Closes the containers that end where this element begins."""
    top = tags[stack[-1]]
    while top in CLOSED_BY and tag in CLOSED_BY[top]:
        opened[top] -= 1
        stack.pop()
        top = tags[stack[-1]]


def leave(tags: list[str], stack: list[int], opened: dict[str, int], tag: str) -> None:
    """Closes the nearest open container of this name, one of which is open, and what is open inside it."""
    while len(stack) > 1:
        name = tags[stack.pop()]
        opened[name] -= 1
        if name == tag:
            return
