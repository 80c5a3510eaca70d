"""`textmill write`: an article that keeps to its outline, length, words and sources.

stdout gets the article as Markdown (with --out, the file gets it, in the form of its ending), stderr what is being done
and what the check found. The document of ``--json``: ``model, title, language, text, citations [{number, title,
place}], outline, sections [{heading, words, sentences}], check, seconds, out, notes``. With ``--in FILE.jsonl`` see
`write_rows`. Exit code 0 also where the check found something: it says what.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.model_engine import MODEL_ARGUMENTS, load_model, make_engine, short_name
from textmill.errors import InputError, UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.write.checking import Check
    from textmill.apps.write.compose import Writer
    from textmill.apps.write.kinds import Kind
    from textmill.apps.write.order import Order
    from textmill.apps.write.outline import Outline
    from textmill.apps.write.piece import Piece
    from textmill.apps.write.sources import Source

ORDER_NAMES = (
    "kind",
    "topic",
    "language",
    "words",
    "sections",
    "style",
    "tone",
    "person",
    "level",
    "seed",
    "candidates",
)
KINDS_FOLDER = "kinds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one call is to do, checked before a model is loaded."""

    order: "Order"
    kind: "Kind"
    outline: "Outline | None"
    sources: "list[Source]"
    out: Path | None
    again: int = 0
    """The section to write anew; 0: none."""


def run(context: Context, *, model: str | None, device: str, weights: str, **given: Any) -> dict[str, Any]:
    """Writes one article, or one for each row of a file."""
    if given["in"] is not None:
        from textmill.cli.write_rows import write_rows

        return write_rows(context, given, model=model, device=device, weights=weights)
    task = make_task(context, given)
    began = time.perf_counter()
    piece = taken_up(task)
    if task.again and piece is None:
        raise UsageError("write.nothing_to_rewrite", section=task.again)
    loaded = load_model(context, model, device)
    for note in loaded.notes:
        context.say(note)
    writer = make_writer(loaded, make_engine(loaded, weights, texts=task.order.candidates), task)
    try:
        piece = piece or planned(context, writer, task)
        if given["outline_only"]:
            return outline_only(context, piece)
        piece.begin(short_name(loaded))
        if task.again:
            piece.clear(task.again)
        write_sections(context, writer, piece)
    except KeyboardInterrupt:
        context.say(t("cli_write.stopped_kept", file=task.out) if task.out and piece else t("cli_write.stopped"))
        raise Stopped(document(piece, task, began) if piece and piece.sections else {}) from None
    finish(context, piece, task)
    return document(piece, task, began)


def make_task(context: Context, given: dict[str, Any]) -> Task:
    """Returns what is to be done; raises the error of whatever is wrong with it."""
    from textmill.apps.write.kinds import load_kind
    from textmill.apps.write.order import Order
    from textmill.apps.write.outline import read_outline
    from textmill.apps.write.render import check_form
    from textmill.apps.write.sources import read_sources

    if given["topic"] is None:
        raise UsageError("write.no_topic")
    kind = load_kind(given["kind"], context.project.root / KINDS_FOLDER if context.project else None)
    chosen: dict[str, Any] = {name: given[name] for name in ORDER_NAMES} | {"person": given["person"] or kind.person}
    order = Order(required=given["require"], forbidden=given["forbid"], **chosen)
    if given["out"] is not None:
        check_form(given["out"])
    outline = read_outline(given["outline"]).allotted(order) if given["outline"] is not None else None
    sources, other = [], []
    if given["sources"]:
        sources, other = read_sources([Path(each).expanduser() for each in given["sources"]], order.text_language)
    for name in other:
        context.say(t("cli_write.other_language", source=name))
    return Task(order=order, kind=kind, outline=outline, sources=sources, out=given["out"], again=given["section"] or 0)


def taken_up(task: Task) -> "Piece | None":
    """Returns the article that a former call began."""
    from textmill.apps.write.piece import state_file, take_up

    if task.out is None:
        return None
    place = state_file(task.out)
    if task.out.exists() and not place.exists():
        raise InputError("write.exists", file=task.out)
    return take_up(place, task.order, task.sources, task.outline)


def make_writer(loaded: Any, engine: Any, task: Task) -> "Writer":
    """Returns what writes."""
    from textmill.apps.write.asking import Asker, knows_template
    from textmill.apps.write.compose import Writer
    from textmill.apps.write.sources import Finder

    context = min(loaded.model.config.context, engine.capacity)
    asker = Asker(
        tokenizer=loaded.tokenizer, kind=task.kind, order=task.order, chat=knows_template(engine), context=context
    )
    return Writer(engine=engine, asker=asker, finder=Finder(task.sources) if task.sources else None)


def planned(context: Context, writer: "Writer", task: Task) -> "Piece":
    """Returns an article with its outline: the given one, or the model's."""
    from textmill.apps.write.piece import Piece, state_file

    outline = task.outline
    if outline is None:
        context.say(t("cli_write.planning"))
        outline = writer.outline(task.order).allotted(task.order)
    place = state_file(task.out) if task.out is not None else None
    piece = Piece(order=task.order, outline=outline, sources=task.sources, place=place)
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
    if found.words < found.least:
        context.say(t("cli_write.too_short"))


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
        "seconds": time.perf_counter() - began,
        "out": str(task.out) if task.out is not None else None,
    }


COMMAND = Command(
    words=("write",),
    run=run,
    example=(
        'textmill write --kind post --topic "Baking bread at home" --words 300\n'
        'textmill write --kind news --topic "小镇的新图书馆" --words 400 --out library.md\n'  # text data
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
        Argument(name="--section", kind=int, metavar="NUMBER"),
        Argument(name="--candidates", kind=int, default=4),
        Argument(name="--seed", kind=int, default=0),
        Argument(name="--out", kind=Path, metavar="FILE"),
        Argument(name="--in", metavar="FILE"),
        *MODEL_ARGUMENTS,
    ),
)
