r"""Gettext's catalogues: PO as text with where each translation stands, MO as the binary that programs read.

#, fuzzy            flags of the entry below
msgid "Save"        strings go on over several lines and have C's escapes
msgstr "保存"
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from textmill.apps.translate.languages import language_code
from textmill.apps.translate.pairs import Pair
from textmill.errors import InputError

if TYPE_CHECKING:
    from textmill.apps.translate.pair_files import Reading

MO_MAGIC = 0x950412DE
MOST_STRINGS = 5_000_000
LINE = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d+)\])?)\s+"((?:[^"\\]|\\.)*)"\s*$')
MORE = re.compile(r'^"((?:[^"\\]|\\.)*)"\s*$')
ESCAPE = re.compile(r"\\(n|t|r|\"|\\|a|b|f|v|[0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)")
PLAIN = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", '"': '"', "\\": "\\"}
HEADER = re.compile(r"^Language:\s*(\S+)", re.M)


@dataclass(slots=True, kw_only=True)
class Entry:
    """One message. `strings`: msgid, msgid_plural, msgstr or msgstr[0], … with their lines (first, behind the last)."""

    strings: dict[str, str] = field(default_factory=dict)
    lines: dict[str, tuple[int, int]] = field(default_factory=dict)
    fuzzy: bool = False
    line: int = 0
    """Where it begins, counted from 0."""


def unescape(text: str) -> str:
    """Returns what a quoted string says."""

    def plain(match: re.Match[str]) -> str:
        said = match[1]
        if said in PLAIN:
            return PLAIN[said]
        if said[0] == "x":
            return chr(int(said[1:], 16))
        return chr(int(said, 8)) if said[0] in "01234567" else said

    return ESCAPE.sub(plain, text)


def escape(text: str) -> str:
    """Returns a string as it is written between quotes."""
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    return "".join(named.get(sign) or (sign if sign >= " " else f"\\{ord(sign):03o}") for sign in text)


def po_entries(lines: list[str], file: Path) -> Iterator[Entry]:
    """Yields the entries of a PO file; obsolete ones (#~) are comments."""
    entry, name = Entry(), ""
    for number, line in enumerate(lines):
        said = line.strip()
        start, more = LINE.match(said), MORE.match(said)
        if not start and not more and (not said or said.startswith("#")):
            name = ""
            if said.startswith("#,") and "fuzzy" in said:
                if "msgstr" in "".join(entry.strings):
                    yield entry
                    entry = Entry()
                entry.fuzzy = True
            continue
        if start:
            if start[1] in ("msgctxt", "msgid") and any(key.startswith("msgstr") for key in entry.strings):
                yield entry
                entry = Entry()
            name = start[1]
            entry.line = entry.line or number
            entry.strings[name], entry.lines[name] = unescape(start[3]), (number, number + 1)
        elif more and name:
            entry.strings[name] += unescape(more[1])
            entry.lines[name] = entry.lines[name][0], number + 1
        else:
            raise InputError("translate.broken_po", file=file, line=number + 1, got=said[:60])
    if entry.strings:
        yield entry


def gettext_pairs(path: Path, ending: str, reading: "Reading") -> Iterator[Pair]:
    """Yields the translated messages of a PO or MO file; what is fuzzy or not translated is counted."""
    from textmill.apps.translate.pair_files import lines_of, opened

    if ending == ".mo":
        with opened(path) as stream:
            entries = mo_entries(stream.read(), path)
    else:
        entries = list(po_entries(list(lines_of(path)), path))
    head = next((entry.strings.get("msgstr", "") for entry in entries if entry.strings.get("msgid") == ""), "")
    told = HEADER.search(head)
    source = reading.languages[0] if reading.languages else "en"
    target = language_code(told[1]) if told else ""
    target = target or (reading.languages[1] if len(reading.languages) > 1 else language_code(path.stem))
    if not target:
        raise InputError("translate.po_language", file=path)
    for entry in entries:
        place = f"{path.name}:{entry.line + 1}"
        if not entry.strings.get("msgid"):
            continue
        if entry.fuzzy:
            reading.found.leave_out("fuzzy", place)
            continue
        for first, second in message_pairs(entry.strings):
            if not second.strip():
                reading.found.leave_out("form", place)
                continue
            yield Pair(first=first, second=second, languages=(source, target), place=place, held_out=reading.held_out)


def message_pairs(strings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yields an entry's text and translation, of a plural its last form as well."""
    forms = [value for key, value in strings.items() if key.startswith("msgstr")]
    if forms:
        yield strings["msgid"], forms[0]
    if "msgid_plural" in strings and len(forms) > 1:
        yield strings["msgid_plural"], forms[-1]


def mo_entries(data: bytes, path: Path) -> list[Entry]:
    """Returns the entries of a MO file; InputError where it is broken."""
    try:
        order = "<" if struct.unpack("<I", data[:4])[0] == MO_MAGIC else ">"
        magic, _, count, originals, translations = struct.unpack(order + "5I", data[:20])
        if magic != MO_MAGIC or count > MOST_STRINGS:
            raise ValueError(hex(magic))
        entries = []
        for number in range(count):
            texts = []
            for table in (originals, translations):
                size, at = struct.unpack_from(order + "2I", data, table + 8 * number)
                if at + size > len(data):
                    raise ValueError(at)
                texts.append(data[at : at + size].decode("utf-8"))
            entries.append(mo_entry(texts[0], texts[1], number))
    except (struct.error, ValueError) as error:
        raise InputError("translate.broken_mo", file=path, detail=error) from error
    return entries


def mo_entry(original: str, translation: str, number: int) -> Entry:
    """Returns an entry: a context stands before U+0004, forms are parted by U+0000."""
    ids = original.rpartition("\4")[2].split("\0")
    forms = translation.split("\0")
    strings = {"msgid": ids[0]} | ({"msgid_plural": ids[1]} if len(ids) > 1 else {})
    strings |= {f"msgstr[{at}]" if len(ids) > 1 else "msgstr": form for at, form in enumerate(forms)}
    return Entry(strings=strings, line=number)
