"""Whole texts: cut into sentences, translated in batches, and put together so that only the words are other ones.

    Marked ─▶ sentences with the blanks between them, no pair of markers cut ─▶ memory or `Translator` ─▶ text

Where sentences of a language without spaces become ones with, a space is put between them, and the other way round. A
sentence that is in the target's language already, in a text of several, stays as it is.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from textmill.apps.translate.card import Card
from textmill.apps.translate.glossary import Glossary
from textmill.apps.translate.languages import ENGLISH_NAMES, joiner
from textmill.apps.translate.markers import Marked, uncut, without_markers
from textmill.apps.translate.memory import Memory
from textmill.apps.translate.pairs import Direction
from textmill.apps.translate.translator import Sentence, Translated, Translator
from textmill.data.language import UNKNOWN, detect_language, model, script_language
from textmill.data.sentences import sentences
from textmill.errors import UsageError

BATCH = 256
"""Sentences that are translated together: enough to keep the engine full, few enough to see something."""
SURE_LETTERS, SURE = 30, 0.9
"""Letters, and the detector's certainty, from which on a sentence of letters is left as it is."""
OUTER = re.compile(r"^(\s*)(.*?)(\s*)$", re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A sentence as it stands in a text. `before`, `behind`: the blanks around it; `known`: needs no translation."""

    sentence: Sentence
    marked: Marked
    before: str
    behind: str
    known: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTranslation:
    """A text's translation, with markers' things restored. `confidence`: the least of its sentences'."""

    text: str
    confidence: float
    alternatives: tuple[str, ...] = ()
    sentences: tuple[Translated, ...] = ()
    reused: int = 0
    """How many sentences a memory had."""


@dataclass(slots=True, kw_only=True)
class TextTranslator:
    """Translates texts; what it may use besides the model: a glossary and a memory."""

    translator: Translator
    glossary: Glossary = field(default_factory=Glossary)
    memory: Memory | None = None
    mixed: bool = False
    """Sentences that are in the target's language stay as they are."""
    batch: int = BATCH

    def translate(self, texts: Iterable[Marked], direction: Direction) -> Iterator[TextTranslation]:
        """Yields the translation of each text, in order; as many are read ahead as fill a batch."""
        source = iter(texts)
        while some := self._some(source, direction):
            flat = [part for parts in some for part in parts if part.known is None]
            made = iter(self._translated(flat))
            for parts in some:
                own = [restored(part, told(part)) if part.known is not None else next(made) for part in parts]
                yield joined(parts, own, direction)

    def _translated(self, parts: Sequence[Part]) -> list[Translated]:
        """Returns the parts' translations; one that has not the glossary's terms is made again with them as things."""
        made = self.translator.translate([part.sentence for part in parts])
        own = [restored(part, one) for part, one in zip(parts, made, strict=True)]
        missing = [at for at, one in enumerate(made) if "terms" in one.problems]
        fixed = [self.glossary.as_things(parts[at].marked, parts[at].sentence.direction) for at in missing]
        again = [
            replace(parts[at].sentence, text=marked.text, terms=()) for at, marked in zip(missing, fixed, strict=True)
        ]
        for at, marked, one in zip(missing, fixed, self.translator.translate(again), strict=True):
            own[at] = replace(one, text=marked.restore(one.text), alternatives=())
        return own

    def stream(self, text: Marked, direction: Direction) -> Iterator[tuple[str, Translated]]:
        """Yields a text's translation sentence by sentence: what to show, and the sentence's translation."""
        parts = self.parts(text, direction)
        for at, part in enumerate(parts):
            own = restored(part, told(part)) if part.known is not None else self._translated([part])[0]
            yield part.before + own.text + between(parts, at, direction), own

    def _some(self, source: Iterator[Marked], direction: Direction) -> list[list[Part]]:
        """Returns the parts of so many texts as make a batch."""
        some: list[list[Part]] = []
        count = 0
        while count < self.batch and (text := next(source, None)) is not None:
            parts = self.parts(text, direction)
            some.append(parts)
            count += max(1, len(parts))
        return some

    def parts(self, text: Marked, direction: Direction) -> list[Part]:
        """Returns the sentences of a text."""
        whole = self.glossary.protected(text, direction)
        return [self.part(whole, piece, direction) for piece in uncut(sentences(whole.text), whole.text)]

    def part(self, whole: Marked, piece: str, direction: Direction) -> Part:
        """Returns one sentence, ready for the translator."""
        match = OUTER.match(piece)
        before, text, behind = match.groups() if match else ("", piece, "")
        marked = whole.part(text)
        plain = marked.restore(text) if marked.things else text
        known = self.memory.find(plain, direction) if self.memory is not None else ""
        if not known and self.mixed and in_language(without_markers(text), direction):
            known = plain
        if known:
            marked = Marked(text="<1>", things=((known if marked.things else marked.escape(known), ""),))
        near = self.memory.near(plain, direction) if self.memory is not None and not known else None
        sentence = Sentence(
            text=marked.text, direction=direction, terms=self.glossary.terms(marked.text, direction), near=near
        )
        return Part(sentence=sentence, marked=marked, before=before, behind=behind, known=known or None)


def in_language(text: str, direction: Direction) -> bool:
    """True where a sentence is surely in the target's language, not in the source's."""
    script = script_language(text)
    if script or direction.target in ("zh", "ja", "ko"):
        return script == direction.target != direction.source
    if sum(sign.isalpha() for sign in text) < SURE_LETTERS:
        return False
    best = model().detect(text[:400].replace("\n", " "), k=1)[0]
    return best["lang"] == direction.target and best["score"] >= SURE


def told(part: Part) -> Translated:
    """Returns what is known of a sentence already."""
    return Translated(text=part.marked.text, confidence=1.0)


def between(parts: Sequence[Part], at: int, direction: Direction) -> str:
    """Returns the blanks behind a sentence, as the target's language writes them."""
    behind = parts[at].behind
    if at + 1 < len(parts) and not behind.strip(" ") and not parts[at + 1].before:
        return joiner(direction.target)
    return behind


def joined(parts: Sequence[Part], own: Sequence[Translated], direction: Direction) -> TextTranslation:
    """Returns the text that the sentences make."""
    texts = [
        part.before + one.text + between(parts, at, direction)
        for at, (part, one) in enumerate(zip(parts, own, strict=True))
    ]
    others: tuple[str, ...] = ()
    if len(parts) == 1:
        others = tuple(f"{parts[0].before}{text}{parts[0].behind}" for text in own[0].alternatives)
    return TextTranslation(
        text="".join(texts),
        confidence=min((one.confidence for one in own), default=1.0),
        alternatives=others,
        sentences=tuple(own),
        reused=sum(part.known is not None for part in parts),
    )


def restored(part: Part, one: Translated) -> Translated:
    """Returns a translation with the things back in the place of their markers."""
    texts = tuple(map(part.marked.restore, one.alternatives))
    return replace(one, text=part.marked.restore(one.text), alternatives=texts)


def source_of(text: str, target: str, card: Card) -> str:
    """Returns the language of a text that goes into `target`: as it looks, else the only one that the model can read.

    UsageError where neither says it.
    """
    seen, sources = detect_language(text), card.sources(target)
    if not card.pairs:
        sources = tuple(code for code in ENGLISH_NAMES if code != target)
    if not sources:
        card.known(Direction(seen, target))  # says what it does know
    if seen in sources:
        return seen
    if len(sources) == 1 and (seen == UNKNOWN or seen != target):
        return sources[0]
    known = ", ".join(sources) or "–"
    raise UsageError("translate.not_seen", seen=seen, target=target, known=known)
