"""`textmill translate --in FILE --out FILE`: a document that keeps its form, in another language.

``--json`` prints ``model, from, to, detected, form, out, units, done_before, unsure, seconds, notes``; of a run that
was stopped, ``batches`` in the place of the counts. The same command goes on with it; what it has so far lies beside
the output in a file with a dot before its name.
"""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Context, Stopped
from textmill.cli.translate_work import DETECTED_FROM, Work
from textmill.errors import UsageError
from textmill.files import sha256_file
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.translate.forms.document import Counted, Document
    from textmill.apps.translate.forms.piece import Said
    from textmill.apps.translate.markers import Marked
    from textmill.apps.translate.pairs import Direction


def is_document(place: str) -> bool:
    """True for a file of a form that we keep."""
    from textmill.apps.translate.forms.opening import ENDINGS

    return place.lower().endswith(ENDINGS)


def endings() -> str:
    """Returns the endings of documents, for people."""
    from textmill.apps.translate.forms.opening import ENDINGS

    return ", ".join(ENDINGS)


def check_out(place: Path, out: Path | None) -> Path:
    """Returns the output; UsageError where there is none, where it is the input, or of another form."""
    if out is None:
        raise UsageError("translate.no_out", file=place)
    if out.exists() and place.exists() and out.samefile(place):
        raise UsageError("rows.same_file", file=place)
    ends = {place.suffix.lower(), out.suffix.lower()}
    if len(ends) > 1 and ends != {".pot", ".po"}:
        raise UsageError("translate.out_form", file=out, ending=place.suffix.lower())
    return out


def translate_document_file(
    context: Context, work: Work, place: Path, out: Path | None, field: str | None
) -> dict[str, Any]:
    """Translates a document."""
    from textmill.apps.translate.forms.document import open_document, translate_document
    from textmill.apps.translate.forms.journal import Journal
    from textmill.apps.translate.forms.piece import FormOptions

    out, began = check_out(place, out), time.perf_counter()
    fields = tuple(name.strip() for name in (field or "").split(",") if name.strip())
    document = open_document(place, FormOptions(target=work.target, numbers=work.numbers, fields=fields))
    direction, detected = direction_of(work, document)
    journal = Journal(out, plan_of(work, place, direction, fields))
    named = {"model": work.loaded.name, "from": direction.source, "to": direction.target, "form": document.name}
    named |= {"detected": detected, "out": str(out)}

    def translated(texts: "Sequence[Marked]") -> "list[Said]":
        return said_of(context, work, texts, direction)

    try:
        with journal, context.progress(t("cli_translate.progress"), t("cli_translate.characters")) as progress:
            if journal.batches:
                context.say(t("cli_translate.document_goes_on", file=out))
            counted = translate_document(document, out, journal, translated, progress)
    except KeyboardInterrupt:
        context.say(t("cli_translate.document_stopped", file=out))
        raise Stopped(named | {"batches": journal.batches}) from None
    seconds = time.perf_counter() - began
    notes = [*work.notes, *(t("cli_translate.recoded", file=out, encoding=name) for name in document.notes)]
    for note in notes[len(work.notes) :]:
        context.say(note)
    told(context, document, counted, seconds, direction)
    return named | {
        "units": counted.units,
        "done_before": counted.done_before,
        "unsure": counted.unsure,
        "seconds": seconds,
        "notes": notes,
    }


def direction_of(work: Work, document: "Document") -> "tuple[Direction, str | None]":
    """Returns from where to where a document goes: as was said, as it says itself, or as its first texts look."""
    from textmill.apps.translate.pairs import Direction

    if not work.source and document.source:
        direction = Direction(document.source, work.target)
        work.card.known(direction)
        return direction, None
    sample = ""
    for piece in document.pieces():
        if len(sample) > DETECTED_FROM:
            break
        sample += "" if isinstance(piece, str) else plain(piece.texts)
    if not sample.strip():
        raise UsageError("cli_translate.nothing_in", form=document.name)
    return work.direction(sample)


def plain(texts: "Sequence[Marked]") -> str:
    """Returns what some texts say."""
    from textmill.apps.translate.markers import without_markers

    return "".join(f"{without_markers(text.text)}\n" for text in texts)


def said_of(context: Context, work: Work, texts: "Sequence[Marked]", direction: "Direction") -> "list[Said]":
    """Returns the translations of a batch; those without tags are learned."""
    from textmill.apps.translate.forms.piece import Said

    made = list(work.texts.translate(texts, direction))
    work.remember(
        context,
        [(direction, text.text, one) for text, one in zip(texts, made, strict=True) if not text.things],
        say=False,
    )
    return [
        Said(
            text=one.text,
            confidence=round(one.confidence, 4),
            problems=tuple(sorted({problem for sentence in one.sentences for problem in sentence.problems})),
        )
        for one in made
    ]


def plan_of(work: Work, place: Path, direction: "Direction", fields: tuple[str, ...]) -> dict[str, Any]:
    """Returns what a journal must have been made for to be gone on with."""
    settings = repr((work.texts.translator.options, work.numbers, work.texts.glossary, fields))
    from textmill import __version__

    return {
        "textmill": __version__,
        "file": sha256_file(place),
        "direction": str(direction),
        "model": work.loaded.name,
        "settings": hashlib.sha256(settings.encode()).hexdigest()[:16],
    }


def told(context: Context, document: "Document", counted: "Counted", seconds: float, direction: "Direction") -> None:
    """Says what came of it."""
    values = {"form": document.name, "direction": str(direction), "seconds": seconds, "units": counted.units}
    context.say(t("cli_translate.document_done", unsure=counted.unsure, before=counted.done_before, **values))
