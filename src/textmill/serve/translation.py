"""/v1/translate: texts in another language, sentence by sentence, in batches with whatever else the server does."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from textmill.apps.translate.card import Card
from textmill.apps.translate.forms.html import html_pieces
from textmill.apps.translate.forms.piece import FormOptions, Said
from textmill.apps.translate.glossary import given_glossary
from textmill.apps.translate.judge import says_something
from textmill.apps.translate.languages import known_language, language_code
from textmill.apps.translate.markers import Marked, protect, without_markers
from textmill.apps.translate.pairs import Direction
from textmill.apps.translate.texts import TextTranslation, TextTranslator, source_of
from textmill.apps.translate.translator import Options, Translated, Translator
from textmill.errors import UsageError
from textmill.infer.engine.interface import TextEngine
from textmill.serve.stream import event
from textmill.serve.web import Call
from textmill.serve.work import Job, Tell, news

AUTO, TEXT, HTML = "auto", "text", "html"
DETECTED_FROM = 2000
"""Characters of a text by which its language is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be translated, and how."""

    texts: tuple[str, ...]
    source: str
    """A code, or "" where each text is looked at."""
    target: str
    options: Options
    terms: Mapping[str, str]
    kept: tuple[str, ...] = ()
    numbers: bool = False
    html: bool = False
    """The texts are HTML: tags stay as they are, what stands between them is translated."""

    def read(self, text: str) -> str:
        """Returns what of a text is to be read."""
        if not self.html:
            return protect(text).text
        pieces = html_pieces(text, FormOptions(target=self.target))
        return " ".join(one.text for piece in pieces if not isinstance(piece, str) for one in piece.texts)

    def direction(self, text: str, card: Card) -> Direction:
        """Returns from where to where a text goes; one that says nothing comes from anywhere."""
        found = Direction(self.source or self._seen(text, card), self.target)
        card.known(found)
        return found

    def _seen(self, text: str, card: Card) -> str:
        read = self.read(text)
        sources = card.sources(self.target)
        if sources and not says_something(read):
            return sources[0]
        return source_of((without_markers(read) if self.html else text)[:DETECTED_FROM], self.target, card)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of the text at `place`."""

    place: int
    direction: Direction
    whole: TextTranslation


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A sentence of a stream, and what to show of it with the blanks around it."""

    place: int
    shown: str
    sentence: Translated


def wish_of(values: Mapping[str, Any]) -> Wish:
    """Returns what a request to /v1/translate asks for."""
    given = values["input"]
    options = Options(
        search=values["search"],
        beams=values["beams"],
        samples=values["samples"],
        alternatives=values["alternatives"],
        seed=values["seed"] or 0,
    )
    return Wish(
        texts=(given,) if isinstance(given, str) else tuple(given),
        source=source_code(values["source"]),
        target=code_of(values["target"]),
        options=options,
        terms=values["glossary"] or {},
        kept=tuple(values["keep"] or ()),
        numbers=values["numbers"],
        html=values["format"] == HTML,
    )


def code_of(word: str) -> str:
    """Returns the code of a language; UsageError for what is none."""
    code = known_language(word) or language_code(word)
    if not code:
        raise UsageError("translate.language", value=word[:80])
    return code


def source_code(word: str) -> str:
    """Returns the code of the source, "" where it is to be seen."""
    return "" if word.strip().lower() == AUTO else code_of(word)


def job_of(card: Card, wish: Wish, *, streams: bool) -> Job:
    """Returns the work: the texts of each direction together, or one after another for a stream."""
    directions = [wish.direction(text, card) for text in wish.texts]
    glossaries = {way: given_glossary(wish.terms, wish.kept, way) for way in dict.fromkeys(directions)}

    def work(engine: TextEngine, tell: Tell) -> None:
        translator = Translator(engine, card, wish.options)
        for way, glossary in glossaries.items():
            places = [place for place, own in enumerate(directions) if own == way]
            given = [wish.texts[place] for place in places]
            texts = TextTranslator(translator=translator, glossary=glossary, mixed=not wish.source)
            if streams and not wish.html:
                for place, text in zip(places, given, strict=True):
                    streamed(texts, place, protect(text, numbers=wish.numbers), way, tell)
                continue
            made = pages if wish.html else plain
            for place, whole in zip(places, made(texts, given, way, wish.numbers), strict=True):
                tell(Made(place=place, direction=way, whole=whole))

    return work


def plain(texts: TextTranslator, given: Sequence[str], way: Direction, numbers: bool) -> Iterator[TextTranslation]:
    """Yields the translations of plain texts."""
    return texts.translate([protect(text, numbers=numbers) for text in given], way)


def pages(texts: TextTranslator, given: Sequence[str], way: Direction, numbers: bool) -> Iterator[TextTranslation]:
    """Yields the translations of texts in HTML, their tags where they were."""
    options = FormOptions(target=way.target, numbers=numbers)
    read = [list(html_pieces(text, options)) for text in given]
    units = [piece for pieces in read for piece in pieces if not isinstance(piece, str)]
    made = texts.translate([text for unit in units for text in unit.texts], way)
    for pieces in read:
        shown, sentences = [], list[Translated]()
        for piece in pieces:
            if isinstance(piece, str):
                shown.append(piece)
                continue
            own = [next(made) for _ in piece.texts]
            sentences += [sentence for one in own for sentence in one.sentences]
            shown.append(piece.write([Said(text=one.text, confidence=one.confidence) for one in own]))
        confidence = min((one.confidence for one in sentences), default=1.0)
        yield TextTranslation(text="".join(shown), confidence=confidence, sentences=tuple(sentences))


def streamed(texts: TextTranslator, place: int, text: Marked, way: Direction, tell: Tell) -> None:
    """Tells a text's sentences as they are ready, then the whole."""
    shown, made = [], []
    for piece, sentence in texts.stream(text, way):
        tell(Piece(place=place, shown=piece, sentence=sentence))
        shown.append(piece)
        made.append(sentence)
    whole = TextTranslation(
        text="".join(shown),
        confidence=min((one.confidence for one in made), default=1.0),
        alternatives=made[0].alternatives if len(made) == 1 else (),
        sentences=tuple(made),
    )
    tell(Made(place=place, direction=way, whole=whole))


async def translate(call: Call) -> None:
    """Answers with a translation for each text."""
    service, values = call.service, call.values
    card = cast("Card", service.offers.card)  # without one there is no route
    wish = wish_of(values)
    job = await service.in_pool(lambda: job_of(card, wish, streams=values["stream"]))
    model = values["model"] or service.name
    if values["stream"]:
        await call.send_events(events(call, job, wish))
        return
    made = [item async for item in news(call, job)]
    data = [told(one, wish) for one in sorted(made, key=lambda one: one.place)]
    await call.send_json({"object": "list", "data": data, "model": model, "system_fingerprint": call.path})


async def events(call: Call, job: Job, wish: Wish) -> AsyncIterator[bytes]:
    """Yields an event a sentence, and one behind each text with the whole of it."""
    async for item in news(call, job):
        if isinstance(item, Made):
            yield event(told(item, wish))
        else:
            sentence = {"object": "translation.sentence", "index": item.place, "shown": item.shown}
            yield event(sentence | sentence_told(item.sentence))


def told(made: Made, wish: Wish) -> dict[str, Any]:
    """Returns what is said of one text."""
    return {
        "object": "translation",
        "index": made.place,
        "source": made.direction.source,
        "target": made.direction.target,
        "detected": None if wish.source else made.direction.source,
        "text": made.whole.text,
        "confidence": made.whole.confidence,
        "alternatives": list(made.whole.alternatives),
        "sentences": [sentence_told(one) for one in made.whole.sentences],
    }


def sentence_told(one: Translated) -> dict[str, Any]:
    """Returns what is said of one sentence."""
    return {"text": one.text, "confidence": one.confidence, "problems": list(one.problems)}
