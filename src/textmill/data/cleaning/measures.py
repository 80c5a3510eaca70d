"""What the rules look at: lines, paragraphs, words and runs of words of a text, each computed once, when asked for.

Words of languages with spaces are cut as spaCy's English rules cut them, near enough: at blanks, at hyphens, commas and
slashes between letters, before 's and n't; signs at their ends stand by themselves ("re.compile" is one word). Chinese,
Japanese, Thai, Lao, Khmer and Burmese have no spaces: there a unit is a character, or a Latin word among them. Only the
first `MOST_CHARACTERS` are looked at for words and runs of them, so that no text, however long and without a line end,
takes more than a bounded time.
"""

import re
import unicodedata
from collections import Counter
from functools import cache, cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

MOST_CHARACTERS = 1_000_000
"""A million characters are 200,000 English words, more than any rule lets a document have."""
WITHOUT_SPACES = frozenset(("zh", "ja", "th", "lo", "km", "my", "yue", "wuu"))
CHARACTERS_OF_WORDS = {2: 3, 3: 5, 4: 6, 5: 8, 6: 10, 7: 11, 8: 13, 9: 14, 10: 16}
"""How many characters stand for so many words where words have no spaces between them: 1.6 a word, rounded."""

CLITIC = "['’](?:s|t|re|ve|ll|m|d)\\b"
INSIDE = rf"""(?:(?=[^\w\s])(?!{CLITIC})(?:[^\w\s\-–—,/:;…<>=~"“”]+\w+|[,:/]\d\w*))*+"""
WORD = re.compile(
    rf"[A-Z]\.(?:[A-Z]\.)*+(?!\w)|\w++{INSIDE}|{CLITIC}|(?:(?<!\w)-{{1,2}}|/)\w++{INSIDE}|\.{{2,}}|-{{2,}}|[^\w\s]"
)
"""Possessive throughout, so that it never goes back: the time is in proportion to the text, whatever stands in it."""
PARAGRAPHS = re.compile(r"\n{2,}")
SPACE, LETTER, CHINESE, OTHER, DIGIT = range(5)
BASIC_PLANES = 0x30000
SPACED_SCRIPTS = 0x0E00
"""Letters below this code point are of scripts that put blanks between words: Latin, Greek, Cyrillic, Arabic …"""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
Array = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@cache
def character_kinds() -> NDArray[np.uint8]:
    """Returns for each code point SPACE, LETTER, CHINESE (a Han character), DIGIT or OTHER; shape (0x30000,)."""
    kinds = np.full(BASIC_PLANES, OTHER, dtype=np.uint8)
    for code in range(BASIC_PLANES):
        character = chr(code)
        if character.isspace():
            kinds[code] = SPACE
        elif unicodedata.category(character)[0] in "LM":
            kinds[code] = LETTER
        elif character.isdecimal():
            kinds[code] = DIGIT
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FFFF)):
        kinds[first : last + 1] = CHINESE
    return kinds


@cache
def powers() -> Hashes:
    """Returns MULTIPLIER to the power of 0 to 63, which a character's place in its word is weighed with."""
    found = np.full(64, MULTIPLIER, dtype=np.uint64)
    found[0] = 1
    return np.cumprod(found, dtype=np.uint64)


MOST_REMEMBERED = 40
"""A longer word is seldom met again, and a text may be one word of a million characters."""


@lru_cache(maxsize=1 << 16)
def word_kind(word: str) -> tuple[bool, bool]:
    """Returns (is more than punctuation, has a letter)."""
    if word.isalpha():
        return True, True
    return any(character.isalnum() for character in word), any(character.isalpha() for character in word)


class Measures:
    """A text and what was measured of it. Ratios are of the looked-at part; lines are those that are not blank."""

    def __init__(self, text: str, language: str) -> None:
        self.text = text
        self.language = language
        self.spaced = language not in WITHOUT_SPACES
        self.part = text[:MOST_CHARACTERS]
        self._hashes: list[Hashes] = []

    @cached_property
    def lines(self) -> list[str]:
        """The lines that are not blank."""
        return [line for line in self.text.split("\n") if line and not line.isspace()]

    @cached_property
    def paragraphs(self) -> list[str]:
        """What stands between blank lines."""
        return PARAGRAPHS.split(self.text.strip())

    @cached_property
    def words(self) -> list[str]:
        """The words and other signs of a text with spaces, in order."""
        return WORD.findall(self.part)

    @cached_property
    def vocabulary(self) -> Counter[str]:
        """{word: how often}, in the order of first appearance."""
        return Counter(self.words)

    @cached_property
    def signs(self) -> tuple[Hashes, Array, NDArray[np.uint8]]:
        """(a number, the length in characters, the kind) of each sign of a text without spaces; shape (signs,) each.

        A sign is a character, or a whole word or number of a script that has spaces: "LibreOffice" is one, not eleven.
        """
        codes = np.frombuffer(self.part.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
        kinds = character_kinds()[np.minimum(codes, BASIC_PLANES - 1)]
        wordlike = (codes < SPACED_SCRIPTS) & ((kinds == LETTER) | (kinds == DIGIT))
        goes_on = np.concatenate([[False], wordlike[1:] & wordlike[:-1]])[: len(codes)]
        starts = np.flatnonzero(~goes_on & (kinds != SPACE))
        if not len(starts):
            return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint8)
        place = np.arange(len(codes)) - np.maximum.accumulate(np.where(goes_on, 0, np.arange(len(codes))))
        parts = (
            np.where(kinds == SPACE, 0, codes + 1).astype(np.uint64) * powers()[np.minimum(place, len(powers()) - 1)]
        )
        numbers = np.add.reduceat(parts, starts)
        lengths = np.add.reduceat((kinds != SPACE).astype(np.int64), starts)
        lettered = np.logical_or.reduceat(kinds == LETTER, starts)
        return numbers, lengths, np.where(lettered, LETTER, kinds[starts]).astype(np.uint8)

    @cached_property
    def units(self) -> tuple[Hashes, Array]:
        """(a number for each word or sign, its length in characters), in order; shape (units,) each."""
        if not self.spaced:
            return self.signs[:2]
        number = {word: place for place, word in enumerate(self.vocabulary)}
        ids = np.fromiter(map(number.__getitem__, self.words), dtype=np.int64, count=len(self.words))
        lengths = np.fromiter(map(len, number), dtype=np.int64, count=len(number))
        return ids.astype(np.uint64), lengths[ids] if len(ids) else lengths

    @cached_property
    def unit_count(self) -> int:
        """How many words and signs there are."""
        return len(self.words if self.spaced else self.signs[0])

    @cached_property
    def word_facts(self) -> tuple[int, int, int]:
        """(words that are more than punctuation, their characters, words with a letter), each as often as it occurs."""
        solid = size = lettered = 0
        for word, count in self.vocabulary.items():
            is_solid, has_letter = (word_kind if len(word) <= MOST_REMEMBERED else word_kind.__wrapped__)(word)
            if is_solid:
                solid, size = solid + count, size + len(word) * count
            if has_letter:
                lettered += count
        return solid, size, lettered

    @cached_property
    def word_count(self) -> int:
        """How many words or signs there are that are more than punctuation."""
        return self.word_facts[0] if self.spaced else int((self.signs[2] != OTHER).sum())

    @cached_property
    def mean_word_length(self) -> float:
        """Characters a word, of the words that are more than punctuation."""
        return self.word_facts[1] / max(1, self.word_facts[0])

    @cached_property
    def alphabetic_share(self) -> float:
        """The share of words and signs with a letter or Chinese character in them."""
        if self.spaced:
            return self.word_facts[2] / max(1, self.unit_count)
        return float(((self.signs[2] == LETTER) | (self.signs[2] == CHINESE)).sum() / max(1, self.unit_count))

    @cached_property
    def chinese_share(self) -> float:
        """The share of Han characters in all signs, of which a Latin word is one."""
        return float((self.signs[2] == CHINESE).sum() / max(1, len(self.signs[2])))

    def run_hashes(self, length: int) -> Hashes:
        """Returns a 64-bit hash for each run of `length` units, equal for equal runs; shape (units - length + 1,)."""
        if not self._hashes:
            self._hashes.append(self.units[0] + np.uint64(1))
        ids = self._hashes[0]
        while len(self._hashes) < length:
            shorter = self._hashes[-1]
            longer = shorter[:-1] * MULTIPLIER + ids[len(self._hashes) :] if len(shorter) else shorter
            self._hashes.append(longer ^ (longer >> np.uint64(29)))
        return self._hashes[length - 1]

    def run_lengths(self, length: int) -> Array:
        """Returns the characters of each run of `length` units, without blanks; shape (units - length + 1,)."""
        ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.units[1])])
        return ends[length:] - ends[:-length] if len(ends) > length else np.zeros(0, dtype=np.int64)

    def run_of(self, words: int) -> int:
        """Returns how many units stand for so many words."""
        return words if self.spaced else CHARACTERS_OF_WORDS[words]


def duplicates(parts: list[str]) -> tuple[int, int]:
    """Returns how many of the parts occurred before, and their characters."""
    counted = Counter(parts)
    repeated = [(part, count - 1) for part, count in counted.items() if count > 1]
    return sum(count for _, count in repeated), sum(len(part) * count for part, count in repeated)
