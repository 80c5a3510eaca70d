r"""Gettext's PO: msgstr of what has none yet is filled, with plurals; what nobody should trust is marked fuzzy.

    #, fuzzy                     put there where the confidence is low
    msgid "%d file"
    msgid_plural "%d files"
    msgstr[0] "%d 个文件"         as many forms as the head says (nplurals), or the language has

Translated and fuzzy entries, comments and obsolete entries stay as they are.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from textmill.apps.translate.forms.inline import Segment, tagged
from textmill.apps.translate.forms.piece import FormOptions, Piece, Said, Unit
from textmill.apps.translate.forms.plain import END, lines
from textmill.apps.translate.gettext_files import HEADER, Entry, escape, po_entries
from textmill.apps.translate.languages import language_code
from textmill.errors import UsageError

PLURALS = re.compile(r"nplurals\s*=\s*(\d)")
FORM_COUNTS = {
    **dict.fromkeys(("zh", "ja", "ko", "vi", "th", "id", "fa", "tr"), 1),
    **dict.fromkeys(("ru", "uk", "cs", "sk", "pl", "lt", "lv", "sr", "hr", "ro"), 3),
    **{"sl": 4, "ar": 6},
}
"""Where a head says nothing; other languages have 2."""
LANGUAGE = re.compile(r'("Language:[ \t]*)(?=\\n")')


def check_po(text: str, file: Path) -> None:
    """Raises InputError with the line that is no PO."""
    for _ in po_entries(list(lines(text)), file):
        pass


def po_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the entries of a PO file; UsageError where it is into another language."""
    rows = list(lines(text))
    at, count = 0, FORM_COUNTS.get(options.target, 2)
    for entry in po_entries(rows, Path("PO")):
        ends = [end for _, end in entry.lines.values()]
        if not entry.strings.get("msgid"):
            count = head_of(entry, options.target, count)
            yield LANGUAGE.sub(rf"\g<1>{options.target}", "".join(rows[at : max(ends)]))
        elif entry.fuzzy or any(said for name, said in entry.strings.items() if name.startswith("msgstr")):
            yield "".join(rows[at : max(ends)])
        else:
            first = min(start for start, _ in entry.lines.values())
            while first > at and rows[first - 1].lstrip().startswith("#,"):
                first -= 1
            yield "".join(rows[at:first])
            yield entry_piece(entry, rows, first, count, options)
        at = max(ends)
    yield "".join(rows[at:])


def head_of(entry: Entry, target: str, count: int) -> int:
    """Returns how many plural forms the head says; UsageError where it names another language."""
    head = entry.strings.get("msgstr", "")
    told = HEADER.search(head)
    if told and language_code(told[1]) not in ("", target):
        raise UsageError("translate.other_target", got=told[1], target=target)
    said = PLURALS.search(head)
    return int(said[1]) if said else count


def entry_piece(entry: Entry, rows: list[str], first: int, count: int, options: FormOptions) -> Piece:
    """Returns an entry that is not translated yet, from its flags on."""
    strings = [entry.strings[name] for name in ("msgid", "msgid_plural") if name in entry.strings]
    segments = [tagged(text, numbers=options.numbers).segment() for text in strings]
    filled = {name: span for name, span in entry.lines.items() if name.startswith("msgstr")}
    stop = min((start for start, _ in filled.values()), default=max(end for _, end in entry.lines.values()))
    last = max(end for _, end in entry.lines.values())
    head, newline = "".join(rows[first:stop]), (END.search(rows[first]) or [""])[0] or "\n"
    behind = (END.search(rows[last - 1]) or [""])[0]
    texts = tuple(segment.marked for segment in segments if segment is not None)

    def write(said: Sequence[Said]) -> str:
        made = filled_in(strings, segments, said)
        flagged = fuzzy(head, newline) if any(one.unsure for one in said) else head
        if len(strings) == 1:
            said_lines = quoted("msgstr", made[0], newline)
        else:
            forms = [made[0] if at == 0 and count > 1 else made[1] for at in range(count)]
            said_lines = newline.join(quoted(f"msgstr[{at}]", form, newline) for at, form in enumerate(forms))
        ended = flagged if flagged.endswith(("\n", "\r")) else flagged + newline
        return ended + said_lines + behind

    raw = "".join(rows[first:last])
    return Unit(texts=texts, write=write, size=len(raw)) if texts else write(())


def filled_in(strings: Sequence[str], segments: Sequence[Segment | None], said: Sequence[Said]) -> list[str]:
    """Returns the translations; what says nothing, such as "%s", is its own."""
    own = iter(said)
    return [
        text if segment is None else segment.before + next(own).text + segment.behind
        for text, segment in zip(strings, segments, strict=True)
    ]


def fuzzy(head: str, newline: str) -> str:
    """Returns an entry's beginning with the flag that a person must look at it."""
    if head.lstrip().startswith("#,"):
        return re.sub(r"^(\s*#,)", r"\1 fuzzy,", head, count=1)
    return f"#, fuzzy{newline}{head}"


def quoted(name: str, text: str, newline: str) -> str:
    """Returns a string of an entry: one line, or one for each of its own."""
    if "\n" not in text.rstrip("\n"):
        return f'{name} "{escape(text)}"'
    return newline.join([f'{name} ""', *(f'"{escape(line)}"' for line in text.splitlines(keepends=True))])
