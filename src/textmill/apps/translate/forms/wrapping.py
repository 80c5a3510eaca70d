"""Lines made anew: where a text may be broken, wrapped at a width as it was, or shared out among so many lines.

A line may end at a blank, and between Chinese or Japanese characters but not before a mark that closes. What must stay
whole (tags, addresses, placeholders, code) is never broken.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from textmill.apps.translate.markers import THINGS

WIDE = r"[\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]"
NOT_FIRST = r"[\u3001\u3002\uff0c\uff01\uff1f\uff1b\uff1a\u201d\u2019\uff09\u300d\u300f\u300b\u3011\u2026.,!?;:)\]]"
NOT_LAST = r"[\u201c\u2018\uff08\u300c\u300e\u300a\u3010(\[]"
BREAK = re.compile(rf" +|(?<={WIDE})(?<!{NOT_LAST})(?={WIDE})(?!{NOT_FIRST})")
SOLID = re.compile(rf"<[^<>]*>|{THINGS.pattern}", THINGS.flags)
PAUSE = re.compile(r"[,;:.!?\u3001\u3002\uff0c\uff01\uff1f\uff1b\uff1a\u2026\u2014-][\"'\u201d\u2019)]*$")
LEAST_WIDTH = 40
BULLET = re.compile(r"\s|[-*+\u2022#>|]|\d+[.)\u3001]")


def columns(text: str) -> int:
    """Returns how wide a text is in a fixed font."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def breaks(text: str, solid: re.Pattern[str] = SOLID) -> Iterator[tuple[int, int]]:
    """Yields where a line may end and where the next then begins."""
    spans = [match.span() for match in solid.finditer(text)]
    starts = [start for start, _ in spans]
    for match in BREAK.finditer(text):
        at = bisect_left(starts, match.end()) - 1
        inside = at >= 0 and spans[at][0] < match.end() and match.start() < spans[at][1]
        if not inside and match.start() > 0 and match.end() < len(text):
            yield match.span()


def wrapped(text: str, width: int, newline: str, solid: re.Pattern[str] = SOLID, never: str = r"(?!)") -> str:
    """Returns a text in lines of at most `width` columns where that is possible; no line begins with `never`."""
    made, start, end, begin = [], 0, 0, 0
    bad = re.compile(never)
    for stop, go_on in [*breaks(text, solid), (len(text), len(text))]:
        if end > start and columns(text[start:stop]) > width and not bad.match(text, begin):
            made.append(text[start:end])
            start = begin
        end, begin = stop, go_on
    return newline.join([*made, text[start:]])


def shared_out(text: str, weights: Sequence[int]) -> list[str]:
    """Returns a text in as many parts as there are weights, about as long as these say, rather cut behind a mark."""
    cuts, whole, made = list(breaks(text)), sum(weights) or 1, []
    start, said = 0, 0
    for number, weight in enumerate(weights[:-1]):
        said += weight
        wanted = said * len(text) / whole
        left = len(weights) - number - 2  # as many cuts must be left for the others
        some = [cut for cut in cuts if cut[0] > start]
        some = some[: len(some) - left] or some
        if not some:
            made.append("")
            continue
        slack = len(text) / (2 * len(weights))
        stop, begin = min(
            some, key=lambda cut: abs(cut[0] - wanted) - (slack / 2 if PAUSE.search(text, start, cut[0]) else 0)
        )
        made.append(text[start:stop])
        start = begin
    made.append(text[start:])
    return sorted(made, key=lambda part: not part) if "" in made else made


def is_wrapped(lines: Sequence[str]) -> bool:
    """True where lines are one paragraph that was broken at a width: none is much shorter but the last."""
    if len(lines) < 2 or any(BULLET.match(line) for line in lines):
        return False
    widths = [columns(line.rstrip()) for line in lines]
    return max(widths) >= LEAST_WIDTH and all(width >= 0.75 * max(widths) for width in widths[:-1])


def unwrapped(lines: Sequence[str]) -> str:
    """Returns lines as one: with a blank between them, but none between Chinese characters."""
    text = lines[0].strip()
    for line in lines[1:]:
        line = line.strip()
        wide = re.match(WIDE, text[-1:]) and re.match(WIDE, line[:1])
        text += line if wide else f" {line}"
    return text
