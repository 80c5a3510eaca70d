"""An article on its way: what was ordered, its outline, and the sentences so far; kept on disk sentence by sentence.

The file lies beside the article (`ARTICLE.md.textmill.json`), so that a stopped one goes on and any section can be
written anew. A draw depends on the order's seed and its place alone: a stopped article ends in the same words.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textmill.apps.write.candidates import Sentence
from textmill.apps.write.order import Order, length
from textmill.apps.write.outline import Outline, from_json
from textmill.apps.write.sources import Source
from textmill.errors import InputError
from textmill.files import write_json

ENDING = ".textmill.json"
VERSION = 1


@dataclass(slots=True, kw_only=True)
class Piece:
    """One article. `sections[i]` are the sentences of the outline's section i."""

    order: Order
    outline: Outline
    sources: list[Source] = field(default_factory=list)
    sections: list[list[Sentence]] = field(default_factory=list)
    complete: list[bool] = field(default_factory=list)
    model: str = ""
    watermark: str = ""
    """The fingerprint of the key whose mark it carries."""
    place: Path | None = None
    """Where it is kept; None: nowhere."""

    @property
    def language(self) -> str:
        """The language that it is written in."""
        return self.order.text_language

    @property
    def words(self) -> int:
        """How long it is so far."""
        return sum(map(self.section_words, range(len(self.sections))))

    def section_words(self, number: int) -> int:
        """Returns how long a section is so far."""
        return sum(length(sentence.text) for sentence in self.sections[number])

    def joined(self, number: int) -> str:
        """Returns a section's text so far, in one line."""
        return ("" if self.language == "zh" else " ").join(each.text for each in self.sections[number])

    @property
    def body(self) -> str:
        """All that is written, a line a section."""
        return "\n".join(self.joined(number) for number in range(len(self.sections)))

    @property
    def cited(self) -> list[Source]:
        """The sources that are cited, by number."""
        numbers = {each.source for section in self.sections for each in section}
        return [source for source in self.sources if source.number in numbers]

    def begin(self, model: str) -> None:
        """Makes room for the sections of an article that has none yet."""
        self.model = model
        if not self.sections:
            self.sections = [[] for _ in self.outline.sections]
            self.complete = [False for _ in self.outline.sections]

    def clear(self, number: int) -> None:
        """Empties section `number`, counted from 1, so that it is written anew."""
        if not 1 <= number <= len(self.sections):
            raise InputError("write.no_section", most=len(self.sections), got=number)
        self.sections[number - 1], self.complete[number - 1] = [], False

    def save(self) -> None:
        """Writes what there is, whole or not at all."""
        if self.place is not None:
            write_json(self.place, self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Returns the article as its file has it; of sources, what it takes to see that they are the same."""
        return {
            "version": VERSION,
            "model": self.model,
            "watermark": self.watermark,
            "order": self.order.as_dict(),
            "outline": self.outline.as_dict(),
            "sources": [described(source) for source in self.sources],
            "sections": [[sentence.as_dict() for sentence in section] for section in self.sections],
            "complete": self.complete,
        }


def described(source: Source) -> dict[str, Any]:
    """Returns what an article's file says of a source."""
    return {"number": source.number, "title": source.title, "place": source.place, "characters": len(source.text)}


def state_file(out: Path) -> Path:
    """Returns where the state of the article `out` is kept."""
    return out.with_name(out.name + ENDING)


def take_up(
    place: Path, order: Order, sources: list[Source], outline: Outline | None, watermark: str = ""
) -> Piece | None:
    """Returns the article kept at `place`, None where there is none; raises InputError where it is another one."""
    if not place.is_file():
        return None
    try:
        value = json.loads(place.read_text(encoding="utf-8"))
        if value["version"] != VERSION:
            raise ValueError(f"version {value['version']}")
        found = Piece(
            order=Order.from_dict(value["order"]),
            outline=from_json(value["outline"]),
            sources=sources,
            sections=[[Sentence.from_dict(item) for item in section] for section in value["sections"]],
            complete=[bool(each) for each in value["complete"]],
            model=str(value["model"]),
            watermark=str(value.get("watermark", "")),
            place=place,
        )
        listed = value["sources"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("write.state", file=place, detail=str(error)[:80]) from None
    same = listed == [described(source) for source in sources] and found.order == order and found.watermark == watermark
    if not same or (outline is not None and outline.allotted(order) != found.outline):
        raise InputError("write.other_piece", file=place)
    return found
