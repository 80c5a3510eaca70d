"""A file on its way in: which form it has, which encoding, and that it can be written again byte for byte.

    bytes ─▶ mark, declared encoding, UTF-8, a guess by what it looks like ─▶ text that encodes to the same bytes

Broken bytes of UTF-8 stay what they are. Markup is parsed once before anything is translated, so that a broken file is
refused with its line.
"""

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from textmill.apps.translate.forms.html import html_pieces
from textmill.apps.translate.forms.json_values import json_pieces
from textmill.apps.translate.forms.markdown import markdown_pieces
from textmill.apps.translate.forms.piece import FormOptions, Piece
from textmill.apps.translate.forms.plain import plain_pieces
from textmill.apps.translate.forms.po import check_po, po_pieces
from textmill.apps.translate.forms.subtitles import srt_pieces, vtt_pieces
from textmill.apps.translate.forms.tables import csv_pieces, tsv_pieces
from textmill.apps.translate.forms.xliff import declared_languages, xliff_pieces
from textmill.data import charset
from textmill.data.safe_xml import XMLProblem, events
from textmill.errors import InputError

LONGEST_PART = 8 << 20
DECLARED_PO = re.compile(rb"charset=([A-Za-z0-9_.:-]{2,40})")
MARKS = {
    "utf-8-sig": "utf-8",
    "utf-32": {codecs.BOM_UTF32_LE: "utf-32-le", codecs.BOM_UTF32_BE: "utf-32-be"},
    "utf-16": {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"},
}
MARKUP, PO, OTHER = "markup", "po", "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of text files. `kind`: how it declares its encoding, and what it does with signs that it has not."""

    name: str
    pieces: Callable[[str, FormOptions], Iterator[Piece]]
    kind: str = OTHER
    check: Callable[[str, Path], None] | None = None
    source: Callable[[str], str] = lambda text: ""
    """The language that a file says it is in."""


def check_xml(text: str, file: Path) -> None:
    """Raises InputError with the line where XML is broken or declares entities of its own."""
    try:
        for _ in events(io.BytesIO(text.encode("utf-8", "replace")), LONGEST_PART, "utf-8"):
            pass
    except XMLProblem as error:
        raise InputError("translate.broken_xml", file=file, detail=error) from error


def check_json(text: str, file: Path) -> None:
    """Raises InputError with the line where JSON is broken."""
    try:
        text.encode("utf-8")
        json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError("translate.broken_json", file=file, line=error.lineno, detail=error.msg) from error
    except (RecursionError, ValueError) as error:  # which a broken byte is as well
        line = text.count("\n", 0, getattr(error, "start", 0)) + 1
        raise InputError("translate.broken_json", file=file, line=line, detail=str(error)[:80]) from error


TEXT = Form(name="text", pieces=plain_pieces)
MARKDOWN = Form(name="Markdown", pieces=markdown_pieces)
HTML = Form(name="HTML", pieces=html_pieces, kind=MARKUP)
XLIFF = Form(
    name="XLIFF", pieces=xliff_pieces, kind=MARKUP, check=check_xml, source=lambda text: declared_languages(text)[0]
)
GETTEXT = Form(name="PO", pieces=po_pieces, kind=PO, check=check_po)
FORMS = {
    **{".txt": TEXT, ".text": TEXT, ".md": MARKDOWN, ".markdown": MARKDOWN},
    **{".html": HTML, ".htm": HTML, ".xhtml": HTML, ".xlf": XLIFF, ".xliff": XLIFF, ".po": GETTEXT, ".pot": GETTEXT},
    ".srt": Form(name="SRT", pieces=srt_pieces),
    ".vtt": Form(name="WebVTT", pieces=vtt_pieces),
    ".csv": Form(name="CSV", pieces=csv_pieces),
    ".tsv": Form(name="TSV", pieces=tsv_pieces),
    ".json": Form(name="JSON", pieces=json_pieces, check=check_json),
}
DOCX = ".docx"
ENDINGS = (*FORMS, DOCX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A text and how it is written. `mark`: the bytes before it."""

    text: str
    encoding: str
    mark: bytes = b""
    declared: str = ""

    @property
    def unicode(self) -> bool:
        """True where the encoding has every sign."""
        return self.encoding.startswith("utf-") or self.encoding == "gb18030"

    def encoder(self, kind: str) -> codecs.IncrementalEncoder:
        """Returns what writes the text: markup names the signs that its encoding has not."""
        errors = "surrogateescape" if self.encoding == "utf-8" else "strict"
        if kind == MARKUP and not self.unicode:
            errors = "xmlcharrefreplace"
        return codecs.getincrementalencoder(self.encoding)(errors)


def read_text(path: Path, form: Form) -> Encoded:
    """Returns the text of a file; InputError where it is none, or does not fit its encoding, or is broken."""
    data = path.read_bytes()
    told = DECLARED_PO if form.kind == PO else charset.DECLARED if form.kind == MARKUP else None
    found = told.search(data[:8192]) if told is not None else None
    declared = found[1].decode("ascii") if found else ""
    for encoding, mark in ways(data, declared):
        made = decoded(data[len(mark) :], encoding)
        if made is not None:
            encoded = Encoded(text=made, encoding=encoding, mark=mark, declared=declared)
            if form.check is not None:
                form.check(made, path)
            return encoded
    raise InputError("translate.not_text", file=path)


def ways(data: bytes, declared: str) -> Iterator[tuple[str, bytes]]:
    """Yields the encodings to try, and the mark at the beginning of each."""
    for mark, name in charset.BYTE_ORDER_MARKS:
        if data.startswith(mark):
            own = MARKS[name]
            yield (own if isinstance(own, str) else own[mark]), mark
            return
    known = known_codec(declared)
    if known and not known.startswith(("utf-16", "utf-32")):
        yield known, b""
    if charset.is_utf8(data) and b"\0" not in data[: charset.SAMPLE_BYTES]:
        yield "utf-8", b""
    guessed = charset.detect_encoding(data)
    if guessed is not None:
        yield guessed, b""


def known_codec(name: str) -> str:
    """Returns Python's name of a declared encoding, "" for one that is none; web pages mean more than they say."""
    wider = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "latin-1": "cp1252", "ascii": "utf-8"}
    try:
        codec = codecs.lookup(name) if name else None
    except LookupError:
        return ""
    if codec is None or not codec._is_text_encoding:
        return ""
    return wider.get(name.lower(), codec.name if codec.name != "utf-8-sig" else "utf-8")


def decoded(data: bytes, encoding: str) -> str | None:
    """Returns the text that encodes to exactly these bytes, None where there is none."""
    errors = "surrogateescape" if encoding == "utf-8" else "strict"
    try:
        text = data.decode(encoding, errors)
        return text if text.encode(encoding, errors) == data else None
    except UnicodeError:
        return None


def as_utf8(encoded: Encoded) -> Encoded:
    """Returns the same text to be written as UTF-8."""
    return replace(encoded, encoding="utf-8", mark=b"")
