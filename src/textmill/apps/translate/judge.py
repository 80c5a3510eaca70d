"""What is wrong with a translation, by what can be seen without knowing the language.

    empty     it says nothing            loop      it says the same again and again
    short     far shorter than usual: something was dropped          long    far longer than usual, or never ended
    markers   a marker is missing, doubled or crossed                terms   a term of the glossary is missing
    numbers   a number of the source is missing       script   it is in the source's script, or has none of the target's

The first six are hard: such a translation is made again, another way. The last two only speak for another candidate.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from textmill.apps.translate.card import Known
from textmill.apps.translate.cleaning import units
from textmill.apps.translate.markers import in_order, markers_of, without_markers
from textmill.data.language import script_language

LONGEST = 2.5
"""Times the usual length of the target: nothing is ever written past it."""
SHORTEST = 0.4
LEAST_FOR_SHORT = 24.0
"""Units of a source below which a very short translation may well be right."""
LEAST_TOKENS = 8
"""What may be written for the shortest source."""
HARD = frozenset({"empty", "loop", "short", "long", "markers", "terms"})
SAYS = re.compile(r"[^\W_]")
LOOP = re.compile(r"(.{2,40}?)\1{3,}", re.S)
SAME = re.compile(r"(\S)\1{7,}")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*", re.ASCII)
SCRIPTS = ("zh", "ja", "ko")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A translation as it was written. `log_probability`: the mean of its tokens'."""

    text: str
    log_probability: float
    problems: tuple[str, ...] = ()

    @property
    def hard(self) -> int:
        """How many of its problems are hard."""
        return sum(problem in HARD for problem in self.problems)

    @property
    def confidence(self) -> float:
        """The geometric mean of its tokens' probabilities, halved for each problem."""
        return math.exp(min(0.0, self.log_probability)) * 0.5 ** len(self.problems)


def says_something(text: str) -> bool:
    """True where a text has a letter or digit besides its markers."""
    return bool(SAYS.search(without_markers(text)))


def most_tokens(known: Known, source_tokens: int) -> int:
    """Returns how many tokens a translation may have."""
    return max(LEAST_TOKENS, math.ceil(LONGEST * known.ratio * source_tokens))


def problems_of(
    source: str, text: str, known: Known, *, ended: bool = True, terms: Sequence[Sequence[str]] = ()
) -> tuple[str, ...]:
    """Returns what is wrong with `text` as a translation of `source`; `ended`: the model ended it itself."""
    plain, said = without_markers(source), without_markers(text)
    found = []
    if SAYS.search(plain) and not SAYS.search(said):
        found.append("empty")
    if loops(said) and not loops(plain):
        found.append("loop")
    expected, length = units(plain) * known.characters, units(said)
    if units(plain) >= LEAST_FOR_SHORT and length < SHORTEST * expected:
        found.append("short")
    if not ended or (known.examples and length > LONGEST * expected + 4 * LEAST_TOKENS):
        found.append("long")
    if not in_order(text, markers_of(source)):
        found.append("markers")
    if any(not has_term(said, choice) for choice in terms):
        found.append("terms")
    numbers = set(NUMBER.findall(plain))
    if any(len(number) > 1 for number in numbers - set(NUMBER.findall(said))):
        found.append("numbers")
    if wrong_script(said, known.target) and units(plain) >= LEAST_FOR_SHORT / 2:
        found.append("script")
    return tuple(found)


def has_term(text: str, choice: Sequence[str]) -> bool:
    """True where one of the texts of a term stands in `text`, whatever their case."""
    low = text.casefold()
    return any(term.casefold() in low for term in choice)


def loops(text: str) -> bool:
    """True where a stretch comes four times running, or a word of eight equal signs does."""
    if any(SAYS.search(match[1]) and len(match[0]) >= 10 for match in LOOP.finditer(text)):
        return True
    return any(SAYS.search(match[1]) for match in SAME.finditer(text))


def unlooped(text: str) -> str:
    """Returns a text in which what comes again and again stands once."""
    return SAME.sub(r"\1\1\1", LOOP.sub(lambda match: match[1] if len(match[0]) >= 10 else match[0], text))


def wrong_script(text: str, target: str) -> bool:
    """True where a text into Chinese, Japanese or Korean has none of its signs, or one into another has mostly such."""
    script = script_language(text)
    if target in SCRIPTS:
        return not script and not re.search(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]", text)
    return bool(script)
