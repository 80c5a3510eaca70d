"""`textmill tokenizer show TEXT`: how a text becomes tokens, a character that spans tokens shown whole.

The document of ``--json``: ``tokenizer, vocabulary_size, characters, bytes, tokens, bytes_per_token, ids, pieces
[{text, start, end, ids, bytes, special}]``; ``start`` and ``end`` are code points, ``bytes`` hexadecimal, one a token.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.tokenizer.tokenizer import Piece, Tokenizer

STYLES = ("black on #8fd3ff", "black on #ffd58f")
"""Neighbouring pieces differ, so that their borders and spaces are seen."""

TOKENIZER_FILE = "tokenizer.json"
INVISIBLE = {"\n": "⏎\n", "\t": "⇥"}


def run(context: Context, *, text: str, model: str | None, tokenizer: Path | None, special: bool) -> dict[str, Any]:
    """Prints the pieces of `text`, which may be "-" for stdin."""
    from textmill.tokenizer.tokenizer import Tokenizer

    if model and tokenizer:
        raise UsageError("cli_tokenizer_show.both")
    chosen = Tokenizer.load(tokenizer or tokenizer_place(context, model))
    if text == "-":
        text = sys.stdin.read()
    pieces = chosen.pieces(text, allow_special=special)
    ids = [id for piece in pieces for id in piece.ids]
    shown = "".join(piece.text for piece in pieces)
    size = len(shown.encode())
    if not context.json:
        show(context, chosen, pieces)
        ratio = f"{size / max(1, len(ids)):.2f}"
        context.print(t("cli_tokenizer_show.total", tokens=len(ids), characters=len(shown), bytes=size, ratio=ratio))
    return {
        "tokenizer": chosen.source,
        "vocabulary_size": chosen.vocabulary_size,
        "characters": len(shown),
        "bytes": size,
        "tokens": len(ids),
        "bytes_per_token": round(size / max(1, len(ids)), 4),
        "ids": ids,
        "pieces": [as_json(chosen, piece) for piece in pieces],
    }


def tokenizer_place(context: Context, model: str | None) -> Path:
    """Returns where the tokenizer of a MODEL lies; without one, the project's own."""
    if model is None:
        return context.need_project().tokenizer
    if (Path(model) / TOKENIZER_FILE).is_file() or Path(model).is_file():
        return Path(model)  # no model beside it is needed
    from textmill.infer.resolve import resolve

    return resolve(model, context.project, verify=False).folder


def show(context: Context, tokenizer: "Tokenizer", pieces: "list[Piece]") -> None:
    """Prints the text with its pieces marked, then a line for each: text, ids and bytes."""
    from rich.text import Text

    from textmill.cli.layout import table

    coloured = context.output.is_terminal
    line = Text()
    for number, piece in enumerate(pieces):
        line.append(visible(piece.text), STYLES[number % 2] if coloured else "")
        line.append("" if coloured else "│")
    context.output.print(line, soft_wrap=True)
    rows = [
        (
            visible(piece.text).replace("\n", "").replace(" ", "␣"),
            " ".join(map(str, piece.ids)),
            "" if is_special(tokenizer, piece) else " ".join(part.hex() for part in piece.bytes),
        )
        for piece in pieces
    ]
    if rows:
        heads = tuple(t(f"cli_tokenizer_show.head_{name}") for name in ("text", "ids", "bytes"))
        context.print(table([heads, *rows]))


def visible(text: str) -> str:
    """Returns `text` with white space and control characters made visible."""
    return "".join(
        INVISIBLE.get(character, character if character.isprintable() else f"⟨U+{ord(character):04X}⟩")
        for character in text
    )


def is_special(tokenizer: "Tokenizer", piece: "Piece") -> bool:
    """True when the piece is one special token."""
    return len(piece.ids) == 1 and tokenizer.is_special(piece.ids[0])


def as_json(tokenizer: "Tokenizer", piece: "Piece") -> dict[str, Any]:
    """Returns a piece as ``--json`` prints it."""
    return {
        "text": piece.text,
        "start": piece.start,
        "end": piece.end,
        "ids": list(piece.ids),
        "bytes": [part.hex() for part in piece.bytes],
        "special": is_special(tokenizer, piece),
    }


COMMAND = Command(
    words=("tokenizer", "show"),
    run=run,
    example='textmill tokenizer show "Hello, 世界! 1998"',  # text data  # text data
    arguments=(
        Argument(name="text", metavar="TEXT"),
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--tokenizer", kind=Path, metavar="DIR"),
        Argument(name="--special", flag=True),
    ),
)
