"""Where a text can be taken apart: into words to leave out, and into clauses that say one thing each.

    The room was clean, | but the staff was rude. |
    房间很干净，| 就是服务员态度差。|

A piece is a word, in Chinese every two neighbouring characters: without a dictionary that is the smallest thing that
means something. All places are code points into the text.
"""

import re

Span = tuple[int, int]
HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
UNIT = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+(?:['’]\w+)?")
ENDS = re.compile(
    "[.!?;:,\n。！？；：，、．~…]+"  # text data
    r"|(?<!\w)(?=(?:but|however|although|though|while|whereas|yet|except|because|so|and)\b)"
    "|(?=但是|但|不过|然而|可是|就是|只是|虽然|尽管|而且|并且|所以|因为)",  # text data
    re.IGNORECASE,
)
INSIDE_NUMBER = re.compile(r"\d[.,:]\d")


def pieces(text: str) -> list[Span]:
    """Returns what can be left out, one at a time, in order."""
    units = [(found.start(), found.end(), bool(HAN.match(found[0]))) for found in UNIT.finditer(text)]
    made: list[Span] = []
    for place, (start, end, is_han) in enumerate(units):
        if not is_han:
            made.append((start, end))
            continue
        follows = place + 1 < len(units) and units[place + 1][2] and units[place + 1][0] == end
        leads = place > 0 and units[place - 1][2] and units[place - 1][1] == start
        if follows:
            made.append((start, units[place + 1][1]))
        elif not leads:
            made.append((start, end))
    return made


def clauses(text: str) -> list[Span]:
    """Returns the clauses, without blanks and marks around them; those without a letter are none."""
    borders = [0]
    for found in ENDS.finditer(text):
        around = text[max(0, found.start() - 1) : found.end() + 1]
        if not INSIDE_NUMBER.fullmatch(around):
            borders.append(found.end())
    made = []
    for low, high in zip(borders, [*borders[1:], len(text)], strict=True):
        units = list(UNIT.finditer(text, low, high))
        if units:
            made.append((units[0].start(), units[-1].end()))
    return made


def parts(text: str, most: int) -> list[Span]:
    """Returns the text in parts of at most `most` characters, cut between clauses where there are any."""
    made: list[Span] = []
    start = 0
    for low, high in clauses(text):
        if high - start > most and low > start:
            made.append((start, low))
            start = low
        while high - start > most:
            made.append((start, start + most))
            start += most
    return [*made, (start, len(text))] if start < len(text) else made


def without(text: str, spans: list[Span]) -> str:
    """Returns the text without some spans, blanks that then meet made one."""
    kept, end = [], 0
    for low, high in sorted(spans):
        kept.append(text[end : max(end, low)])
        end = max(end, high)
    kept.append(text[end:])
    made = kept[0]
    for part in kept[1:]:
        made += part.lstrip() if made[-1:].isspace() or not made else part
    return made


def merged(text: str, spans: list[Span]) -> list[Span]:
    """Returns spans in order, those that overlap or are parted by nothing but blanks made one."""
    made: list[Span] = []
    for low, high in sorted(spans):
        if made and not text[made[-1][1] : low].strip():
            made[-1] = (made[-1][0], max(made[-1][1], high))
        else:
            made.append((low, high))
    return made
