r"""How text is cut before any merge: Qwen2's split pattern, and where a long text is cut without changing one.

Byte-level BPE sees text as UTF-8 bytes. The pattern cuts it into words first, and merges never cross a word:

    (?i:'s|'t|'re|'ve|'m|'ll|'d)    English contractions
    [^\r\n\p{L}\p{N}]?\p{L}+        letters, with one space or mark before them; a run of Chinese is one word
    \p{N}                           a digit alone, so that 1998 is four tokens and place value can be learned
     ?[^\s\p{L}\p{N}]+[\r\n]*       punctuation
    \s*[\r\n]+ | \s+(?!\S) | \s+     line ends, then other white space

Nothing is normalised, so every text comes back exactly.
"""

import re
from collections.abc import Iterator
from functools import cache

SPLIT_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Qwen2's, letter for letter: llama.cpp knows it by the name "qwen2"."""

LLAMA3_PATTERN = SPLIT_PATTERN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
"""Llama 3's: up to three digits together."""

STRETCH = 1 << 16
"""Code points after which a long text is cut at the next safe place: work for several threads, bounded memory."""

LONGEST_STRETCH = 1 << 20
"""Where there is no safe place for this long (a million letters without a space), the text is cut anyway."""

SAFE_CUT = re.compile(
    "(?<=[!-~\u4e00-\u9fff，。！？；：、])(?= )"  # text data; before a space: nothing goes from visible to space
    "|(?<=\n)(?=[!-~\u4e00-\u9fff])"  # after a line end that is not followed by more white space
    "|(?<=[\u4e00-\u9fff])(?=[，。！？；：、])"  # text data; letters take in no mark after them
)
"""Places where the pattern always ends a word, in ranges that every Unicode version agrees on."""

SURROGATE = re.compile("[\ud800-\udfff]")


def stretches(text: str, size: int = STRETCH, longest: int = LONGEST_STRETCH) -> Iterator[str]:
    """Yields `text` in stretches of about `size` code points whose tokens, put together, are those of the whole."""
    start = 0
    while len(text) - start > size:
        limit = min(start + longest, len(text))
        found = SAFE_CUT.search(text, start + size, limit)
        end = found.start() if found else limit
        yield text[start:end]
        start = end
    if start < len(text) or not text:
        yield text[start:]


def without_surrogates(text: str) -> str:
    """Returns `text` with surrogate pairs joined to their character and lone surrogates replaced by U+FFFD.

    A lone surrogate is no Unicode character and has no UTF-8 bytes; it comes from broken JSON escapes or file names.
    """
    if not SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@cache
def byte_alphabet() -> dict[str, int]:
    """Returns GPT-2's table: the visible character that stands for each byte in a byte-level vocabulary.

    Bytes that print stand for themselves; the other 68 take the characters from U+0100 on, in order.
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(value): value for value in visible}
    others = (value for value in range(256) if value not in visible)
    return table | {chr(0x100 + index): value for index, value in enumerate(others)}
