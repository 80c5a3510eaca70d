"""`textmill translate --in FILE.jsonl --out FILE.jsonl`: rows with their translations beside them.

Rows (.jsonl): each line gets ``translation, confidence`` and where there is something to know ``problems``, ``from``
where the language was seen, ``error`` in the place of a translation. The same command goes on where a stopped one
ended. ``--json`` prints ``model, from, to, rows, done_before, failed, seconds, sentences, out``.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Context, Stopped
from textmill.cli.rows import Row, RowWriter, read_rows
from textmill.cli.translate_documents import endings, is_document, translate_document_file
from textmill.cli.translate_work import Work
from textmill.errors import UsageError, UserError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.translate.pairs import Direction
    from textmill.apps.translate.texts import TextTranslation

ADDED = ("translation", "confidence", "problems", "from", "error")
ROWS = ".jsonl"
FIELD = "text"
TOGETHER = 64
"""Rows that are translated together."""


@dataclass(slots=True, kw_only=True)
class Counted:
    """How far a file is."""

    rows: int = 0
    failed: int = 0
    sentences: int = 0
    began: float = 0.0


def check_ending(place: str) -> None:
    """Raises UsageError for a file that is neither rows nor a document."""
    if place != "-" and not place.lower().endswith(ROWS) and not is_document(place):
        raise UsageError("cli_translate.ending", file=place, known=endings())


def translate_file(context: Context, work: Work, place: str, out: Path | None, field: str | None) -> dict[str, Any]:
    """Translates rows, or a document."""
    if is_document(place):
        return translate_document_file(context, work, Path(place).expanduser(), out, field)
    return translate_rows(context, work, place, out, field or FIELD)


def translate_rows(context: Context, work: Work, place: str, out: Path | None, field: str) -> dict[str, Any]:
    """Writes each row with its translation."""
    if out is not None and out.exists() and Path(place).exists() and out.samefile(place):
        raise UsageError("rows.same_file", file=place)
    rows = read_rows(context, place, field)
    writer = RowWriter(context, out, rows, ADDED)
    if writer.done:
        context.say(t("cli_generate.goes_on", file=out, done=writer.done, rows=len(rows)))
    counted = Counted(began=time.perf_counter())
    try:
        with writer, context.progress(t("cli_translate.progress"), t("cli_translate.rows")) as progress:
            total = len(rows) - writer.done
            for row, more in translated_rows(context, work, rows[writer.done :], field):
                writer.write(row, more)
                counted.rows += 1
                counted.failed += "error" in more
                progress(counted.rows, total)
    except KeyboardInterrupt:
        context.say(t("cli_generate.rows_stopped", done=writer.done + counted.rows, rows=len(rows)))
        raise Stopped(document(work, counted, writer)) from None
    seconds = time.perf_counter() - counted.began
    context.say(t("cli_translate.rows_done", rows=counted.rows, failed=counted.failed, seconds=seconds))
    return document(work, counted, writer)


def document(work: Work, counted: Counted, writer: RowWriter) -> dict[str, Any]:
    """Returns what ``--json`` prints."""
    told = {
        "model": work.loaded.name,
        "from": work.source or None,
        "to": work.target,
        "rows": counted.rows,
        "done_before": writer.done,
        "failed": counted.failed,
        "seconds": time.perf_counter() - counted.began,
        "out": str(writer.out) if writer.out is not None else None,
        "notes": work.notes,
    }
    return told if writer.out is not None else told | {"results": writer.kept}


def translated_rows(context: Context, work: Work, rows: list[Row], field: str) -> Iterator[tuple[Row, Row]]:
    """Yields each row with what is added to it, in order."""
    for start in range(0, len(rows), TOGETHER):
        some = rows[start : start + TOGETHER]
        found = [direction_or_error(work, row[field]) for row in some]
        made = translations(context, work, some, found, field)
        for row, (direction, seen, error), one in zip(some, found, made, strict=True):
            if error is not None or one is None or direction is None:
                yield row, {"error": error}
                continue
            problems = sorted({problem for sentence in one.sentences for problem in sentence.problems})
            more: Row = {"translation": one.text, "confidence": round(one.confidence, 4)}
            more |= {"problems": problems} if problems else {}
            yield row, more | ({"from": seen} if seen else {})


def direction_or_error(work: Work, text: str) -> "tuple[Direction | None, str | None, Row | None]":
    """Returns a row's direction, its language where that was seen, and the error where it has none."""
    try:
        direction, seen = work.direction(text)
    except UserError as error:
        return None, None, {"code": error.key} | error.parts()
    return direction, seen, None


def translations(
    context: Context, work: Work, rows: list[Row], found: list[Any], field: str
) -> "list[TextTranslation | None]":
    """Returns the rows' translations, those of one direction made together."""
    from textmill.apps.translate.markers import protect

    made: list[TextTranslation | None] = [None] * len(rows)
    for direction in dict.fromkeys(one[0] for one in found if one[0] is not None):
        places = [at for at, one in enumerate(found) if one[0] == direction]
        texts = [protect(rows[at][field], numbers=work.numbers) for at in places]
        for at, one in zip(places, work.texts.translate(texts, direction), strict=True):
            made[at] = one
        work.remember(context, [(direction, rows[at][field], one) for at in places if (one := made[at]) is not None])
    return made
