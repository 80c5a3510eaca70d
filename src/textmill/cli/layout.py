"""Laying out text in a terminal where Chinese characters take two columns; no imports beyond the standard library."""

import re
import shutil
import sys
import unicodedata
from collections.abc import Sequence

CLOSING = frozenset("，。；：、！？）」』》】〉”’…—·,.;:!?)]}%")  # text data
"""What must not begin a line."""
UNITS = re.compile(
    r"\s+|[（「『《【〈]*[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"  # text data
    r"|[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+"
)
"""Where a line may break: at spaces and around each Chinese character, but not after an opening bracket."""


def width(text: str) -> int:
    """Returns how many columns `text` takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def pad(text: str, columns: int) -> str:
    """Returns `text` with spaces up to `columns`."""
    return text + " " * max(0, columns - width(text))


def page_width() -> int:
    """Returns the columns to write help in: the terminal's, at most 100 because longer lines read badly."""
    return max(40, min(100, shutil.get_terminal_size((100, 24)).columns))


def wrap(text: str, columns: int) -> list[str]:
    """Returns `text` in lines of at most `columns`, broken at spaces and between Chinese characters.

    Lines of the source run on, but an empty line, or one that begins with a space or a dash, begins anew.
    """
    lines: list[str] = []
    for paragraph in paragraphs(text):
        line = ""
        for unit in UNITS.findall(paragraph.strip()):
            if line and width(line + unit.rstrip()) > columns and unit[0] not in CLOSING:
                lines.append(line.rstrip())
                line = ""
            line += unit if line or not unit.isspace() else ""
        lines.append(line.rstrip())
    return lines


def paragraphs(text: str) -> list[str]:
    """Returns the source's lines joined as far as they run on; no space goes between Chinese characters."""
    joined: list[str] = []
    for line in text.strip().split("\n"):
        if joined and joined[-1] and line.strip() and line[0] not in " -":
            gap = "" if width(joined[-1][-1]) == 2 or width(line[0]) == 2 else " "
            joined[-1] += gap + line.strip()
        else:
            joined.append(line.strip())
    return joined


def indented(text: str, indent: int, columns: int) -> str:
    """Returns `text` wrapped to `columns`, each line moved in by `indent`."""
    return "\n".join((" " * indent + line).rstrip() for line in wrap(text, columns - indent))


def two_columns(rows: Sequence[tuple[str, str]], columns: int, left: int = 0) -> str:
    """Returns rows of a term and its meaning; the terms' column is `left` wide, by default as the longest (to 30)."""
    left = left or min(30, max((width(term) for term, _ in rows), default=0))
    out: list[str] = []
    for term, meaning in rows:
        lines = wrap(meaning, columns - left - 4)
        if width(term) > left:
            out += [f"  {term}", *(f"{' ' * (left + 4)}{line}" for line in lines if line)]
        else:
            out += [f"  {pad(term, left)}  {lines[0]}".rstrip(), *(f"{' ' * (left + 4)}{line}" for line in lines[1:])]
    return "\n".join(out)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Returns rows in aligned columns, two spaces apart; nothing is cut off."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(pad(cell, columns) for cell, columns in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def bold(text: str) -> str:
    """Returns `text` in bold where stdout is a terminal that takes it."""
    import os

    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[1m{text}\x1b[0m"
