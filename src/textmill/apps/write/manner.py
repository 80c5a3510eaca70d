"""How a text speaks, as far as that can be counted: the length of sentences and words, who speaks, its tone.

level    sentence length (held by the grammar) and letters a word; of English also the Flesch-Kincaid grade,
         .39 · words a sentence + 11.8 · syllables a word − 15.59 (Kincaid et al. 1975), syllables by groups of vowels
person   "third": no sentence says I, we or you; "first": at least one says I or we
tone     formal and neutral ones have no contractions, no exclamation marks, no particles; of others nothing can be
             counted
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from textmill.apps.write.order import CHARACTER, CITATION, Order, length
from textmill.evaluate.text_quality import units

LENGTHS = {
    "en": {"": (5, 26), "simple": (4, 14), "plain": (5, 22), "advanced": (8, 34)},
    "zh": {"": (8, 44), "simple": (5, 22), "plain": (8, 36), "advanced": (12, 56)},
}
"""Words (characters) of a sentence, by reading level."""
LETTERS: dict[str, tuple[float, float]] = {"simple": (0.0, 4.4), "plain": (0.0, 5.2), "advanced": (4.8, 9.0)}
"""Letters a word; Chinese has no such measure, its sentences' length is held by the grammar."""
FIRST_PERSON = re.compile(r"\b(?:I|[Mm]e|[Mm]y|mine|[Ww]e|us|[Oo]urs?)\b|[我咱]")  # text data
SECOND_PERSON = re.compile(r"\b(?:you|your|yours)\b|[你您]", re.IGNORECASE)  # text data
RESERVED = frozenset(
    (
        *("formal", "neutral", "objective", "official", "factual", "serious"),
        *("正式", "中立", "客观", "官方", "庄重", "严肃"),  # text data
    )
)
"""Tones that can be heard to be broken."""
PARTICLES = "啊呀吧呢哦嘛！"  # text data
LOUD = re.compile(
    rf"\b\w+['’](?:m|re|ve|ll|d|t)\b|\b(?:it|he|she|that|there|what)['’]s\b|[!{PARTICLES}]", re.IGNORECASE
)
VOWELS = re.compile(r"[aeiouy]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What was counted over a text's sentences."""

    sentence_length: float
    word_length: float
    """Letters; 0 where there are no words of letters."""
    grade: float | None
    """School years that it takes to read English; None for Chinese."""
    level_kept: bool | None
    """None: no level was asked for."""
    person_kept: bool | None
    tone_kept: bool | None
    """None: no tone was asked for, or none that can be counted."""


def manner(sentences: Sequence[str], order: Order) -> Manner:
    """Returns how some sentences speak, and whether that is what was ordered."""
    texts = [CITATION.sub("", each) for each in sentences]
    lengths = [length(each) for each in texts]
    mean = sum(lengths) / max(1, len(lengths))
    words = _words(" ".join(texts))
    letters = sum(map(len, words)) / max(1, len(words))
    english = order.text_language == "en"
    syllables = sum(map(_syllables, words)) / max(1, len(words))
    level_kept = person_kept = tone_kept = None
    if order.level:
        # a required word, a quotation or the last words of a section may make one sentence longer
        low, high = LENGTHS[order.text_language][order.level]
        level_kept = low <= mean <= high and (
            not english or LETTERS[order.level][0] <= letters <= LETTERS[order.level][1]
        )
    if order.person:
        person_kept = not any(map(str.strip, texts)) or _person_kept(texts, order.person)
    if _reserved(order.tone):
        tone_kept = not any(breaks_tone(each, order) for each in texts)
    return Manner(
        sentence_length=mean,
        word_length=letters,
        grade=0.39 * mean + 11.8 * syllables - 15.59 if english and words else None,
        level_kept=level_kept,
        person_kept=person_kept,
        tone_kept=tone_kept,
    )


def _person_kept(texts: Sequence[str], person: str) -> bool:
    if person == "third":
        return not any(wrong_person(each, person) for each in texts)
    return any(FIRST_PERSON.search(each) for each in texts)


def wrong_person(text: str, person: str) -> bool:
    """True for a sentence that speaks as another person; one in the first person may well have no "I"."""
    return person == "third" and bool(FIRST_PERSON.search(unquoted(text)) or SECOND_PERSON.search(unquoted(text)))


def unquoted(text: str) -> str:
    """Returns a text without what others say in it."""
    return re.sub(r"\"[^\"]*\"|“[^”]*”", "", text)


def breaks_tone(text: str, order: Order) -> bool:
    """True where a sentence does not sound as ordered."""
    return _reserved(order.tone) and LOUD.search(unquoted(text)) is not None


def off_level(text: str, level: str) -> float:
    """Returns how far a sentence's words are from a reading level."""
    words = _words(text)
    if not level or not words:
        return 0.0
    low, high = LETTERS[level]
    letters = sum(map(len, words)) / len(words)
    return max(0.0, low - letters, letters - high)


def _reserved(tone: str) -> bool:
    return any(word in RESERVED for word in re.findall(r"\w+", tone.casefold()))


def _words(text: str) -> list[str]:
    return [word for word in units(text) if not CHARACTER.fullmatch(word)]


def _syllables(word: str) -> int:
    groups = len(VOWELS.findall(word))
    return max(1, groups - (word.endswith("e") and groups > 1 and not word.endswith("le")))
