r"""A paragraph of DOCX: runs of one look are text, other looks are pairs of markers, all else stands alone.

    <w:r>Press </w:r><w:r><w:rPr><w:b/></w:rPr>Save</w:r>  ─▶  "Press <1>Save</1>"

The look of most letters is that of the text outside markers. In the text that comes back, \x01…\x02 stand around what
is not text: "+n" begins look n, "-" ends it, "=" comes before XML that is as it was.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from textmill.apps.translate.forms.docx_tree import Node, Part, tree_of
from textmill.apps.translate.forms.inline import Inline
from textmill.apps.translate.forms.piece import FormOptions, Piece, Said, Unit
from textmill.office import xml_text

SIGN = re.compile("\x01([^\x01\x02]*)\x02")
NESTED = re.compile("\x03(\\d+)\x04")
DROPPED = frozenset({"w:proofErr", "w:lastRenderedPageBreak"})
"""Only notes of the program that wrote the file, about the text that was there."""
AROUND = frozenset({"w:hyperlink", "w:ins", "w:moveTo", "w:smartTag", "w:customXml", "w:dir", "w:bdo", "w:sdt"})
WORDS = frozenset({"m:oMath", "m:oMathPara", "w:fldSimple"})
NO_LOOK = re.compile(r"<w:(?:lang|noProof)(?=[\s/>])[^<>]*/>")
FIELD = re.compile(r"""<w:fldChar\s[^<>]*w:fldCharType\s*=\s*["'](begin|separate|end)""")
Pieces = Callable[[str, FormOptions], Iterator[Piece]]


@dataclass(slots=True, kw_only=True)
class Item:
    """What stands in a paragraph: "text" in a look, a "thing" or "word", what "opens" and "closes" something.

    `look`: of text, how its run looks; of what opens and closes, its name.
    """

    kind: str
    raw: str
    look: str = ""


@dataclass(slots=True)
class Paragraph:
    """A paragraph in the reading."""

    options: FormOptions
    pieces: Pieces
    items: list[Item] = field(default_factory=list)
    nested: list[list[Piece]] = field(default_factory=list)
    field_depth: int = 0
    held: str = ""
    """The field that is being read, as it is written."""

    def read(self, nodes: Sequence[Part]) -> None:
        """Takes in what stands in a paragraph or in a part of it."""
        for node in nodes:
            if isinstance(node, str):
                self.add("thing", node) if node.strip() else None  # blanks between runs say nothing
            elif self.field_depth or FIELD.search(node.raw):
                self.in_field(node)
            elif node.name == "w:r":
                self.run(node)
            elif node.name in AROUND:
                self.around(node)
            elif node.name in WORDS:
                self.add("word", node.raw)
            elif node.name not in DROPPED:
                self.add("thing", node.raw)
        if self.held:
            self.add("thing", self.held)
            self.held, self.field_depth = "", 0

    def add(self, kind: str, raw: str, look: str = "") -> None:
        """Adds an item; paragraphs in it, as a text box has, are texts of their own."""
        if kind != "text" and ("<w:p>" in raw or "<w:p " in raw):
            self.nested.append(list(self.pieces(raw, self.options)))
            raw = f"\x03{len(self.nested) - 1}\x04"
        self.items.append(Item(kind=kind, raw=raw, look=look))

    def run(self, node: Node) -> None:
        """Adds a run: its text in its look, and what else is in it in runs of their own."""
        look = next((child.raw for child in node.children if isinstance(child, Node) and child.name == "w:rPr"), "")
        for child in node.children:
            if isinstance(child, str) or child.name in DROPPED or child.name == "w:rPr":
                continue
            if child.name == "w:t":
                self.add("text", html.unescape(child.inside), look)
            else:
                self.add("thing", f"{node.open}{look}{child.raw}{node.close}")

    def around(self, node: Node) -> None:
        """Adds an element around runs, such as a link."""
        before, inside, behind = node.open, node.children, node.close
        if node.name == "w:sdt":
            at = next((at for at, one in enumerate(inside) if isinstance(one, Node) and one.name == "w:sdtContent"), -1)
            content = inside[at]
            if at < 0 or not isinstance(content, Node):
                self.add("thing", node.raw)
                return
            before += "".join(map(str, inside[:at])) + content.open
            behind = content.close + "".join(map(str, inside[at + 1 :])) + behind
            inside = content.children
        name = f"element {len(self.items)}"
        self.add("opens", before, name)
        self.read(inside)
        self.add("closes", behind, name)

    def in_field(self, node: Node) -> None:
        """Adds a field's runs: a link's text is text, any other field stays whole."""
        for kind in FIELD.findall(node.raw):
            self.field_depth += {"begin": 1, "separate": 0, "end": -1}[kind]
        self.held += node.raw
        if self.field_depth == 1 and "separate" in FIELD.findall(node.raw) and "HYPERLINK" in self.held:
            self.add("opens", self.held, "field")
            self.held, self.field_depth = "", 0
        elif self.field_depth <= 0:
            ends_link = self.field_depth < 0 and self.held == node.raw
            self.add("closes" if ends_link else "word", self.held, "field" if ends_link else "")
            self.held, self.field_depth = "", 0


def paragraph_piece(raw: str, options: FormOptions, pieces: Pieces) -> Piece:
    """Returns a paragraph; as it is where neither it nor a box in it says anything."""
    node = tree_of(raw)
    paragraph = Paragraph(options, pieces)
    paragraph.read(node.children)
    looks = looks_of(paragraph.items)
    segment = inline_of(paragraph.items, looks, options).segment()
    own = [segment.marked] if segment is not None else []
    inner = [piece for some in paragraph.nested for piece in some if isinstance(piece, Unit)]
    if not own and not inner:
        return raw

    def write(said: Sequence[Said]) -> str:
        rest = iter(said[len(own) :])
        boxes = ["".join(placed(piece, rest) for piece in some) for some in paragraph.nested]
        if segment is not None:
            body = assembled(segment.before + said[0].text + segment.behind, looks)
        else:
            body = assembled("".join(token.raw for token in inline_of(paragraph.items, looks, options).tokens), looks)
        return node.open + NESTED.sub(lambda match: boxes[int(match[1])], body) + node.close

    texts = (*own, *(text for unit in inner for text in unit.texts))
    return Unit(texts=texts, write=write, size=len(raw))


def placed(piece: Piece, said: Iterator[Said]) -> str:
    """Returns a piece with its share of the translations."""
    return piece if isinstance(piece, str) else piece.write([next(said) for _ in piece.texts])


def looks_of(items: list[Item]) -> list[str]:
    """Returns the looks of a paragraph, the one of most letters first; blanks have the look of what is before them."""
    counts: Counter[str] = Counter()
    known: dict[str, str] = {}
    last: str | None = None
    for item in items:
        if item.kind != "text":
            continue
        bare = NO_LOOK.sub("", item.look).replace("<w:rPr></w:rPr>", "")
        item.look = known.setdefault(bare, item.look)
        if last is not None and not item.raw.strip():
            item.look = last
        last = item.look
        counts[item.look] += len(item.raw.strip())
    return [look for look, _ in counts.most_common()] or [""]


def inline_of(items: Sequence[Item], looks: list[str], options: FormOptions) -> Inline:
    """Returns the paragraph's text with its markers."""
    inline, number, open_look = Inline(escape, numbers=options.numbers), 0, 0
    for item in items:
        look = looks.index(item.look) if item.kind == "text" else 0
        if look != open_look:
            if open_look:
                inline.closes(f"look {number}", "\x01-\x02")
            if look:
                number += 1
                inline.opens(f"look {number}", f"\x01+{look}\x02")
            open_look = look
        if item.kind == "text":
            text = re.sub(r"[\r\n\t]", " ", item.raw)
            inline.say(text, escape(text))
        elif item.kind in ("opens", "closes"):
            add = inline.opens if item.kind == "opens" else inline.closes
            add(item.look, f"\x01={item.raw}\x02", weak=item.look == "field")
        else:
            (inline.word if item.kind == "word" else inline.thing)(f"\x01={item.raw}\x02")
    if open_look:
        inline.closes(f"look {number}", "\x01-\x02")
    return inline


def escape(text: str) -> str:
    """Returns text as XML has it."""
    return xml_text(text)


def assembled(text: str, looks: list[str]) -> str:
    """Returns runs and elements again, of what `inline_of` and the translation made."""
    made, stack = [], [0]
    for number, part in enumerate(SIGN.split(text)):
        if number % 2 == 0:
            if part:
                made.append(f'<w:r>{looks[stack[-1]]}<w:t xml:space="preserve">{part}</w:t></w:r>')
        elif part[0] == "=":
            made.append(part[1:])
        elif part[0] == "+":
            stack.append(int(part[1:]))
        else:
            stack.pop()
    return "".join(made)
