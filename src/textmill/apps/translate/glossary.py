"""Terms: what a word must become (a glossary, CSV or TBX), and what must not be translated at all.

    source term ─▶ one or several ways to write it in the target ("Bank|Geldinstitut"); the decoder's grammar asks for
    one of them, and leaves to the model how the sentence inflects around it; a model that still does not say it gets
    the term as a marker. What is not to be translated is a marker always.

Two lines that give one term different translations contradict one another and are refused by name.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from textmill.apps.translate.languages import known_language, language_code
from textmill.apps.translate.markers import MARKER_TEXT, Marked, marker
from textmill.apps.translate.pairs import Direction
from textmill.data import charset
from textmill.data.safe_xml import XMLProblem, events
from textmill.errors import InputError

LARGEST = 64 << 20
Entry = dict[str, str]
"""A term in each of its languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glossary:
    """`terms`: {direction: {term, in small letters: how it may be written}}; `kept`: what is not translated."""

    terms_of: dict[Direction, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    def terms(self, text: str, direction: Direction) -> tuple[tuple[str, ...], ...]:
        """Returns what must be in the translation of a text; of terms within one another the longest counts."""
        known = self.terms_of.get(direction, {})
        if not known:
            return ()
        found = []
        for match in pattern_of(known).finditer(text):
            found.append(known[match[0].casefold()])
        return tuple(dict.fromkeys(found))

    def protected(self, marked: Marked, direction: Direction) -> Marked:
        """Returns a text with markers for what is not to be translated as well."""
        return with_things(marked, {word.casefold(): "" for word in self.kept}) if self.kept else marked

    def as_things(self, marked: Marked, direction: Direction) -> Marked:
        """Returns a text whose terms are markers that stand for their translation: a model cannot miss them."""
        known = self.terms_of.get(direction, {})
        return with_things(marked, {term: writings[0] for term, writings in known.items()}) if known else marked


def with_things(marked: Marked, becomes: Mapping[str, str]) -> Marked:
    """Returns a text with markers for words, which stand for what they become; "" is the word itself."""
    things, pattern = list(marked.things), pattern_of(becomes)

    def mark(match: re.Match[str]) -> str:
        things.append((marked.escape(becomes[match[0].casefold()] or match[0]), ""))
        return marker(len(things))

    parts = re.split(f"({MARKER_TEXT})", marked.text)
    text = "".join(part if re.fullmatch(MARKER_TEXT, part) else pattern.sub(mark, part) for part in parts)
    return replace(marked, text=text, things=tuple(things))


def pattern_of(terms: Iterable[str]) -> re.Pattern[str]:
    """Returns what finds any of the terms, whole words where they are written with spaces."""
    parts = []
    for term in sorted(terms, key=len, reverse=True):
        before = r"(?<![A-Za-z0-9])" if term[:1].isascii() else ""
        behind = r"(?![A-Za-z0-9])" if term[-1:].isascii() else ""
        parts.append(before + re.escape(term) + behind)
    return re.compile("|".join(parts), re.IGNORECASE)


def read_glossary(file: Path | None, kept: Path | None, languages: tuple[str, ...]) -> Glossary:
    """Returns the glossary of a CSV, TSV or TBX file and of a list of what is not translated, a line each.

    `languages`: those of the columns of a table without a head. InputError for what is broken or contradicts itself.
    """
    terms: dict[Direction, dict[str, tuple[str, ...]]] = {}
    places: dict[tuple[Direction, str], str] = {}
    for place, entry in entries_of(file, languages) if file else ():
        for source in entry:
            for target in entry:
                if source != target:
                    add(terms, places, Direction(source, target), entry, place)
    lines = text_of(kept).splitlines() if kept else []
    return Glossary(terms_of=terms, kept=tuple(dict.fromkeys(line.strip() for line in lines if line.strip())))


def given_glossary(terms: Mapping[str, str], kept: Iterable[str], direction: Direction) -> Glossary:
    """Returns the glossary of terms that were given with their translations, and of words that stay as they are."""
    found: dict[Direction, dict[str, tuple[str, ...]]] = {}
    places: dict[tuple[Direction, str], str] = {}
    for term, writings in terms.items():
        add(found, places, direction, {direction.source: term, direction.target: writings}, term)
    return Glossary(terms_of=found, kept=tuple(dict.fromkeys(word.strip() for word in kept if word.strip())))


def add(
    terms: dict[Direction, dict[str, tuple[str, ...]]],
    places: dict[tuple[Direction, str], str],
    direction: Direction,
    entry: Entry,
    place: str,
) -> None:
    """Takes in a term in one direction; each of its spellings in the source must be written as the target says."""
    writings = tuple(part.strip() for part in entry[direction.target].split("|") if part.strip())
    for spelling in (part.strip() for part in entry[direction.source].split("|")):
        key = spelling.casefold()
        if not key or not writings:
            continue
        known = terms.setdefault(direction, {})
        before = known.get(key)
        if before is not None and set(map(str.casefold, before)) != set(map(str.casefold, writings)):
            first, now = "|".join(before), "|".join(writings)
            other = places[direction, key]
            raise InputError(
                "translate.contradiction", term=spelling, first=first, place=other, second=now, other=place
            )
        known[key] = writings
        places[direction, key] = place


def entries_of(file: Path, languages: tuple[str, ...]) -> Iterator[tuple[str, Entry]]:
    """Yields (place, term) of a glossary file."""
    ending = file.suffix.lower()
    if ending in (".csv", ".tsv", ".txt"):
        return table_entries(file, languages)
    if ending in (".tbx", ".xml"):
        return tbx_entries(file)
    raise InputError("translate.glossary_ending", file=file)


def table_entries(file: Path, languages: tuple[str, ...]) -> Iterator[tuple[str, Entry]]:
    """Yields the terms of a table."""
    text = text_of(file)
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    head = [known_language(cell.strip().lower()) for cell in rows[0]] if rows else []
    named = len([code for code in head if code]) > 1
    columns = dict(enumerate(head)) if named else dict(enumerate(languages))
    for number, row in enumerate(rows[1:] if named else rows, start=2 if named else 1):
        cells = {code: row[at].strip() for at, code in columns.items() if code and at < len(row) and row[at].strip()}
        if len(cells) > 1:
            yield f"{file.name}:{number}", cells
        elif any(cell.strip() for cell in row) and not row[0].startswith("#"):
            raise InputError("translate.glossary_row", file=file, line=number, got=",".join(row)[:80])


def tbx_entries(file: Path) -> Iterator[tuple[str, Entry]]:
    """Yields the concepts of a TBX file, of either of its generations; several terms of a language are choices."""
    entry: dict[str, list[str]] = {}
    language, text, inside, number = "", "", False, 0
    try:
        with open(file, "rb") as stream:
            for kind, name, attributes in events(stream, LARGEST):
                if kind == "text":
                    text += name if inside else ""
                elif kind == "start":
                    if name in ("termEntry", "conceptEntry"):
                        entry, number = {}, number + 1
                    elif name in ("langSet", "langSec"):
                        language = language_code(attributes.get("lang", ""))
                    elif name == "term":
                        text, inside = "", True
                elif name == "term":
                    inside = False
                    if text.strip() and language:
                        entry.setdefault(language, []).append(text.strip())
                elif name in ("termEntry", "conceptEntry") and len(entry) > 1:
                    yield f"{file.name}:{number}", {code: "|".join(some) for code, some in entry.items()}
    except XMLProblem as error:
        raise InputError("translate.broken_xml", file=file, detail=error) from error
    except OSError as error:
        raise InputError("translate.unreadable", file=file, detail=error.strerror or error) from error


def text_of(file: Path) -> str:
    """Returns the text of a small file in whatever encoding."""
    try:
        decoded = charset.decode(file.expanduser().read_bytes())
    except OSError as error:
        raise InputError("translate.unreadable", file=file, detail=error.strerror or error) from error
    if decoded is None:
        raise InputError("translate.not_text", file=file)
    return decoded.text
