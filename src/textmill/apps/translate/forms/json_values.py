"""JSON: the strings of the chosen fields are translated where they stand; keys, numbers and blanks stay.

{"menu": {"open": "Open", "id": "a1"}}      --field open, or menu.open, or menu; without --field every string
"""

import json
import re
from collections.abc import Iterator

from textmill.apps.translate.forms.inline import tagged
from textmill.apps.translate.forms.piece import FormOptions, Piece, Unit

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.S)
SURROGATE = re.compile(r"[\ud800-\udfff]")


def json_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the pieces of a JSON document, which is known to be whole."""
    narrow = text.isascii() and "\\u" in text
    path: list[str | None] = [None]
    key, start = "", 0
    for match in TOKEN.finditer(text):
        sign = match[0]
        if sign in "{[":
            path.append("" if sign == "{" else None)
        elif sign in "}]":
            path.pop()
        elif sign == "," and path[-1] is not None:
            path[-1] = ""
        elif sign == ":":
            path[-1] = key
        elif sign[0] == '"':
            if path[-1] == "":
                key = json.loads(sign, strict=False) or "\0"
            elif chosen([name for name in path if name], options.fields):
                yield text[start : match.start()]
                yield value_piece(sign, options, narrow=narrow)
                start = match.end()
    yield text[start:]


def chosen(path: list[str], wanted: tuple[str, ...]) -> bool:
    """True where a value is to be translated."""
    dotted = ".".join(path)
    return not wanted or any(path[-1:] == [name] or dotted == name or dotted.startswith(f"{name}.") for name in wanted)


def value_piece(raw: str, options: FormOptions, *, narrow: bool) -> Piece:
    """Returns one string; `narrow`: the document writes what is not ASCII as escapes."""
    piece = tagged(json.loads(raw, strict=False), numbers=options.numbers).unit(raw)
    if isinstance(piece, str):
        return raw

    def written(made: str) -> str:
        text = json.dumps(made, ensure_ascii=narrow)
        return SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)

    return Unit(texts=piece.texts, size=piece.size, write=lambda said: written(piece.write(said)))
