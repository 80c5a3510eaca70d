r"""Signs of emphasis in a translation, put so that they still mark: Markdown asks for more than their being in pairs.

    "see ** the cat** "  ─▶  "see  **the cat** "        no blank inside
    "他说**你好。**然后"    ─▶  "他说**你好**。然后"       no mark of punctuation before a sign that a letter follows
    "你_好_吗"            ─▶  "你*好*吗"               an underscore inside a word marks nothing

Until then a sign stands between two \x02 where it opens, between two \x03 where it closes.
"""

import re

OPENS, CLOSES = "\x02", "\x03"
SIGN = re.compile("([\x02\x03][*_~=]+[\x02\x03])")
BEGINS = "“‘「『《（(【"  # text data
ENDS = "。，、！？；：”’」』》）】….,!?;:)"  # text data


def opening(sign: str) -> str:
    """Returns a sign that opens."""
    return f"{OPENS}{sign}{OPENS}"


def closing(sign: str) -> str:
    """Returns a sign that closes."""
    return f"{CLOSES}{sign}{CLOSES}"


def settled(text: str) -> str:
    """Returns a text with its signs where they mark."""
    parts = SIGN.split(text)
    if len(parts) == 1:
        return text
    places = range(1, len(parts), 2)
    for at in reversed(places):
        if parts[at][0] == OPENS:
            open_up(parts, at)
    for at in places:
        if parts[at][0] == CLOSES:
            close_up(parts, at)
    stack: list[int] = []
    for at in places:
        if parts[at][0] == OPENS:
            stack.append(at)
        elif stack:
            paired(parts, stack.pop(), at)
    return "".join(part.strip("\x02\x03") if number % 2 else part for number, part in enumerate(parts))


def open_up(parts: list[str], at: int) -> None:
    """Moves blanks, and a quotation mark behind a letter, before a sign that opens."""
    before, inside = parts[at - 1], parts[at + 1]
    count = len(inside) - len(inside.lstrip(" "))
    if not count and before[-1:].isalnum() and inside[:1] and inside[0] in BEGINS:
        count = 1
    parts[at - 1], parts[at + 1] = before + inside[:count], inside[count:]


def close_up(parts: list[str], at: int) -> None:
    """Moves blanks, and marks of punctuation before a letter, behind a sign that closes."""
    inside, behind = parts[at - 1], parts[at + 1]
    kept = len(inside.rstrip(" "))
    if kept == len(inside) and behind[:1].isalnum():
        kept = len(inside.rstrip(ENDS)) or kept
    parts[at - 1], parts[at + 1] = inside[:kept], inside[kept:] + behind


def paired(parts: list[str], first: int, last: int) -> None:
    """Takes away a pair around nothing, which Markdown cannot write, and makes stars of underscores within a word."""
    if not "".join(parts[first + 1 : last : 2]):
        parts[first] = parts[last] = ""
    elif "_" in parts[first] and (parts[first - 1][-1:].isalnum() or parts[last + 1][:1].isalnum()):
        parts[first], parts[last] = (parts[at].replace("_", "*") for at in (first, last))
