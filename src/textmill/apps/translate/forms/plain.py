r"""Plain text: a line is a paragraph of its own, unless lines were broken at a width; such ones are broken so again.

Very long lines are cut between sentences, so that a file of any form streams. Only \n, \r\n and \r end a line.
"""

import re
from collections.abc import Iterator

from textmill.apps.translate.forms.inline import tagged
from textmill.apps.translate.forms.piece import FormOptions, Piece, Unit
from textmill.apps.translate.forms.wrapping import columns, is_wrapped, unwrapped, wrapped
from textmill.data.sentences import sentences

LONGEST = 4_000
"""Characters of a line from which on it is more than one unit."""
CUT = 40_000
"""Characters that are looked through for the ends of sentences at once."""
MOST_LINES = 200
LINE = re.compile(r"[^\n\r]*(?:\r\n|\n|\r)|[^\n\r]+")
END = re.compile(r"[\r\n]*$")


def lines(text: str) -> Iterator[str]:
    """Yields a text's lines with their ends."""
    return (match[0] for match in LINE.finditer(text))


def plain_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the paragraphs of a plain text."""
    block: list[str] = []
    for line in lines(text):
        if line.strip() and len(line) <= LONGEST and len(block) < MOST_LINES:
            block.append(line)
            continue
        yield from block_pieces(block, options)
        block = []
        for part in parts(line) if len(line) > LONGEST else [line]:
            yield tagged(part, numbers=options.numbers).unit(part)
    yield from block_pieces(block, options)


def block_pieces(block: list[str], options: FormOptions) -> Iterator[Piece]:
    """Yields lines that stand together: one unit where they are one paragraph, else each its own."""
    if not is_wrapped(block):
        for line in block:
            yield tagged(line, numbers=options.numbers).unit(line)
        return
    end, newline = END.search(block[-1]), END.search(block[0])
    width = max(columns(line.rstrip()) for line in block)
    raw = "".join(block)
    text = unwrapped(block)
    piece = tagged(text, numbers=options.numbers).unit(raw)
    if isinstance(piece, str):
        yield raw
        return
    behind, between = end[0] if end else "", newline[0] if newline else "\n"

    def written(made: str) -> str:
        return raw if made == text else wrapped(made, width, between) + behind

    yield Unit(texts=piece.texts, size=piece.size, write=lambda said: written(piece.write(said)))


def parts(line: str) -> Iterator[str]:
    """Yields a long line in parts of whole sentences."""
    held = ""
    for start in range(0, len(line), CUT):
        *done, held = sentences(held + line[start : start + CUT])
        yield from joined(done)
        if len(held) > CUT:  # a sentence that never ends
            yield held
            held = ""
    if held:
        yield held


def joined(some: list[str]) -> Iterator[str]:
    """Yields sentences, so many together as are not too long."""
    held = ""
    for one in some:
        if held and len(held) + len(one) > LONGEST:
            yield held
            held = ""
        held += one
    if held:
        yield held
