"""The article, section by section and sentence by sentence.

    a passage that fits (with sources) ─▶ candidates under a grammar ─▶ judged ─▶ the best, or the source's own sentence

Length holds by construction: the grammar knows how many words are left, and the last sentence of a section is given
exactly the room that there is. A required word is in the grammar of a sentence of its section until it is there.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from textmill.apps.write.asking import Asker
from textmill.apps.write.candidates import Sentence, judge, quote
from textmill.apps.write.grammar import sentence_grammar
from textmill.apps.write.manner import LENGTHS
from textmill.apps.write.order import CITATION, Order, has_word, length
from textmill.apps.write.outline import Outline, from_json, outline_schema, sections_wanted
from textmill.apps.write.piece import Piece
from textmill.apps.write.sources import Finder, Passage
from textmill.apps.write.support import meaning
from textmill.errors import ModelError
from textmill.infer.answers import answers
from textmill.infer.constraints import JSON_SCHEMA, REGEX, compile_grammar
from textmill.infer.engine.interface import TextEngine
from textmill.infer.engine.request import Request
from textmill.infer.events import END, Generation
from textmill.infer.sampling import SamplingSettings

ROUNDS = 3
"""Draws for a sentence before the rules give way; the last one takes what is there."""
LISTED = 3
"""Passages that the model sees for a section besides the one it is to say."""
TOKENS_A_WORD, MOST_TOKENS_A_WORD = 6, 42
"""Room for a word: in the last draw enough for the longest that the grammar lets through, of any tokenizer."""
MOST_BANNED = 200
"""Forbidden words that the draw itself leaves out; of a longer list the rest is thrown out with its sentence."""
DRY = 0.8
"""Without sources only: it counts what the prompt says too, and a passage is to be said again."""
Listener = Callable[[Piece, int], None]
"""Called with the article and a section's number behind every sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """What it takes to write: the engine, the prompts, and the passages where there are sources."""

    engine: TextEngine
    asker: Asker
    finder: Finder | None = None
    watermark: str = ""
    """A key: the sentences carry its mark (`infer.watermark`); those that quote a source do not."""

    def outline(self, order: Order) -> Outline:
        """Has the model plan the article; raises ModelError where its context is too small for a plan."""
        count = sections_wanted(order)
        found = self.finder.best(order.topic, LISTED) if self.finder else []
        ids = self.asker.outline(count, found)
        grammar = compile_grammar(self.engine.tokenizer, JSON_SCHEMA, outline_schema(count, order.text_language))
        room = self.asker.context - len(ids) - 1
        for attempt in range(ROUNDS):
            seed = seed_of(order, "outline", attempt)
            settings = SamplingSettings(
                temperature=0.6,
                top_p=0.9,
                bad_words=order.forbidden[:MOST_BANNED],
                max_tokens=max(1, room),
                seed=seed,
                slide=False,
            )
            done = next(answers(self.engine, [Request(ids=tuple(ids), settings=settings, grammar=grammar)]))
            if done.error is not None:
                raise done.error
            if done.samples[0].finish_reason == END:
                made = from_json(json.loads(done.samples[0].text))
                if not any(has_word(made.text, word) for word in order.forbidden):
                    return made
        raise ModelError("write.no_outline", context=self.asker.context)

    def write(self, piece: Piece, listener: Listener = lambda piece, number: None) -> None:
        """Writes every section that is not complete, and saves behind every sentence."""
        for number in range(len(piece.outline.sections)):
            while not piece.complete[number]:
                sentence = self._next(piece, number)
                if sentence is not None:
                    piece.sections[number].append(sentence)
                piece.complete[number] = sentence is None or is_complete(piece, number)
                piece.save()
                listener(piece, number)

    def _next(self, piece: Piece, number: int) -> Sentence | None:
        """Returns the section's next sentence, or None where there is nothing more to say or no room to say it."""
        least, most = room_for(piece, number)
        if most < 2:
            return None
        used = [each for each in self.finder.passages if is_used(each, piece)] if self.finder is not None else []
        for passage in self._passages(piece, number, used):
            found = self._say(piece, number, passage, used, (least, most))
            if found is not None:
                return found
        return None

    def _passages(self, piece: Piece, number: int, used: Sequence[Passage]) -> Sequence[Passage | None]:
        """Returns what the next sentence may be about, the best first; [None] without sources.

        While a required word is owed, passages that have it come before all others.
        """
        if self.finder is None:
            return [None]
        section, owed = piece.outline.sections[number], missing_words(piece, number)
        query = " ".join((section.heading, *section.points, piece.order.topic))
        found = self.finder.best(query, len(self.finder.passages), used)
        return sorted(found, key=lambda each: not any(has_word(each.text, word) for word in owed))[:LISTED]

    def _say(
        self, piece: Piece, number: int, passage: Passage | None, used: Sequence[Passage], room: tuple[int, int]
    ) -> Sentence | None:
        """Returns the best candidate; with a passage, one that it supports, or its own words."""
        order, owed = piece.order, missing_words(piece, number)
        word = next((each for each in owed if passage is None or has_word(passage.text, each)), next(iter(owed), ""))
        finder = self.finder
        known = " ".join((order.topic, *order.required))  # no titles: of a text without one, that is its first line
        best: list[Sentence] = []
        for attempt in range(ROUNDS if passage is None else ROUNDS - 1):
            drawn = self._draw(piece, number, passage, word, room, attempt)
            judged = judge(drawn, order, piece.body, known, finder, used, strict=attempt < ROUNDS - 1)
            best += [each for each in judged if not word or has_word(each.text, word)]
            if right := [each for each in best if each.supported]:
                return replace(max(right, key=lambda each: each.score), score=0.0)
        if passage is None or finder is None:
            return None
        own = quote(passage, piece.language)
        fits = length(own.text) <= room[1] and not any(has_word(own.text, each) for each in order.forbidden)
        if fits and (not word or has_word(own.text, word)):
            return own
        if word and best and not any(has_word(each.text, word) for each in finder.passages):
            return replace(max(best, key=lambda each: each.score), score=0.0)  # in no source: said, and flagged
        return None

    def _draw(
        self, piece: Piece, number: int, passage: Passage | None, word: str, room: tuple[int, int], attempt: int
    ) -> list[Generation]:
        """Returns candidates for the sentence."""
        order, outline, before = piece.order, piece.outline, piece.joined(number)
        shown = before if passage is None else unmarked(before)
        ids = self.asker.sentence(outline, outline.sections[number], shown, passage)
        spaced = bool(before) and piece.language != "zh"
        expression = sentence_grammar(piece.language, *room, word=word, space=spaced)
        tokens = TOKENS_A_WORD if attempt < ROUNDS - 1 else MOST_TOKENS_A_WORD
        settings = SamplingSettings(
            n=order.candidates,
            temperature=(0.7 if passage is None else 0.4) + 0.2 * attempt,
            top_p=0.95,
            dry_multiplier=DRY if passage is None else 0.0,
            bad_words=order.forbidden[:MOST_BANNED],
            watermark=self.watermark,
            max_tokens=min(room[1] * tokens + 16, max(1, self.asker.context - len(ids) - 1)),
            seed=seed_of(order, "sentence", number, len(piece.sections[number]), attempt),
            slide=False,
        )
        grammar = compile_grammar(self.engine.tokenizer, REGEX, expression)
        done = next(answers(self.engine, [Request(ids=tuple(ids), settings=settings, grammar=grammar)]))
        if done.error is not None:
            raise done.error
        return list(done.samples)


def unmarked(text: str) -> str:
    """Returns a text without citations and marks of quotation, which are ours to set: what is seen is imitated."""
    return re.sub(r"[\"“”]", "", CITATION.sub("", text))


def is_used(passage: Passage, piece: Piece) -> bool:
    """True where the article has said what the passage says: more than half of its words stand in a sentence of it."""
    wanted = meaning(passage.text)
    told = (each.text for section in piece.sections for each in section if each.source == passage.source)
    return any(2 * len(wanted & meaning(text)) > len(wanted) for text in told)


def room_for(piece: Piece, number: int) -> tuple[int, int]:
    """Returns the fewest and the most words of the section's next sentence.

    What is left for the section is either filled by this sentence, or leaves room for another whole one.
    """
    least, most = LENGTHS[piece.language][piece.order.level]
    low, high = bounds(piece, number)
    needed, room = low - piece.words, high - piece.words
    if needed <= most:
        return max(2, min(needed, room)), min(room, max(most, needed))
    return least, max(least + 1, min(most, needed - least))


def bounds(piece: Piece, number: int) -> tuple[int, int]:
    """Returns between how many words the whole article should have when section `number` is complete.

    Those who are complete already count as they are: a section written anew fits itself into what the others left.
    """
    sections = piece.outline.sections
    others = piece.words - piece.section_words(number)
    open_before = 0 if piece.complete[number] else sections[number].words
    others_open = [at for at in range(len(sections)) if at != number and not piece.complete[at]]
    low, high = piece.order.room
    if not others_open:  # the last one takes what is left, and aims at the middle
        slack = max(1, (high - low) // 6)
        return max(low, piece.order.words - slack), high
    slack = max(2, sections[number].words // 10)
    return others + max(2, open_before - slack), others + open_before + slack


def is_complete(piece: Piece, number: int) -> bool:
    """True where the section has its words."""
    return piece.words >= bounds(piece, number)[0] and not missing_words(piece, number)


def missing_words(piece: Piece, number: int) -> list[str]:
    """Returns the required words that section `number` still owes."""
    required, count, said = piece.order.required, len(piece.outline.sections), piece.body
    owed = [word for at, word in enumerate(required) if at * count // len(required) == number]
    return [word for word in owed if not has_word(said, word)]


def seed_of(order: Order, *place: object) -> int:
    """Returns the seed of a draw: a function of the order's seed and the place."""
    digest = hashlib.sha256(f"{order.seed} {place}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
