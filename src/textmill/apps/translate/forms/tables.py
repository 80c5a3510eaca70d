"""CSV and TSV: the fields of the chosen columns are translated where they stand; all others stay byte for byte.

The first row names the columns. The separator of a .csv is the sign that its first row has most of: , ; tab or |.
"""

import re
from collections.abc import Iterator

from textmill.apps.translate.forms.inline import tagged
from textmill.apps.translate.forms.piece import FormOptions, Piece, Unit
from textmill.errors import UsageError

USUAL = "text"
SEPARATORS = ",;\t|"
LONGEST = 1_000_000
"""Characters of a field between quotation marks."""


def csv_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the pieces of a CSV file."""
    head = re.sub(r'"(?:[^"]|"")*"', "", text[:65536]).lstrip("\r\n").splitlines()[:1]
    separator = max(SEPARATORS, key=lambda sign: head[0].count(sign) if head else 0)
    return table_pieces(text, options, separator)


def tsv_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the pieces of a TSV file."""
    return table_pieces(text, options, "\t")


def fields(text: str, separator: str) -> Iterator[tuple[str, str]]:
    """Yields each field as it is written, and what stands behind it: a separator, a line's end, or nothing."""
    sign = re.escape(separator)
    inside = r'[^"\r\n]' if separator == "\t" else r'[^"]'
    pattern = re.compile(
        rf'("(?:{inside}|""){{0,{LONGEST}}}"(?={sign}|[\r\n]|\Z)|[^{sign}\r\n]*)({sign}|\r\n|\n|\r|\Z)'
    )
    at = 0
    while at < len(text):
        match = pattern.match(text, at)
        assert match is not None  # an empty field fits anywhere
        yield match[1], match[2]
        at = match.end()


def table_pieces(text: str, options: FormOptions, separator: str) -> Iterator[Piece]:
    """Yields the fields of a table."""
    names: list[str] = []
    chosen: set[int] | None = None
    column = 0
    for raw, behind in fields(text, separator):
        if chosen is None:
            names.append(plain(raw).strip())
            yield raw + behind
        elif column in chosen:
            yield field_piece(raw, options, separator)
            yield behind
        else:
            yield raw + behind
        ended = behind != separator
        column = 0 if ended else column + 1
        if ended and chosen is None and any(names):
            chosen = columns_of(names, options.fields)


def columns_of(names: list[str], wanted: tuple[str, ...]) -> set[int]:
    """Returns the places of the columns to translate; UsageError where one is not there."""
    for name in wanted or (USUAL,):
        if name not in names:
            raise UsageError("translate.no_column", value=name, known=", ".join(names)[:300])
    return {at for at, name in enumerate(names) if name in (wanted or (USUAL,))}


def plain(raw: str) -> str:
    """Returns what a field says."""
    return raw[1:-1].replace('""', '"') if len(raw) > 1 and raw[0] == raw[-1] == '"' else raw


def field_piece(raw: str, options: FormOptions, separator: str) -> Piece:
    """Returns one field."""
    text = plain(raw)
    piece = tagged(text, numbers=options.numbers).unit(raw)
    if isinstance(piece, str):
        return raw
    quoted = text != raw

    def written(made: str) -> str:
        if separator == "\t" and not quoted:  # such files know no quotation marks
            return re.sub(r"[\t\r\n]+", " ", made)
        needed = quoted or separator in made or "\n" in made or "\r" in made or made.startswith('"')
        return '"' + made.replace('"', '""') + '"' if needed else made

    return Unit(texts=piece.texts, size=piece.size, write=lambda said: written(piece.write(said)))
