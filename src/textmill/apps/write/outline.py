"""The outline: a title and sections, each with a heading and what it should say; written by a model or by a person.

    {"title": "…", "sections": [{"heading": "…", "points": ["…"]}]}

A person's may also be Markdown: `# title`, `## heading`, `- point`. A section may have "words" of its own.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textmill.apps.write.order import MOST_SECTIONS, Order
from textmill.errors import InputError

LONGEST = {"en": 80, "zh": 30}
"""Characters of a title, heading or point that a model may write."""
HEADING = {
    "en": r"[A-Za-z0-9\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f ,:;'’()&/%?!.–—-]",
    "zh": r"[\u4e00-\u9fff][\u4e00-\u9fffA-Za-z0-9，、：《》（）·？！%.-]",  # text data
}
"""How a heading begins, and what it goes on with: no mark of Markdown, none of a citation, no other script."""
WORDS_A_SECTION = 120
MOST_POINTS = 3
TOLD = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section as planned. `words` 0: its share of what is left."""

    heading: str
    points: tuple[str, ...] = ()
    words: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """An article's plan."""

    title: str
    sections: tuple[Section, ...]

    def as_dict(self) -> dict[str, Any]:
        """Returns the outline as its file has it."""
        return {
            "title": self.title,
            "sections": [
                {"heading": each.heading, "points": list(each.points)} | ({"words": each.words} if each.words else {})
                for each in self.sections
            ],
        }

    @property
    def text(self) -> str:
        """The title and the headings, as readers see them."""
        return "\n".join((self.title, *(section.heading for section in self.sections)))

    def allotted(self, order: Order) -> "Outline":
        """Returns the outline with words for every section, which together are those of the order.

        Raises InputError where the sections' own words are more than that, or there is less than a sentence for each.
        """
        given = sum(section.words for section in self.sections)
        free = [section for section in self.sections if not section.words]
        left = order.words - given
        if left < 0 or (free and left < SHORTEST * len(free)) or (not free and given < order.room[0]):
            raise InputError("write.outline_words", words=order.words, given=given, sections=len(self.sections))
        sections, shares = [], _shares(left, len(free))
        for section in self.sections:
            sections.append(section if section.words else replace(section, words=shares.pop()))
        return replace(self, sections=tuple(sections))


SHORTEST = 8
"""Words of the shortest section."""


def _shares(whole: int, count: int) -> list[int]:
    """Returns `count` numbers that are as equal as can be and sum to `whole`."""
    return [whole // count + (number < whole % count) for number in range(count)] if count else []


def sections_wanted(order: Order) -> int:
    """Returns how many sections an article of this length has."""
    return order.sections or max(1, min(12, round(order.words / WORDS_A_SECTION)))


def outline_schema(count: int, language: str) -> dict[str, Any]:
    """Returns the JSON schema of an outline with so many sections."""
    text = {"type": "string", "pattern": rf"^{HEADING[language]}{{1,{LONGEST[language]}}}$"}
    section = {
        "type": "object",
        "properties": {
            "heading": text,
            "points": {"type": "array", "items": text, "minItems": 1, "maxItems": MOST_POINTS},
        },
        "required": ["heading", "points"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "title": text,
            "sections": {"type": "array", "items": section, "minItems": count, "maxItems": count},
        },
        "required": ["title", "sections"],
        "additionalProperties": False,
    }


def read_outline(path: Path) -> Outline:
    """Returns the outline in a file, .json or Markdown; raises InputError for what is none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError:
        raise InputError("usage.no_file", option="--outline", file=path) from None
    except UnicodeDecodeError:
        raise InputError("usage.file_not_utf8", option="--outline", file=path) from None
    if path.suffix.lower() != ".json":
        return checked(from_markdown(text), path)
    try:
        return checked(from_json(json.loads(text)), path)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError("write.outline", file=path, detail=str(error)[:TOLD]) from None


def checked(outline: Outline, path: object) -> Outline:
    """Returns the outline if it can be written; `path` is where it came from."""
    if not outline.title.strip() or not outline.sections:
        raise InputError("write.outline", file=path, detail=f"{outline.title!r}, {len(outline.sections)}")
    if len(outline.sections) > MOST_SECTIONS:
        raise InputError("write.outline_long", file=path, most=MOST_SECTIONS, got=len(outline.sections))
    if not all(section.heading.strip() for section in outline.sections):
        raise InputError("write.outline", file=path, detail="heading")
    return outline


def from_json(value: Any) -> Outline:
    """Returns the outline of a JSON object; raises ValueError, TypeError or KeyError for another."""
    sections = []
    for item in value["sections"]:
        heading, points, words = item["heading"], item.get("points", []), item.get("words", 0)
        if not isinstance(heading, str) or not all(isinstance(point, str) for point in points):
            raise TypeError("heading, points")
        if not isinstance(words, int) or isinstance(words, bool) or words < 0:
            raise ValueError(f"words: {words!r}")
        sections.append(Section(heading=plain(heading), points=tuple(map(plain, points)), words=words))
    if not isinstance(value["title"], str):
        raise TypeError("title")
    return Outline(title=plain(value["title"]), sections=tuple(sections))


def from_markdown(text: str) -> Outline:
    """Returns the outline of a Markdown text; what is neither heading nor point is left out."""
    title, sections = "", list[Section]()
    for line in text.splitlines():
        if match := re.match(r"#{2,6}\s+(.+)", line):
            sections.append(Section(heading=plain(match[1])))
        elif match := re.match(r"#\s+(.+)", line):
            title = plain(match[1])
        elif (match := re.match(r"\s*(?:[-*+]|\d+[.)])\s+(.+)", line)) and sections:
            sections[-1] = replace(sections[-1], points=(*sections[-1].points, plain(match[1])))
    return Outline(title=title, sections=tuple(sections))


def plain(text: str) -> str:
    """Returns a heading on one line; it ends without a full stop, which small models like to set."""
    return re.sub(r"\s+", " ", text).strip().rstrip(".。").rstrip()  # text data
