"""DOCX: the paragraphs of the body, headers, footers, notes and text boxes; every other part is copied as it is.

    package.zip ─▶ word/document.xml, header1.xml, footnotes.xml … ─▶ paragraphs ─▶ the same package

XML is parsed first by the project's parser (no DTD, no entities) and what comes out of the archive is counted, so that
a small file cannot become a large one.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from textmill.apps.translate.forms.docx_paragraph import paragraph_piece
from textmill.apps.translate.forms.piece import FormOptions, Piece
from textmill.data.formats_in.archives import DAMAGE, counted
from textmill.data.formats_in.problem import Budget, Unreadable
from textmill.data.safe_xml import XMLProblem, events
from textmill.errors import InputError

TEXT_PARTS = re.compile(r"word/(?:document|header|footer|footnotes|endnotes)\d*\.xml")
PARAGRAPH = re.compile(r"<w:p(?=[\s>])[^<>]*(?<!/)>")
INNER = re.compile(r"<(/?)w:p(?=[\s>])[^<>]*(?<!/)>")
MOST_BYTES = 4 << 30
LONGEST_PART = 8 << 20
END_OF_PART = "\0"
"""Ends a part among the pieces: no XML has this sign."""


@dataclass(slots=True, kw_only=True)
class WordFile:
    """A document in a package."""

    path: Path
    options: FormOptions
    source: str = ""
    notes: list[str] = field(default_factory=list)
    name: str = "DOCX"
    size: int = 0
    budget: Budget = field(init=False)
    encodings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.budget = Budget.of(self.path.stat().st_size, MOST_BYTES)
        names = [info.filename for info in self.infos() if TEXT_PARTS.fullmatch(info.filename)]
        if not any(name.startswith("word/document") for name in names):
            raise InputError("translate.broken_docx", file=self.path, detail="word/document.xml?")
        for name in names:
            data = self.part(name)
            self.encodings[name] = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
            self.check(name, data)
            self.size += len(data.decode(self.encodings[name]))

    def infos(self) -> list[zipfile.ZipInfo]:
        """Returns what the package holds; InputError where it is none."""
        try:
            with zipfile.ZipFile(self.path) as package:
                return package.infolist()
        except DAMAGE as error:
            raise InputError("translate.broken_docx", file=self.path, detail=error) from error

    def part(self, name: str) -> bytes:
        """Returns a part's bytes; InputError where it is damaged, locked or larger than any honest one."""
        self.budget = Budget.of(self.path.stat().st_size, MOST_BYTES) if name in self.encodings else self.budget
        try:
            with zipfile.ZipFile(self.path) as package, package.open(name) as stream:
                return counted(stream, self.budget).read()
        except Unreadable as problem:
            raise InputError("translate.broken_docx", file=self.path, detail=f"{name}: {problem.reason}") from problem
        except DAMAGE as error:
            raise InputError("translate.broken_docx", file=self.path, detail=f"{name}: {error}") from error

    def check(self, name: str, data: bytes) -> None:
        """Raises InputError where a part is no XML that we take, or not in the encoding that it begins with."""
        try:
            data.decode(self.encodings[name])
            for _ in events(io.BytesIO(data), LONGEST_PART):
                pass
        except (XMLProblem, UnicodeError) as error:
            raise InputError("translate.broken_docx", file=self.path, detail=f"{name}: {error}") from error

    def pieces(self) -> Iterator[Piece]:
        """Yields the pieces of all parts that hold text, each ended."""
        for name, encoding in self.encodings.items():
            yield from part_pieces(self.part(name).decode(encoding), self.options)
            yield END_OF_PART

    def copied(self, package: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
        """Returns what is copied as it is; InputError where it is damaged or a bomb."""
        try:
            with package.open(info) as stream:
                return counted(stream, budget).read()
        except (Unreadable, *DAMAGE) as error:
            detail = f"{info.filename}: {getattr(error, 'reason', error)}"
            raise InputError("translate.broken_docx", file=self.path, detail=detail) from error

    def save(self, file: BinaryIO, texts: Iterator[str]) -> None:
        """Writes the package; what is not translated is copied with its date and its way of compression."""
        budget = Budget.of(self.path.stat().st_size, MOST_BYTES)
        with zipfile.ZipFile(self.path) as package, zipfile.ZipFile(file, "w") as made:
            for info in package.infolist():
                if info.filename not in self.encodings:
                    data = self.copied(package, info, budget)
                else:
                    text = "".join(iter(lambda: next(texts), END_OF_PART))
                    data = text.encode(self.encodings[info.filename])
                made.writestr(info, data, compress_type=info.compress_type)


def part_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the paragraphs of a part; those in text boxes belong to the one that the box is in."""
    at = 0
    while match := PARAGRAPH.search(text, at):
        yield text[at : match.start()]
        end = paragraph_end(text, match.end())
        yield paragraph_piece(text[match.start() : end], options, part_pieces)
        at = end
    yield text[at:]


def paragraph_end(text: str, at: int) -> int:
    """Returns where the paragraph ends that was opened before `at`."""
    depth = 1
    for match in INNER.finditer(text, at):
        depth += -1 if match[1] else 1
        if depth == 0:
            return match.end()
    return len(text)
