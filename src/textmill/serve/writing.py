"""/v1/write: an article as `textmill write` writes it; sources are the request's texts, never files or addresses."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from textmill.apps.write.asking import Asker, knows_template
from textmill.apps.write.checking import check
from textmill.apps.write.compose import Writer
from textmill.apps.write.kinds import Kind
from textmill.apps.write.order import Order
from textmill.apps.write.outline import Outline, checked, from_json
from textmill.apps.write.piece import Piece
from textmill.apps.write.render import markdown
from textmill.apps.write.sources import Finder, Source, text_sources
from textmill.errors import UsageError
from textmill.infer.engine.interface import TextEngine
from textmill.serve.stream import event
from textmill.serve.web import Call
from textmill.serve.work import Job, Tell, news

ORDERED = ("topic", "language", "words", "sections", "style", "tone", "level", "candidates")
"""What a request calls as the order does."""
OBJECT = "object"
LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be written."""

    order: Order
    kind: Kind
    outline: Outline | None
    sources: list[Source]
    model: str


def wish_of(values: Mapping[str, Any], kinds: Mapping[str, Kind], model: str) -> Wish:
    """Returns what a request asks for; UsageError names what is wrong with it."""
    kind = kinds.get(values["kind"])
    if kind is None:
        raise UsageError("write.kind", known=", ".join(kinds), got=values["kind"])
    order = Order(
        kind=kind.name,
        person=values["person"] or kind.person,
        required=tuple(values["require"] or ()),
        forbidden=tuple(values["forbid"] or ()),
        seed=values["seed"] or 0,
        **{name: values[name] for name in ORDERED},
    )
    given = values["sources"] or []
    sources = text_sources(map(titled, given), order.text_language)
    if given and not sources:
        raise UsageError("serve.empty_sources")
    outline = values["outline"]
    if outline is not None:
        outline = checked(from_json(outline), "outline").allotted(order)
    return Wish(order=order, kind=kind, outline=outline, sources=sources, model=model)


def titled(source: str | Mapping[str, Any]) -> tuple[str, str]:
    """Returns the title and the text of a source; one without a title is called by its first line."""
    text, title = (source, "") if isinstance(source, str) else (source["text"], source["title"] or "")
    return title or next((line.strip("# ") for line in text.splitlines() if line.strip()), "")[:LONGEST_TITLE], text


def job_of(wish: Wish) -> Job:
    """Returns the work: outline, then sentence by sentence."""

    def work(engine: TextEngine, tell: Tell) -> None:
        asker = Asker(
            tokenizer=engine.tokenizer,
            kind=wish.kind,
            order=wish.order,
            chat=knows_template(engine),
            context=min(engine.context, engine.capacity),
        )
        writer = Writer(engine=engine, asker=asker, finder=Finder(wish.sources) if wish.sources else None)
        outline = wish.outline or writer.outline(wish.order).allotted(wish.order)
        piece = Piece(order=wish.order, outline=outline, sources=wish.sources)
        piece.begin(wish.model)
        tell({OBJECT: "article.outline", "outline": outline.as_dict()})
        writer.write(piece, listener(tell, [0] * len(outline.sections)))
        tell(article(piece, wish.kind))

    return work


def listener(tell: Tell, told: list[int]) -> Any:
    """Returns what tells of each sentence, and of each section that is complete; `told`: sentences of each so far."""

    def hear(piece: Piece, number: int) -> None:
        planned = piece.outline.sections
        place = {"section": number + 1, "sections": len(planned), "heading": planned[number].heading}
        length = {"words": piece.words, "of": piece.order.words}
        if len(piece.sections[number]) > told[number]:
            told[number] = len(piece.sections[number])
            tell({OBJECT: "article.sentence", **place, **piece.sections[number][-1].as_dict(), **length})
        if piece.complete[number]:
            tell({OBJECT: "article.section", **place, **length})

    return hear


def article(piece: Piece, kind: Kind) -> dict[str, Any]:
    """Returns the whole, as the command's document has it."""
    return {
        OBJECT: "article",
        "model": piece.model,
        "title": piece.outline.title,
        "language": piece.language,
        "text": markdown(piece, kind.headings),
        "citations": [{"number": each.number, "title": each.title} for each in piece.cited],
        "outline": piece.outline.as_dict(),
        "sections": [
            {
                "heading": planned.heading,
                "words": piece.section_words(number),
                "sentences": [sentence.as_dict() for sentence in piece.sections[number]],
            }
            for number, planned in enumerate(piece.outline.sections)
        ],
        "check": check(piece).as_dict(),
    }


async def write(call: Call) -> None:
    """Answers with an article."""
    service, values = call.service, call.values
    wish = await service.in_pool(wish_of, values, service.offers.kinds, values["model"] or service.name)
    if values["stream"]:
        await call.send_events(events(call, wish))
        return
    told: dict[str, Any] = {}
    async for item in news(call, job_of(wish)):
        told = item
    await call.send_json(told | {"system_fingerprint": call.path})


async def events(call: Call, wish: Wish) -> AsyncIterator[bytes]:
    """Yields an event for the outline, each sentence and section, and the whole."""
    async for item in news(call, job_of(wish)):
        yield event(item)
