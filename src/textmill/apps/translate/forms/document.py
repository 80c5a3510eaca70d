"""A document from its first unit to the file that is like it but for the language.

    parts ─▶ pieces ─▶ batches of units ─▶ translated, each into the journal ─▶ pieces again, written one by one

Only a batch of units is in memory besides the source's own text (and its bytes while it is opened). What cannot be said
in the source's encoding is written as UTF-8, and the document says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from textmill.apps.translate.forms.docx import WordFile
from textmill.apps.translate.forms.journal import Journal
from textmill.apps.translate.forms.opening import DOCX, FORMS, PO, Encoded, Form, as_utf8, read_text
from textmill.apps.translate.forms.piece import FormOptions, Piece, Said, Unit, size_of
from textmill.apps.translate.markers import Marked
from textmill.errors import InputError
from textmill.files import atomic_file

TOGETHER = 64
"""Texts of a batch: enough to keep the engine full, few enough to lose."""
MOST_CHARACTERS = 4_000
Translate = Callable[[Sequence[Marked]], Sequence[Said]]


class Document(Protocol):
    """A file that can be gone through more than once."""

    notes: list[str]

    @property
    def name(self) -> str:
        """What kind of file it is."""
        ...

    @property
    def source(self) -> str:
        """The language that it says it is in, "" where it does not."""
        ...

    @property
    def size(self) -> int:
        """Characters of the source."""
        ...

    def pieces(self) -> Iterator[Piece]:
        """Yields all pieces, in the same order each time."""
        ...

    def save(self, file: BinaryIO, texts: Iterator[str]) -> None:
        """Writes the file; `texts` are the pieces as they are to be."""
        ...


@dataclass(slots=True, kw_only=True)
class TextFile:
    """A document that is one text."""

    form: Form
    encoded: Encoded
    options: FormOptions
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What kind of file it is."""
        return self.form.name

    @property
    def size(self) -> int:
        """Characters of the source."""
        return len(self.encoded.text)

    @property
    def source(self) -> str:
        """The language that it says it is in."""
        return self.form.source(self.encoded.text)

    def pieces(self) -> Iterator[Piece]:
        """Yields all pieces."""
        return self.form.pieces(self.encoded.text, self.options)

    def save(self, file: BinaryIO, texts: Iterator[str]) -> None:
        """Writes the file; UnicodeEncodeError where its encoding has not the signs."""
        encoder = self.encoded.encoder(self.form.kind)
        file.write(self.encoded.mark)
        for text in texts:
            file.write(encoder.encode(text))
        file.write(encoder.encode("", True))


def open_document(path: Path, options: FormOptions) -> Document:
    """Returns the document in a file; InputError for what is missing or broken."""
    if not path.is_file():
        raise InputError("rows.missing", file=path)
    ending = path.suffix.lower()
    if ending == DOCX:
        return WordFile(path=path, options=options)
    form = FORMS[ending]
    return TextFile(form=form, encoded=read_text(path, form), options=options)


def batches(pieces: Iterator[Piece]) -> Iterator[tuple[list[Unit], int]]:
    """Yields units that are translated together, and how much of the source is behind them; the last may have none."""
    some: list[Unit] = []
    count = characters = done = 0
    for piece in pieces:
        done += size_of(piece)
        if isinstance(piece, str):
            continue
        some.append(piece)
        count += len(piece.texts)
        characters += piece.size
        if count >= TOGETHER or characters >= MOST_CHARACTERS:
            yield some, done
            some, count, characters = [], 0, 0
    yield some, done


@dataclass(slots=True, kw_only=True)
class Counted:
    """What came of a document. `done_before`: units that the journal had."""

    units: int = 0
    done_before: int = 0
    unsure: int = 0


def translate_document(
    document: Document, out: Path, journal: Journal, translate: Translate, progress: Callable[[int, int], None]
) -> Counted:
    """Translates a document into `out`; what the journal has is not translated again."""
    counted = Counted()
    for number, (units, done) in enumerate(batches(document.pieces())):
        if not units:
            continue
        if number < journal.batches:
            counted.done_before += len(units)
        else:
            journal.add(list(translate([text for unit in units for text in unit.texts])))
            counted.units += len(units)
        progress(done, document.size)
    try:
        write(document, out, journal, counted)
    except UnicodeEncodeError:
        if not isinstance(document, TextFile):
            raise
        document = recoded(document)
        write(document, out, journal, counted)
    journal.done()
    return counted


def write(document: Document, out: Path, journal: Journal, counted: Counted) -> None:
    """Writes the file out of the pieces and the journal."""
    counted.unsure = 0
    with atomic_file(out) as file:
        document.save(file, written(document.pieces(), journal.said(), counted))


def written(pieces: Iterator[Piece], said: Iterator[Said], counted: Counted) -> Iterator[str]:
    """Yields the pieces as they are to be."""
    for piece in pieces:
        if isinstance(piece, str):
            yield piece
            continue
        own = [next(said) for _ in piece.texts]
        counted.unsure += any(one.unsure for one in own)
        yield piece.write(own)


def recoded(document: TextFile) -> TextFile:
    """Returns the document to be written as UTF-8; a PO file says so in its head."""
    encoded = as_utf8(document.encoded)
    document.notes.append(document.encoded.encoding)
    if document.form.kind == PO and encoded.declared:
        head = encoded.text.replace(f"charset={encoded.declared}", "charset=UTF-8", 1)
        encoded = Encoded(text=head, encoding="utf-8")
    return TextFile(form=document.form, encoded=encoded, options=document.options, notes=document.notes)
