"""`textmill write`: an article that keeps to its outline, length, words and sources.

stdout gets the article as Markdown (with --out, the file gets it, in the form of its ending), stderr what is being done
and what the check found. The document of ``--json``: ``model, title, language, text, citations [{number, title,
place}], outline, sections [{heading, words, sentences}], check, watermark (the key's fingerprint), seconds, out``; with
``--variants`` also ``variants`` (one such document each) and ``same`` (the share that each has in common with the
first). With ``--in FILE.jsonl`` see `write_rows`. Exit code 0 also where the check found something: it says what.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.model_engine import MODEL_ARGUMENTS, load_model, make_engine, short_name
from textmill.cli.write_task import Task, make_task
from textmill.cli.write_variants import show_changes, variant_tasks
from textmill.errors import InputError, UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.write.checking import Check
    from textmill.apps.write.compose import Writer
    from textmill.apps.write.piece import Piece


def run(context: Context, *, model: str | None, device: str, weights: str, **given: Any) -> dict[str, Any]:
    """Writes one article, its variants, or one for each row of a file."""
    if given["in"] is not None:
        from textmill.cli.write_rows import write_rows

        return write_rows(context, given, model=model, device=device, weights=weights)
    task = make_task(context, given)
    began = time.perf_counter()
    tasks = variant_tasks(task, given["variants"])
    pieces = [taken_up(each) for each in tasks]
    if task.again and pieces[0] is None:
        raise UsageError("write.nothing_to_rewrite", section=task.again)
    loaded = load_model(context, model, device)
    for note in loaded.notes:
        context.say(note)
    engine = make_engine(loaded, weights, texts=task.order.candidates)
    if given["outline_only"]:
        return outline_only(context, pieces[0] or planned(context, make_writer(loaded, engine, task), task))
    written: list[Piece] = []
    for each, piece in zip(tasks, pieces, strict=True):
        # variants share the first one's outline
        own = replace(each, outline=written[0].outline) if written else each
        written.append(write_one(context, loaded, engine, own, piece, began))
    result = document(written[0], task, began)
    if len(written) > 1:
        shares = show_changes(context, written, task)
        result["variants"] = [document(*both, began) for both in zip(written, tasks, strict=True)]
        result["same"] = shares
    return result


def write_one(context: Context, loaded: Any, engine: Any, task: Task, piece: "Piece | None", began: float) -> "Piece":
    """Writes an article, or what is missing of it, and puts it where it belongs."""
    writer = make_writer(loaded, engine, task)
    try:
        piece = piece or planned(context, writer, task)
        piece.begin(short_name(loaded))
        if task.again:
            piece.clear(task.again)
        write_sections(context, writer, piece)
    except KeyboardInterrupt:
        context.say(t("cli_write.stopped_kept", file=task.out) if task.out and piece else t("cli_write.stopped"))
        raise Stopped(document(piece, task, began) if piece and piece.sections else {}) from None
    finish(context, piece, task)
    return piece


def taken_up(task: Task) -> "Piece | None":
    """Returns the article that a former call began."""
    from textmill.apps.write.piece import state_file, take_up
    from textmill.infer.watermark import fingerprint

    if task.out is None:
        return None
    place = state_file(task.out)
    if task.out.exists() and not place.exists():
        raise InputError("write.exists", file=task.out)
    return take_up(place, task.order, task.sources, task.outline, fingerprint(task.watermark))


def make_writer(loaded: Any, engine: Any, task: Task) -> "Writer":
    """Returns what writes."""
    from textmill.apps.write.asking import Asker, knows_template
    from textmill.apps.write.compose import Writer
    from textmill.apps.write.sources import Finder

    context = min(loaded.model.config.context, engine.capacity)
    asker = Asker(
        tokenizer=loaded.tokenizer, kind=task.kind, order=task.order, chat=knows_template(engine), context=context
    )
    finder = Finder(task.sources) if task.sources else None
    return Writer(engine=engine, asker=asker, finder=finder, watermark=task.watermark)


def planned(context: Context, writer: "Writer", task: Task) -> "Piece":
    """Returns an article with its outline: the given one, or the model's."""
    from textmill.apps.write.piece import Piece, state_file
    from textmill.infer.watermark import fingerprint

    outline = task.outline
    if outline is None:
        context.say(t("cli_write.planning"))
        outline = writer.outline(task.order).allotted(task.order)
    place = state_file(task.out) if task.out is not None else None
    mark = fingerprint(task.watermark)
    piece = Piece(order=task.order, outline=outline, sources=task.sources, place=place, watermark=mark)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
    return piece


def outline_only(context: Context, piece: "Piece") -> dict[str, Any]:
    """Prints the outline, to be edited and given back with --outline."""
    from textmill.cli.command import json_document

    value = piece.outline.as_dict()
    context.print(json_document(value))
    return {"outline": value}


def write_sections(context: Context, writer: "Writer", piece: "Piece") -> None:
    """Writes what is missing, with a progress line that names the section."""
    total = piece.order.words
    with context.progress(t("cli_write.progress"), t("cli_write.unit")) as progress:
        progress(min(piece.words, total), total)

        def tell(piece: "Piece", number: int) -> None:
            heading = piece.outline.sections[number].heading
            count = len(piece.outline.sections)
            progress(min(piece.words, total), total, t("cli_write.at", number=number + 1, count=count, heading=heading))

        writer.write(piece, tell)


def finish(context: Context, piece: "Piece", task: Task) -> None:
    """Writes the article where it belongs and says what the check found."""
    from textmill.apps.write.checking import check
    from textmill.apps.write.render import markdown, rendered
    from textmill.files import write_bytes

    piece.save()
    if task.out is not None:
        write_bytes(task.out, rendered(piece, task.out.suffix.lower(), task.kind.headings))
        context.say(t("cli_write.written", file=task.out))
    else:
        context.print(markdown(piece, task.kind.headings).rstrip("\n"))
    tell_findings(context, check(piece))


def tell_findings(context: Context, found: "Check") -> None:
    """Says what the check found, in a line for each thing."""
    context.say(t("cli_write.length", words=found.words, least=found.least, most=found.most))
    if found.cited:
        context.say(
            t("cli_write.citations", cited=found.cited, quoted=found.quoted, unsupported=len(found.unsupported))
        )
    for name, value in (
        ("missing", ", ".join(found.missing)),
        ("forbidden", ", ".join(found.forbidden)),
        ("personal", ", ".join(f"{kind} {count}" for kind, count in found.personal.items())),
    ):
        if value:
            context.say(t(f"cli_write.found_{name}", value=value))
    tell_manner(context, found)
    if found.words < found.least:
        context.say(t("cli_write.too_short"))


def tell_manner(context: Context, found: "Check") -> None:
    """Says how it speaks, and whether that is what was asked for."""
    measured = found.manner
    grade = "–" if measured.grade is None else f"{measured.grade:.0f}"
    key = "sentences_graded" if measured.grade is not None else "sentences"
    context.say(t(f"cli_write.{key}", length=measured.sentence_length, letters=measured.word_length, grade=grade))
    for name in ("level", "person", "tone"):
        kept = getattr(measured, f"{name}_kept")
        if kept is not None:
            context.say(t(f"cli_write.{name}_{'kept' if kept else 'broken'}"))


def document(piece: "Piece", task: Task, began: float) -> dict[str, Any]:
    """Returns what ``--json`` prints."""
    from textmill.apps.write.checking import check
    from textmill.apps.write.render import markdown

    planned = piece.outline.sections
    return {
        "model": piece.model,
        "title": piece.outline.title,
        "language": piece.language,
        "text": markdown(piece, task.kind.headings),
        "citations": [{"number": each.number, "title": each.title, "place": each.place} for each in piece.cited],
        "outline": piece.outline.as_dict(),
        "sections": [
            {
                "heading": planned[number].heading,
                "words": piece.section_words(number),
                "sentences": [sentence.as_dict() for sentence in section],
            }
            for number, section in enumerate(piece.sections)
        ],
        "check": check(piece).as_dict(),
        "watermark": piece.watermark,
        "seconds": time.perf_counter() - began,
        "out": str(task.out) if task.out is not None else None,
    }


COMMAND = Command(
    words=("write",),
    run=run,
    example=(
        'textmill write --kind post --topic "Baking bread at home" --words 300\n'
        'textmill write --kind news --topic "小镇的新图书馆" --words 400 --out library.md\n'  # text data
        'textmill write --topic "The library" --sources graph https://example.org/library --variants 2\n'
        'textmill write --topic "The harbour" --sources notes/ --require ferry --forbid cheap --out harbour.docx\n'
        'textmill write --topic "The harbour" --outline-only --json > outline.json\n'
        "textmill write --in orders.jsonl --out articles.jsonl"
    ),
    arguments=(
        Argument(name="--kind", default="post", metavar="KIND"),
        Argument(name="--topic", metavar="TEXT"),
        Argument(name="--outline", kind=Path, metavar="FILE"),
        Argument(name="--outline-only", flag=True),
        Argument(name="--words", kind=int, default=300),
        Argument(name="--sections", kind=int, default=0),
        Argument(name="--language", default="", metavar="CODE"),
        Argument(name="--style", default="", metavar="TEXT"),
        Argument(name="--tone", default="", metavar="TEXT"),
        Argument(name="--person", default="", metavar="PERSON"),
        Argument(name="--level", default="", metavar="LEVEL"),
        Argument(name="--sources", many="*", metavar="PATH"),
        Argument(name="--require", many="*", metavar="WORD"),
        Argument(name="--forbid", many="*", metavar="WORD"),
        Argument(name="--blocklist", many="*", metavar="FILE"),
        Argument(name="--watermark", metavar="FILE"),
        Argument(name="--variants", kind=int, default=1, metavar="N"),
        Argument(name="--section", kind=int, metavar="NUMBER"),
        Argument(name="--candidates", kind=int, default=4),
        Argument(name="--seed", kind=int, default=0),
        Argument(name="--out", kind=Path, metavar="FILE"),
        Argument(name="--in", metavar="FILE"),
        *MODEL_ARGUMENTS,
    ),
    settings=("crawl",),
)
