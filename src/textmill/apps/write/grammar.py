"""A sentence as a regular expression: of so many words, with a word that must be in it.

    word (space word){least−1, most−1} end

The engine draws under it (`infer.constraints`), so what it says holds with any model.
"""

import re

LETTER = r"[A-Za-z0-9\u00c0-\u024f]"
WORD = r"[A-Za-z0-9\u00c0-\u024f'’,;:()/%&+°€£–—-]"
"""What an English word is made of; it begins with a letter or a digit, and a point is only between digits.

No marks of quotation: a model that has seen two quotations in a row writes nothing else.
"""
BODY = rf"\(?([0-9]\.[0-9]|{LETTER})({WORD}|[0-9]\.[0-9]){{0,19}}"
FIRST = rf"‘?[A-Z]{WORD}{{0,20}}"
"""Numbers are no beginning: small models that begin with one go on with more."""
SIGN = r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
PAUSE = "[，、：；《》（）]"  # text data
LATIN = r"[A-Za-z0-9%]{1,20}(\.[0-9]{1,6})?"
UNIT = rf"({SIGN}|{LATIN}){PAUSE}?"
ENDS = {"en": "[.!?]", "zh": "[。！？]"}  # text data


def sentence_grammar(language: str, least: int, most: int, *, word: str = "", space: bool = False) -> str:
    """Returns the expression of a sentence with `least` to `most` words (characters).

    `word` must be in it; `space`: it begins with a space.
    """
    least, most = max(1, least), max(2, least, most)
    body = _chinese(least, most, word) if language == "zh" else _english(least, most, word)
    return f"{' ' if space else ''}{body}{ENDS[language]}"


def _english(least: int, most: int, word: str) -> str:
    if not word:
        return rf"{FIRST}( {BODY}){{{least - 1},{most - 1}}}"
    own = len(word.split())
    half, room = max(0, (least - own + 1) // 2), max(2, (most - own) // 2)
    own_word = _literal(word)
    return rf"{FIRST}( {BODY}){{{max(0, half - 1)},{room}}} {own_word},?( {BODY}){{{half},{room}}}"


def _chinese(least: int, most: int, word: str) -> str:
    if not word:
        return rf"({UNIT}){{{least},{most}}}"
    half, room = max(1, (least - len(word) + 1) // 2), max(2, (most - len(word)) // 2)
    return rf"({UNIT}){{{half},{room}}}{_literal(word)}{PAUSE}?({UNIT}){{{half},{room}}}"


def _literal(word: str) -> str:
    """Returns the expression of a word as it is."""
    return re.sub(r"([^\w\s])", r"\\\1", word)
