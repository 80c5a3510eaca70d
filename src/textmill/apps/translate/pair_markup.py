"""Pairs from TMX, XLIFF 1.2 and 2, and from web pages in two languages, all read by the project's one XML parser."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

from textmill.apps.translate.languages import language_code
from textmill.apps.translate.pairs import Pair
from textmill.data import charset
from textmill.data.safe_xml import XMLProblem, events
from textmill.errors import InputError

if TYPE_CHECKING:
    from textmill.apps.translate.pair_files import Reading

LONGEST_PART = 8 << 20
CODES = frozenset({"bpt", "ept", "ph", "it", "ut", "sub"})
"""Elements inside a segment that hold another file's code, not text."""
SKIPPED = frozenset({"script", "style", "template", "noscript", "svg", "math", "head"})
BLOCKS = frozenset(
    {
        *("p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "th", "dt", "dd", "blockquote", "figcaption", "caption"),
        *("summary", "div", "section", "article", "title", "pre"),
    }
)
SPACE = re.compile(r"\s+")


def markup_pairs(path: Path, ending: str, reading: "Reading") -> Iterator[Pair]:
    """Yields the pairs of a TMX or XLIFF file."""
    from textmill.apps.translate.pair_files import opened

    reader = tmx_units if ending == ".tmx" else xliff_units
    with opened(path) as stream:
        try:
            for number, texts in enumerate(reader(stream), start=1):
                place = f"{path.name}:{number}"
                found = {code: text for code, text in texts.items() if code and text.strip()}
                if len(found) < 2:
                    reading.found.leave_out("form", place)
                    continue
                first, *others = found
                for other in others:
                    yield Pair(
                        first=found[first],
                        second=found[other],
                        languages=(first, other),
                        place=place,
                        held_out=reading.held_out,
                    )
        except (XMLProblem, OSError, EOFError) as error:
            raise InputError("translate.broken_xml", file=path, detail=error) from error


def tmx_units(stream) -> Iterator[dict[str, str]]:
    """Yields {language: text} of each translation unit; the text of inline codes is not text."""
    unit: dict[str, str] = {}
    language, text, inside, code = "", "", False, 0
    for kind, name, attributes in events(stream, LONGEST_PART):
        if kind == "text":
            text += name if inside and not code else ""
        elif kind == "start":
            if name == "tu":
                unit = {}
            elif name == "tuv":
                language = language_code(attributes.get("lang", ""))
            elif name == "seg":
                text, inside = "", True
            elif inside and name in CODES:
                code += 1
        elif name == "seg":
            unit.setdefault(language, text)
            inside = False
        elif name == "tu":
            yield unit
        elif inside and name in CODES:
            code -= 1


def xliff_units(stream) -> Iterator[dict[str, str]]:
    """Yields {language: text} of each segment that has a target."""
    sides = {"source": "", "target": ""}
    texts: dict[str, str] = {}
    into, code, aside = "", 0, 0
    for kind, name, attributes in events(stream, LONGEST_PART):
        if kind == "text":
            if into and not code:
                texts[into] = texts.get(into, "") + name
            continue
        step = 1 if kind == "start" else -1
        if name == "alt-trans":
            aside += step
        if aside:
            continue
        if kind == "start" and name in ("file", "xliff"):
            sides["source"] = (
                language_code(attributes.get("source-language") or attributes.get("srcLang") or "") or (sides["source"])
            )
            sides["target"] = (
                language_code(attributes.get("target-language") or attributes.get("trgLang") or "") or (sides["target"])
            )
        elif name in ("source", "target"):
            into = name if kind == "start" else ""
        elif into and name in CODES:
            code += step
        elif name in ("trans-unit", "segment"):
            if kind == "end" and "target" in texts:
                yield {sides[side]: texts.get(side, "") for side in sides}
            texts = {}


class Blocks(HTMLParser):
    """The blocks of a page: each one's element and its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self._name, self._text, self._skipped = "", "", 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begins a block, or what is left out."""
        if tag in SKIPPED:
            self._skipped += 1
        elif tag in BLOCKS:
            self.flush(tag)

    def handle_endtag(self, tag: str) -> None:
        """Ends a block."""
        if tag in SKIPPED:
            self._skipped = max(0, self._skipped - 1)
        elif tag in BLOCKS:
            self.flush("")

    def handle_data(self, data: str) -> None:
        """Takes text."""
        if not self._skipped:
            self._text += data

    def flush(self, name: str) -> None:
        """Keeps the block so far and begins another."""
        text = SPACE.sub(" ", self._text).strip()
        if text:
            self.found.append((self._name, text))
        self._name, self._text = name, ""


def page_blocks(path: Path) -> list[tuple[str, str]]:
    """Returns the blocks of a web page."""
    from textmill.apps.translate.pair_files import opened

    with opened(path) as stream:
        data = stream.read()
    decoded = charset.decode(data)
    if decoded is None:
        raise InputError("translate.not_text", file=path)
    parser = Blocks()
    parser.feed(decoded.text)
    parser.close()
    parser.flush("")
    return parser.found


def page_pairs(sides: dict[str, Path], reading: "Reading") -> Iterator[Pair]:
    """Yields the blocks of pages that are one another's translation, where their elements run alike."""
    (first, one), *others = ((code, page_blocks(path)) for code, path in sides.items())
    for other, two in others:
        matcher = SequenceMatcher(None, [name for name, _ in one], [name for name, _ in two], autojunk=False)
        for left, right, size in matcher.get_matching_blocks():
            for at in range(size):
                place = f"{sides[first].name}:{left + at + 1}"
                yield Pair(
                    first=one[left + at][1],
                    second=two[right + at][1],
                    languages=(first, other),
                    place=place,
                    held_out=reading.held_out,
                )
        missing = max(len(one), len(two)) - sum(block.size for block in matcher.get_matching_blocks())
        for number in range(missing):
            reading.found.leave_out("no_partner", f"{sides[first].name}+{number}")
