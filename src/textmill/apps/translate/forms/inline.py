"""A stretch of text with tags in it: tags become markers, those around the whole of it are taken off.

    <b>Press <i>this</i></b><br>  ─▶  before "<b>", "Press <1>this</1>", behind "</b><br>"

A tag that opens and closes here is a pair; one without its partner in this stretch stands alone. So what a file has of
broken nesting comes out exactly as it went in.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from textmill.apps.translate.forms.piece import Piece, Unit
from textmill.apps.translate.markers import Marked, Marking, without_markers

TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)((?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*')*)>")
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffc\ufffe\uffff\ud800-\udfff]+")
LINE_ENDS = re.compile("[\n\r\x0b\x0c\x85\u2028\u2029]+")
LETTER = re.compile(r"[^\W\d_]")
"""What has none of these, such as a figure in a table, is the same in all languages."""
TEXT, THING, WORD, OPENS, CLOSES = "text", "thing", "word", "opens", "closes"


@dataclass(slots=True, kw_only=True)
class Token:
    """One thing of a stretch. `raw`: as it is written; `text`: what is said; `partner`: of a pair, the other's place.

    A `weak` pair may be open across others' ends in the source; it is no pair then, and never breaks a stronger one.
    """

    kind: str
    raw: str
    text: str = ""
    name: str = ""
    weak: bool = False
    partner: int = -1

    @property
    def silent(self) -> bool:
        """True for a tag and for blanks."""
        return self.kind != WORD and not self.text.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch without what stands around it."""

    before: str
    marked: Marked
    behind: str


class Inline:
    """A stretch in the making. `escape`: how text is written in the file."""

    def __init__(self, escape: Callable[[str], str] = str, *, numbers: bool = False) -> None:
        self.escape, self.numbers = escape, numbers
        self.tokens: list[Token] = []

    def say(self, text: str, raw: str | None = None) -> None:
        """Adds what is said, as people read it and as it is written."""
        raw = text if raw is None else raw
        if self.tokens and self.tokens[-1].kind == TEXT:
            self.tokens[-1].text += text
            self.tokens[-1].raw += raw
        elif raw:
            self.tokens.append(Token(kind=TEXT, raw=raw, text=text))

    def thing(self, raw: str) -> None:
        """Adds what stands alone."""
        self.tokens.append(Token(kind=THING, raw=raw))

    def word(self, raw: str) -> None:
        """Adds what stands in a sentence for a word, such as code."""
        self.tokens.append(Token(kind=WORD, raw=raw))

    def opens(self, name: str, raw: str, *, weak: bool = False) -> None:
        """Adds what opens a pair."""
        self.tokens.append(Token(kind=OPENS, raw=raw, name=name, weak=weak))

    def closes(self, name: str, raw: str, *, weak: bool = False) -> None:
        """Adds what closes the innermost open pair of that name."""
        self.tokens.append(Token(kind=CLOSES, raw=raw, name=name, weak=weak))

    def segment(self) -> Segment | None:
        """Returns the stretch; None where it says nothing."""
        tokens = self.tokens
        pair_up(tokens)
        first, last = inner(tokens)
        before, behind = ["".join(token.raw for token in some) for some in (tokens[:first], tokens[last:])]
        marking, opened, depth = Marking(self.escape, numbers=self.numbers), dict[int, int](), 0
        for place in range(first, last):
            token = tokens[place]
            if token.kind == TEXT:
                text = token.text
                if place == first:
                    before, text = before + text[: len(text) - len(text.lstrip())], text.lstrip()
                if place == last - 1:
                    behind, text = text[len(text.rstrip()) :] + behind, text.rstrip()
                say_lines(marking, text, whole=depth > 0)
            elif token.partner < 0:
                marking.thing(token.raw)
            elif token.kind == OPENS:
                opened[place], depth = marking.opens(token.raw), depth + 1
            else:
                marking.closes(opened[token.partner], token.raw)
                depth -= 1
        escape = self.escape
        marked = replace(marking.marked(), escape=lambda text: escape(printable(text)))
        return (
            Segment(before=before, marked=marked, behind=behind)
            if LETTER.search(without_markers(marked.text))
            else None
        )

    def unit(self, raw: str) -> Piece:
        """Returns the piece that `raw`, whose content was added, is."""
        segment = self.segment()
        if segment is None:
            return raw
        before, behind = segment.before, segment.behind
        return Unit(texts=(segment.marked,), write=lambda said: before + said[0].text + behind, size=len(raw))


def printable(text: str) -> str:
    """Returns what a model wrote without control characters, which no XML may have, and in one line."""
    return LINE_ENDS.sub(" ", CONTROLS.sub("", text))


def say_lines(marking: Marking, text: str, *, whole: bool) -> None:
    """Adds text; a `whole` one, within a pair, has its lines' ends as things: else it would be cut there."""
    parts = re.split(r"(\r\n|\n|\r)", text) if whole else [text]
    for number, part in enumerate(parts):
        (marking.thing if number % 2 else marking.say)(part)


def pair_up(tokens: list[Token]) -> None:
    """Finds the partner of each tag."""
    stack: list[int] = []
    for place, token in enumerate(tokens):
        if token.kind == OPENS:
            stack.append(place)
        elif token.kind == CLOSES and reaches(tokens, stack, token):
            while tokens[stack[-1]].name != token.name:
                stack.pop()
            other = stack.pop()
            token.partner, tokens[other].partner = other, place


def reaches(tokens: list[Token], stack: list[int], token: Token) -> bool:
    """True where what a tag closes is open, for a weak one with no stronger one open inside."""
    for other in reversed(stack):
        if tokens[other].name == token.name:
            return True
        if token.weak and not tokens[other].weak:
            return False
    return False


def inner(tokens: list[Token]) -> tuple[int, int]:
    """Returns where the text begins and ends without the blanks, lone tags, empty pairs and pairs around it."""
    first, last = 0, len(tokens)
    while first < last:
        step, back = silent_at(tokens, first, last), silent_at(tokens, last - 1, first - 1)
        if step:
            first += step
        elif back:
            last -= back
        elif last - first > 1 and tokens[first].partner == last - 1:
            first, last = first + 1, last - 1
        else:
            break
    return first, last


def silent_at(tokens: list[Token], at: int, end: int) -> int:
    """Returns how many tokens from `at` towards `end` say nothing and can be left out together."""
    token, step = tokens[at], 1 if end > at else -1
    if not token.silent:
        return 0
    if token.partner < 0:
        return 1
    span = tokens[at : token.partner + 1] if step > 0 else tokens[token.partner : at + 1]
    return len(span) if all(each.silent for each in span) else 0


def tagged(text: str, *, numbers: bool = False, escape: Callable[[str], str] = str) -> Inline:
    """Returns a plain text, in which tags may stand as they do in many catalogues and subtitles."""
    inline, at = Inline(escape, numbers=numbers), 0
    for match in TAG.finditer(text):
        inline.say(text[at : match.start()])
        if match[1]:
            inline.closes(match[2], match[0])
        elif match[3].endswith("/"):
            inline.thing(match[0])
        else:
            inline.opens(match[2], match[0])
        at = match.end()
    inline.say(text[at:])
    return inline
