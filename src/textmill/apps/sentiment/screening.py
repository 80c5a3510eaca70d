"""Which texts are not judged: empty ones, nonsense, and other languages than those that the judge knows.

    empty      no letter or digit (a lone emoji counts as a letter: it says something)
    nonsense   one sign again and again, or letters that no language puts so ("asdkjh qwlekj")
    language   surely another one (fastText, by script for Chinese, Japanese and Korean)

A judge that abstains too readily is as useless as one that never does: short texts are nearly never refused for their
language, since the detector is unsure of them.
"""

import re
import unicodedata
import zlib

from textmill.apps.sentiment.judgement import EMPTY, LANGUAGE, NONSENSE
from textmill.data.language import HAN, LETTER, MODEL_CHARACTERS, model, normal_code, script_language

SURE = 0.5
"""The detector's certainty from which a text is in another language."""
FEWEST_LETTERS = 20
"""Below, the detector takes "so good" for Somali."""
MOST_ALIKE = 0.12
"""A longer text that packs to less than this of its size says one thing again and again."""
LONG = 200
VOWELS = re.compile(r"[aeiouyàáâäãåæèéêëìíîïòóôöõøùúûüýœ]", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+")
RUN = re.compile(r"(.)\1{9,}")
FEWEST_NONSENSE = 3
"""Letters of a word that may be judged by its vowels: "hmm" and "pfft" are words."""


def screened(text: str, languages: tuple[str, ...]) -> str:
    """Returns why the text is not judged, "" where it is; no `languages`: any will do."""
    if not says_something(text):
        return EMPTY
    if is_nonsense(text):
        return NONSENSE
    return LANGUAGE if languages and other_language(text, languages) else ""


def says_something(text: str) -> bool:
    """True where there is a letter, a digit or a pictograph."""
    return any(unicodedata.category(character)[0] in "LN" or is_pictograph(character) for character in text)


def is_pictograph(character: str) -> bool:
    """True for emoji and the like."""
    return unicodedata.category(character) == "So"


def is_nonsense(text: str) -> bool:
    """True for one sign again and again, or for a text most of whose words no one can say."""
    part = text[: 4 * MODEL_CHARACTERS]
    packed = part.encode("utf-8", "replace")
    if len(packed) >= LONG and len(zlib.compress(packed)) < MOST_ALIKE * len(packed):
        words = WORD.findall(part.lower())
        return all(len(set(word)) <= 2 or (word.isascii() and unsayable(word)) for word in words)
    letters = WORD.findall(RUN.sub(r"\1", part))
    if not letters:
        return RUN.search(part) is not None and not HAN.search(part)
    if HAN.search(part):
        return False
    latin = [word for word in letters if word.isascii() and len(word) > FEWEST_NONSENSE]
    if len(latin) < 2 or len(latin) < len(letters) / 2:
        return False
    return sum(unsayable(word) for word in latin) > len(latin) / 2


def unsayable(word: str) -> bool:
    """True where a word has hardly a vowel, or five consonants and more in a row."""
    lowered = word.lower()
    share = len(VOWELS.findall(lowered)) / len(lowered)
    return share < 0.15 or max(map(len, VOWELS.split(lowered))) >= 5


def other_language(text: str, languages: tuple[str, ...]) -> bool:
    """True where the text is surely in none of the languages."""
    part = text[:MODEL_CHARACTERS]
    script = script_language(part)
    if script:
        return script not in languages
    if len(LETTER.findall(part)) < FEWEST_LETTERS:
        return False
    best = model().detect(re.sub(r"\s+", " ", part), k=1)[0]
    return best["score"] >= SURE and normal_code(best["lang"]) not in languages
