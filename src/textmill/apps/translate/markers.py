"""Markers: what must come through a translation untouched stands in the text as <1>, and comes back behind it.

    "See {{name}} at https://a.b"  ──protect──▶  "See <1> at <2>"
    "<2>: siehe <1>"               ──restore──▶  "https://a.b: siehe {{name}}"
    "a <b>bold <i>word</i></b>"    ──────────▶   "a <1>bold <2>word</2></1>"

A marker alone is a thing (an address, a placeholder, a line break); <n> … </n> stand around text as a tag does. A
"<" that a text has of itself becomes a thing, so that markers are the only ones. They are plain ASCII because a
grammar's text then ends at the byte "<": of other brackets the first byte could as well begin a quotation mark.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

OPEN, CLOSE = "<", ">"
MARKER = re.compile(r"<(/?)(\d+)>", re.ASCII)
MARKER_TEXT = r"</?\d+>"
THINGS = re.compile(
    r"""(?P<url>(?:https?|ftp)://[^\s<>"'\u3000-\u303f\uff00-\uffef]*[\w/#=&]|(?<![\w.@])www\.[\w-]+\.[^\s<>"'\u3000-\u303f]*[\w/])
    |(?P<mail>(?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.[\w.-]*\w)
    |(?P<braces>\{\{[^{}\n]*\}\}|\$\{[^{}\n]*\}|\#\{[^{}\n]*\}|\{[A-Za-z0-9_.:!]*\})
    |(?P<printf>%(?:\d+\$|\([A-Za-z_]\w*\))?[-+0\#]?\d*(?:\.\d+)?(?:l{1,2}|h{1,2}|z|j|t|q)?[diouxXeEfFgGcrs@p](?![A-Za-z])|%%|%\d(?!\d))
    |(?P<dollar>\$[A-Za-z_]\w*\b)
    |(?P<entity>&(?:[A-Za-z]\w{1,30}|\#\d{1,7}|\#x[0-9A-Fa-f]{1,6});)
    |(?P<bracket><)
    |(?P<control>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffc\ud800-\udfff]+)""",
    re.VERBOSE | re.ASCII,
)
"""Things by their look: addresses, placeholders of the usual kinds, entities, control characters, broken bytes."""
NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,:/-]\d+)*(?!\w)", re.ASCII)
NAME = re.compile(r"(?<!\w)[A-Z][A-Za-z]+(?:[ -][A-Z][A-Za-z]+)*(?!\w)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A text with markers, and what each stands for: `things[n - 1]` is (what <n> is, what </n> is or "")."""

    text: str
    things: tuple[tuple[str, str], ...] = ()
    escape: Callable[[str], str] = str
    """How text is written in the file that it comes from; things are written so already."""

    def restore(self, text: str) -> str:
        """Returns a text with the things back in the place of their markers, and what is between them escaped."""
        escape = self.escape
        made, last = [], 0
        for match in MARKER.finditer(text):
            number = int(match[2])
            thing = self.things[number - 1][1 if match[1] else 0] if 0 < number <= len(self.things) else match[0]
            made += [escape(text[last : match.start()]), thing]
            last = match.end()
        return "".join([*made, escape(text[last:])])

    def part(self, text: str) -> "Marked":
        """Returns a stretch of the text as one of its own, whose markers are numbered from 1."""
        numbers = {number: at for at, number in enumerate(dict.fromkeys(m[2] for m in MARKER.finditer(text)), start=1)}
        things = tuple(self.things[int(number) - 1] for number in numbers)
        text = MARKER.sub(lambda match: f"<{match[1]}{numbers[match[2]]}>", text)
        return replace(self, text=text, things=things)


def marker(number: int, *, closes: bool = False) -> str:
    """Returns the text of a marker."""
    return f"{OPEN}{'/' if closes else ''}{number}{CLOSE}"


class Marking:
    """A text in the making: what is said, what stands alone, what opens and closes. `escape`: how text is written."""

    def __init__(self, escape: Callable[[str], str] = str, *, numbers: bool = False) -> None:
        self.escape, self.numbers = escape, numbers
        self._texts: list[str] = []
        self._things: list[tuple[str, str]] = []

    def say(self, text: str) -> None:
        """Adds text as people read it; its things become markers, with `numbers` its numbers too."""
        marked = THINGS.sub(self._mark, text)
        if self.numbers:
            parts = re.split(f"({MARKER_TEXT})", marked)
            marked = "".join(part if MARKER.fullmatch(part) else NUMBER.sub(self._mark, part) for part in parts)
        self._texts.append(marked)

    def thing(self, raw: str) -> None:
        """Adds something that stands alone, as it is written."""
        self._things.append((raw, ""))
        self._texts.append(marker(len(self._things)))

    def opens(self, raw: str) -> int:
        """Adds what opens a pair; returns the pair's number."""
        self._things.append((raw, ""))
        self._texts.append(marker(len(self._things)))
        return len(self._things)

    def closes(self, number: int, raw: str) -> None:
        """Adds what closes a pair."""
        self._things[number - 1] = self._things[number - 1][0], raw
        self._texts.append(marker(number, closes=True))

    def marked(self) -> Marked:
        """Returns the text."""
        return Marked(text="".join(self._texts), things=tuple(self._things), escape=self.escape)

    def _mark(self, match: re.Match[str]) -> str:
        self._things.append((self.escape(match[0]), ""))
        return marker(len(self._things))


def protect(text: str, *, numbers: bool = False) -> Marked:
    """Returns a plain text with its things in markers; with `numbers` its numbers too."""
    marking = Marking(numbers=numbers)
    marking.say(text)
    return marking.marked()


def pairs_of(text: str) -> frozenset[str]:
    """Returns the numbers of the pairs of a text."""
    return frozenset(number for slash, number in MARKER.findall(text) if slash)


def balanced(text: str, pairs: frozenset[str]) -> bool:
    """True where each of `pairs` that opens in a stretch also closes in it."""
    found = [(slash, number) for slash, number in MARKER.findall(text) if number in pairs]
    return sum(bool(slash) for slash, _ in found) * 2 == len(found)


def uncut(pieces: Iterable[str], text: str) -> Iterator[str]:
    """Yields the pieces of a text; those that a pair of markers reaches across stay together."""
    held, pairs = "", pairs_of(text)
    for piece in pieces:
        held += piece
        if balanced(held, pairs):
            yield held
            held = ""
    if held:
        yield held


def markers_of(text: str) -> list[str]:
    """Returns the markers of a text in their order."""
    return [match[0] for match in MARKER.finditer(text)]


def in_order(text: str, wanted: Sequence[str]) -> bool:
    """True where a text has exactly the markers `wanted`, each once, and pairs are well nested."""
    found = markers_of(text)
    if sorted(found) != sorted(wanted):
        return False
    paired = {mark.replace(f"{OPEN}/", OPEN) for mark in found if mark.startswith(f"{OPEN}/")}
    stack: list[str] = []
    for mark in found:
        if mark.startswith(f"{OPEN}/"):
            if not stack or stack.pop() != mark.replace(f"{OPEN}/", OPEN):
                return False
        elif mark in paired:
            stack.append(mark)
    return not stack


def without_markers(text: str) -> str:
    """Returns a text without any marker or bracket of one."""
    return MARKER.sub("", text).replace(OPEN, "")


def placed_again(source: str, said: str) -> str:
    """Returns `said` with exactly the markers of `source`, each where it stands in it, by proportion of the text.

    The last resort, for a model that lost one: what is there is well formed, though perhaps a word off.
    """
    wanted, plain = markers_of(source), without_markers(said)
    length = max(1, len(without_markers(source)))
    at, places = 0, []
    for part in re.split(f"({MARKER_TEXT})", source):
        if MARKER.fullmatch(part):
            places.append(at / length)
        else:
            at += len(part)
    made, last = [], 0
    for mark, share in zip(wanted, places, strict=True):
        here = max(last, word_end(plain, round(share * len(plain))))
        made += [plain[last:here], mark]
        last = here
    return "".join([*made, plain[last:]])


def word_end(text: str, at: int) -> int:
    """Returns the first place from `at` on that is not inside a word of letters."""
    while 0 < at < len(text) and text[at - 1].isascii() and text[at - 1].isalnum() and text[at].isalnum():
        at += 1
    return at


def with_markers(source: str, target: str, drawn: random.Random) -> tuple[str, str] | None:
    """Returns a pair with markers for what both sides have once and alike, None where they have nothing alike.

    Of names that both have, as Chinese texts keep foreign ones, some become marked text: <n>Tom</n>.
    """
    if OPEN in source + target:
        return None
    found = [match[0] for pattern in (THINGS, NUMBER, NAME) for match in pattern.finditer(source)]
    alike = [
        thing for thing in dict.fromkeys(found) if source.count(thing) == 1 == target.count(thing) and thing.strip()
    ]
    alike = [thing for thing in alike if not any(thing != other and thing in other for other in alike)]
    if not alike:
        return None
    marks: dict[str, str] = {}
    for number, thing in enumerate(sorted(alike, key=source.index), start=1):
        around = drawn.random() < 0.4
        marks[thing] = f"{marker(number)}{thing}{marker(number, closes=True)}" if around else marker(number)
    any_thing = re.compile("|".join(map(re.escape, sorted(marks, key=len, reverse=True))))
    one, two = (any_thing.sub(lambda match: marks[match[0]], text) for text in (source, target))
    return one, two
