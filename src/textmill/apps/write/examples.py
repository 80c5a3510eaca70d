"""Articles that somebody wrote, read as what they would have been ordered as: topic, outline, length.

    FILE.md ──front matter, headings, paragraphs──▶ Example ──reversed──▶ the requests that a writer makes, and its text

Front matter (lines `key: value` between two lines `---`) may name `title` and `topic`. Without it the title is the
first heading, or a short first line, or the file's name. A section's points are the first clauses of its first sentence
and of the one in its middle: what a writer is told to say is found again in what it says.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from textmill.apps.write.order import length
from textmill.apps.write.outline import LONGEST, WORDS_A_SECTION, Outline, Section, plain
from textmill.data.language import detect_language
from textmill.data.sentences import sentences
from textmill.errors import InputError

ENDINGS = (".md", ".markdown", ".txt")
FEWEST_WORDS = 20
LEAST = 5
"""Examples below which there is nothing to hold out and little to learn."""
HELD_OUT = 0.1
"""Of the articles, how many are held out at the least; one where that is less."""
CLAUSE = re.compile(r"[.!?;:。！？；：，]|,\s")  # text data
LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One article. `sections` are (heading, text); a text without headings has stretches under the title's name."""

    place: str
    topic: str
    title: str
    language: str
    sections: tuple[tuple[str, str], ...]
    headed: bool

    @property
    def text(self) -> str:
        """All that it says, without headings."""
        return "\n\n".join(text for _, text in self.sections)

    @property
    def outline(self) -> Outline:
        """The outline that it keeps to."""
        made = tuple(
            Section(heading=heading, points=points(text, self.language), words=length(text))
            for heading, text in self.sections
        )
        return Outline(title=self.title, sections=made)


def read_examples(places: Sequence[Path]) -> tuple[list[Example], int]:
    """Returns the articles of files and folders and how many files had too little text; InputError for too few."""
    found, unread = list[Example](), 0
    for path in _files(places):
        example = parse(path.read_text(encoding="utf-8-sig", errors="replace"), path.stem)
        if example is None or length(example.text) < FEWEST_WORDS:
            unread += 1
        else:
            found.append(replace(example, place=str(path)))
    if not found:
        raise InputError("write.examples_none", places=", ".join(map(str, places)), unread=unread)
    if len(found) < LEAST:
        raise InputError("write.examples_few", least=LEAST, got=len(found))
    return found, unread


def _files(places: Sequence[Path]) -> Iterable[Path]:
    for place in places:
        if not place.exists():
            raise InputError("write.no_source", place=place)
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from (path for path in inside if path.is_file() and path.suffix.lower() in ENDINGS)


def parse(text: str, name: str) -> Example | None:
    """Returns the article of a file's text; None where there is none."""
    front, text = front_matter(text)
    title = front.get("title", "")
    sections: list[tuple[str, list[str]]] = [("", [])]
    for block in (part.strip() for part in re.split(r"\n\s*\n", text)):
        lines = block.splitlines()
        while lines and (match := re.match(r"(#{1,6})\s+(.+)", lines[0])):
            heading = plain(match[2])
            if len(match[1]) == 1 and not title:
                title = heading
            elif heading != title:
                sections.append((heading, []))
            del lines[0]
        if lines and not title and not sections[0][1] and len(lines) == 1 and _is_title(lines[0]):
            title = plain(lines[0])
        elif lines:
            sections[-1][1].append(" ".join(line.strip() for line in lines))
    title = title or plain(name.replace("_", " ").replace("-", " "))
    headed = any(heading for heading, _ in sections)
    kept = [(heading or title, " ".join(parts)) for heading, parts in sections if parts]
    if not kept:
        return None
    whole = " ".join(part for _, part in kept)
    spoken = detect_language(whole)
    language = front.get("language", "")[:2] or ("zh" if spoken in ("zh", "ja") else "en")
    kept = kept if headed else _stretches(title, sections[0][1])
    return Example(
        place=name,
        topic=front.get("topic", "") or title,
        title=title,
        language=language if language in ("en", "zh") else "en",
        sections=tuple(kept),
        headed=headed,
    )


def front_matter(text: str) -> tuple[dict[str, str], str]:
    """Returns the `key: value` lines at the head of a text, and the rest."""
    match = re.match(r"---[ \t]*\n(.*?)\n---[ \t]*(?:\n|$)", text, re.DOTALL)
    if match is None:
        return {}, text
    pairs = (line.partition(":") for line in match[1].splitlines())
    return {key.strip().lower(): plain(value).strip("\"'") for key, colon, value in pairs if colon}, text[match.end() :]


def _is_title(line: str) -> bool:
    return len(line) <= LONGEST_TITLE and line.rstrip()[-1:] not in ".!?。！？"  # text data


def _stretches(title: str, paragraphs: Sequence[str]) -> list[tuple[str, str]]:
    """Returns paragraphs in stretches of about a section's length."""
    found, words = [""], 0
    for paragraph in paragraphs:
        if words >= WORDS_A_SECTION:
            found.append("")
            words = 0
        found[-1] = f"{found[-1]} {paragraph}".strip()
        words += length(paragraph)
    return [(title, text) for text in found]


def points(text: str, language: str) -> tuple[str, ...]:
    """Returns what a section says, in a few words."""
    said = [" ".join(sentence.split()) for sentence in sentences(text)]
    said = [sentence for sentence in said if length(sentence) > 2]
    chosen = dict.fromkeys(clause(said[at], LONGEST[language]) for at in (0, len(said) // 2)) if said else {}
    return tuple(each for each in chosen if each)


def clause(sentence: str, longest: int) -> str:
    """Returns the beginning of a sentence, up to its first pause."""
    text = CLAUSE.split(sentence.strip('"“” '), maxsplit=1)[0].strip()
    if len(text) > longest:
        text = text[:longest].rpartition(" ")[0] or text[:longest]
    return text.strip()


def held_out(examples: Sequence[Example], share: float) -> set[str]:
    """Returns the places of the articles that are kept for measuring: those whose texts' hashes come first."""
    count = max(1, round(len(examples) * max(share, HELD_OUT)))
    ranked = sorted(examples, key=lambda each: hashlib.sha256(each.text.encode()).digest())
    return {each.place for each in ranked[:count]}
