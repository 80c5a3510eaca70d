"""What the rules look at: lines, paragraphs, words and runs of words of a text, each computed once, when asked for.

Words of languages with spaces are cut as spaCy's English rules cut them, near enough: at blanks, at hyphens, commas and
slashes between letters, before 's and n't; signs at their ends stand by themselves ("re.compile" is one word). Chinese,
Japanese, Thai, Lao, Khmer and Burmese have no spaces: there a unit is a character. Only the first `MOST_CHARACTERS` are
looked at for words and runs of them, so that no text, however long and without a line end, takes more than a bounded
time.
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

WORD = re.compile(
    r"""['’](?:s|t|re|ve|ll|m|d)\b
    |(?:[A-Z]\.)+(?!\w)
    |(?:(?<!\w)-{1,2}|/)?\w+(?:(?!['’](?:s|t|re|ve|ll|m|d)\b)(?:[^\w\s\-–—,/:;…<>=~"“”]+\w+|[,:/]\d\w*))*
    |\.{2,}|-{2,}|[^\w\s]""",
    re.VERBOSE,
)
PARAGRAPHS = re.compile(r"\n{2,}")
SPACE, LETTER, CHINESE, OTHER = 0, 1, 2, 3
BASIC_PLANES = 0x30000
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
Array = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@cache
def character_kinds() -> NDArray[np.uint8]:
    """Returns for each code point SPACE, LETTER, CHINESE (a Han character) or OTHER; shape (0x30000,)."""
    kinds = np.full(BASIC_PLANES, OTHER, dtype=np.uint8)
    for code in range(BASIC_PLANES):
        character = chr(code)
        if character.isspace():
            kinds[code] = SPACE
        elif unicodedata.category(character)[0] in "LM":
            kinds[code] = LETTER
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FFFF)):
        kinds[first : last + 1] = CHINESE
    return kinds


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
    def codes(self) -> Array:
        """The code points that are not blank, in order."""
        codes = np.frombuffer(self.part.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
        return codes[self._kinds_of(codes) != SPACE]

    @cached_property
    def kinds(self) -> NDArray[np.uint8]:
        """What each of `codes` is."""
        return self._kinds_of(self.codes)

    @staticmethod
    def _kinds_of(codes: Array) -> NDArray[np.uint8]:
        return character_kinds()[np.minimum(codes, BASIC_PLANES - 1)]

    @cached_property
    def units(self) -> tuple[Array, Array]:
        """(a number for each word or character, its length in characters), in order; shape (units,) each."""
        if not self.spaced:
            return self.codes, np.ones(len(self.codes), dtype=np.int64)
        number = {word: place for place, word in enumerate(self.vocabulary)}
        ids = np.fromiter(map(number.__getitem__, self.words), dtype=np.int64, count=len(self.words))
        lengths = np.fromiter(map(len, number), dtype=np.int64, count=len(number))
        return ids, lengths[ids] if len(ids) else lengths

    @cached_property
    def unit_count(self) -> int:
        """How many words and signs, or characters, there are."""
        return len(self.words) if self.spaced else len(self.codes)

    @cached_property
    def word_count(self) -> int:
        """How many words there are that are more than punctuation; in texts without spaces, letters and digits."""
        if not self.spaced:
            codes = self.codes
            digits = int(((codes >= 0x30) & (codes <= 0x39)).sum())
            return int((self.kinds != OTHER).sum()) + digits
        return sum(count for word, count in self.vocabulary.items() if word_kind(word)[0])

    @cached_property
    def mean_word_length(self) -> float:
        """Characters a word, of the words that are more than punctuation."""
        total = sum(len(word) * count for word, count in self.vocabulary.items() if word_kind(word)[0])
        return total / max(1, self.word_count)

    @cached_property
    def alphabetic_share(self) -> float:
        """The share of words and signs with a letter in them; in texts without spaces, of characters."""
        if not self.spaced:
            return float((self.kinds != OTHER).mean()) if len(self.codes) else 0.0
        return sum(n for word, n in self.vocabulary.items() if word_kind(word)[1]) / max(1, self.unit_count)

    @cached_property
    def chinese_share(self) -> float:
        """The share of Han characters in all that are not blank."""
        return float((self.kinds == CHINESE).mean()) if len(self.codes) else 0.0

    def run_hashes(self, length: int) -> Hashes:
        """Returns a 64-bit hash for each run of `length` units, equal for equal runs; shape (units - length + 1,)."""
        ids = self.units[0].astype(np.uint64) + np.uint64(1)
        count = max(0, len(ids) - length + 1)
        hashes = np.zeros(count, dtype=np.uint64)
        for offset in range(length):
            hashes = hashes * MULTIPLIER + ids[offset : offset + count]
            hashes ^= hashes >> np.uint64(29)
        return hashes

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
