"""Texts as sets of n-grams: the units (words, or characters where no spaces stand between words) and their runs.

A unit is a run of letters and digits, in small letters, or a single character of a script that is written without
spaces (Chinese, Japanese, Thai, Lao, Burmese, Khmer). Punctuation, symbols and blanks part units and are none, so that
"Hello, World" and "hello world" are the same. Which code points are which stands here and not in Python's Unicode
tables: the same text has the same n-grams under every version of Python.

Everything is done for many texts at once. With C code points c_i of all texts, U units and the odd number p,

    S_i = Σ_{j<i} c_j·p^j mod 2^64        a unit from s to e is mix((S_e − S_s)·p^{−s} + e − s)
    n-gram i = mix(Σ_{j<n} unit_{i+j}·q_j)  for n fixed odd numbers q_j

which costs some ten passes over the code points and no Python object a word: 200 English words take about 10 µs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

SEPARATOR, LETTER, SINGLE = 0, 1, 2
BLOCK = 1 << 18
"""Code points that are looked at at a time: some 10 MB of arrays. A longer text is read in blocks that overlap."""
LONGEST_NGRAM = 64
PRIME = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio, odd: any odd number without a pattern would do."""
SEPARATORS = (
    *((0x80, 0xAA), (0xAB, 0xB5), (0xB6, 0xBA), (0xBB, 0xC0), (0xD7, 0xD8), (0xF7, 0xF8)),  # Latin-1
    *((0x2000, 0x2070), (0x20A0, 0x20D0), (0x2190, 0x2C00), (0x2E00, 0x2E80)),  # punctuation, arrows, symbols
    *((0x3000, 0x3005), (0x3008, 0x3021), (0x3030, 0x3031), (0x30FB, 0x30FC)),  # of Chinese and Japanese
    *((0xFE10, 0xFE70), (0xFF00, 0xFF10), (0xFF1A, 0xFF21), (0xFF3B, 0xFF41), (0xFF5B, 0xFF66), (0xFFF0, 0x10000)),
    (0x1F000, 0x1FB00),  # emoji
)
SINGLES = (
    *((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800)),  # Thai, Lao, Burmese, Khmer
    *((0x3005, 0x3008), (0x3041, 0x30FB), (0x30FC, 0x3100), (0x3400, 0x4DC0), (0x4E00, 0xA000)),
    *((0xF900, 0xFB00), (0xFF66, 0xFFA0), (0x20000, 0x40000)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """The units of some texts, in order.

    `hashes` (units,) uint64. `starts`, `ends` (units,) int64: code points in the joined texts, of which text d begins
    at `origins[d]`. `bounds` (texts + 1,) int64: text d has the units bounds[d]:bounds[d + 1]. `single` (texts,) bool:
    more than half of its units are characters of a script without spaces. `numbers` (units,) bool: begins with a digit.
    """

    hashes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    origins: np.ndarray
    bounds: np.ndarray
    single: np.ndarray
    numbers: np.ndarray


def units_of(texts: Sequence[str]) -> Units:
    """Returns the units of texts of at most `BLOCK` code points together, or of one longer text's first `BLOCK`."""
    codes = small_letters("\n".join(texts)[:BLOCK] + "\n")
    kinds = np.take(kinds_table(), codes)
    letters, singles = kinds == LETTER, kinds == SINGLE
    begins, finishes = letters | singles, letters | singles
    begins[1:] &= ~(letters[1:] & letters[:-1])
    finishes[:-1] &= ~(letters[1:] & letters[:-1])
    starts, ends = np.flatnonzero(begins), np.flatnonzero(finishes) + 1
    powers, inverses = power_tables()
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(codes * powers[: len(codes)], out=sums[1:])
    origins = np.minimum(np.cumsum([0, *(len(text) + 1 for text in texts)]), len(codes))
    bounds = np.searchsorted(starts, origins)
    alone = np.searchsorted(np.flatnonzero(singles), origins)
    return Units(
        hashes=mix((sums[ends] - sums[starts]) * inverses[starts] + (ends - starts).astype(np.uint64)),
        starts=starts,
        ends=ends,
        origins=origins[:-1],
        bounds=bounds,
        single=np.diff(alone) * 2 > np.diff(bounds),
        numbers=(codes[starts] >= ord("0")) & (codes[starts] <= ord("9")),
    )


def ngrams(units: Units, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns (hashes, documents), uint64 and int64, of all runs of `size` units inside a text, in order.

    Run i begins at unit i of its text. A text with fewer units than that is one run; one without any has none.
    """
    hashes, counts = units.hashes, np.diff(units.bounds)
    documents = np.repeat(np.arange(len(counts)), counts)
    factors = ngram_factors()
    padded = np.concatenate((hashes, np.zeros(size - 1, dtype=np.uint64)))
    sums = padded[: len(hashes)] * factors[0]
    for place in range(1, size):
        sums += padded[place : place + len(hashes)] * factors[place]
    after = np.arange(len(hashes)) + size
    inside = after <= units.bounds[1:][documents]
    short = np.flatnonzero((counts > 0) & (counts < size))
    for document in short:  # its units alone, without the next text's
        first, last = units.bounds[document], units.bounds[document + 1]
        sums[first] = np.sum(hashes[first:last] * factors[: last - first])
    inside[units.bounds[short]] = True
    return mix(sums[inside]), documents[inside]


def blocks(text: str, overlap: int) -> Iterator[tuple[int, str]]:
    """Yields (start, piece): at most `BLOCK` code points, each beginning `overlap` units before the last's end.

    So every run of `overlap` + 1 units is whole in some piece.
    """
    start = 0
    while len(text) - start > BLOCK:
        units = units_of([text[start : start + BLOCK]])
        cut = BLOCK
        if len(units.starts) > overlap + 1:  # the last unit may be cut in two: it belongs to the next piece
            cut = int(units.starts[-1])
            restart = int(units.starts[-1 - overlap])
        else:
            restart = cut
        yield start, text[start : start + cut]
        start += max(1, restart)
    yield start, text[start:]


def small_letters(text: str) -> np.ndarray:
    """Returns the code points of `text` in small letters, one for one: uint8 where all are ASCII, else uint32."""
    if text.isascii():
        return np.frombuffer(text.lower().encode("ascii"), dtype=np.uint8)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return np.take(letters_table(), codes)


def mix(hashes: np.ndarray) -> np.ndarray:
    """Returns 64-bit numbers whose every bit depends on all bits of `hashes` (MurmurHash3's last step)."""
    mixed = hashes ^ (hashes >> np.uint64(33))
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xC4CEB9FE1A85EC53)
    mixed ^= mixed >> np.uint64(33)
    return mixed


@cache
def letters_table() -> np.ndarray:
    """Returns for each code point its small letter (uint32), for alphabets below U+2000 and the wide Latin one."""
    letters = np.arange(0x110000, dtype=np.uint32)
    for first, last in ((0, 0x2000), (0xFF21, 0xFF3B)):
        small = [chr(code).lower() for code in range(first, last)]
        letters[first:last] = [
            ord(sign) if len(sign) == 1 else code for code, sign in zip(range(first, last), small, strict=True)
        ]
    return letters


@cache
def kinds_table() -> np.ndarray:
    """Returns for each code point whether it is a separator, a letter or a unit of its own (uint8)."""
    kinds = np.full(0x110000, LETTER, dtype=np.uint8)
    kinds[:128] = [LETTER if chr(code).isalnum() else SEPARATOR for code in range(128)]
    for ranges, kind in ((SEPARATORS, SEPARATOR), (SINGLES, SINGLE)):
        for first, last in ranges:
            kinds[first:last] = kind
    return kinds


@cache
def power_tables() -> tuple[np.ndarray, np.ndarray]:
    """Returns p^i and p^−i modulo 2^64 for each place in a block."""
    tables = []
    for base in (PRIME, pow(PRIME, -1, 1 << 64)):
        powers = np.full(BLOCK + 2, base, dtype=np.uint64)
        powers[0] = 1
        tables.append(np.multiply.accumulate(powers))
    return tables[0], tables[1]


@cache
def ngram_factors() -> np.ndarray:
    """Returns `LONGEST_NGRAM` odd numbers (uint64) that tell the places of an n-gram apart."""
    return mix(np.arange(1, LONGEST_NGRAM + 1, dtype=np.uint64)) | np.uint64(1)
