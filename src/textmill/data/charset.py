"""Which encoding some bytes are in, and their text.

1. A byte order mark decides.
2. Bytes that are valid UTF-8 are UTF-8: other encodings' text passes that test by chance only when it is a word long.
   UTF-8 with a few broken bytes (a page cut in the middle, one pasted quotation mark) is UTF-8 as well.
3. Else every candidate decodes a sample and is scored by how much the result looks like writing: for Chinese,
   Japanese and Korean the share of the commonest characters, which the right encoding hits on every second character
   and a wrong one on one in twenty; for letters, whether they stand among letters of their own script. The charset
   that a page declares, and resiliparse's (uchardet's) guess, only break ties: both are wrong too often to be
   believed.
4. A best score that is still bad means that this is not text.
"""

import codecs
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice

SAMPLE_BYTES = 16384
BROKEN_SHARE = 0.01
"""More undecodable characters than this, and an encoding is not the right one."""
LOWEST_SCORE = 0.12
"""What scores less in its best reading is no text: of 3,000 classical poems the lowest scores 0.21, noise 0.01."""
WIDE_SCORE = 0.4
"""UTF-16 without a mark must look like writing beyond doubt: any pair of bytes is some character in it."""
DECLARED_BONUS, DETECTED_BONUS = 0.15, 0.1
MOSTLY_ASCII = 0.2
"""With fewer bytes beyond ASCII than this share, a text is worth having even if we read those wrongly."""
SURE_BYTES = 40
"""uchardet is worth a bonus from about this many bytes beyond ASCII on; on less it takes Spanish for Latin-2 and
Norwegian for Latin-7, so there its guess is one candidate more that must be better than the usual ones."""
UNLIKELY_BONUS, CHINESE_BONUS = -0.05, 0.05
SURE_SCORE = 0.75
"""Chinese that scores this over many characters needs no comparison; the other readings of it stay far below."""
SCORED_CHARACTERS = 300
ASCII = bytes(range(128))
KANA = re.compile(r"[\u3041-\u30fe]")
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CHINESE = ("gb18030", "big5hkscs")
USUAL = ("shift_jis_2004", "euc_jis_2004", "cp949", "cp1252", "utf-16-le", "utf-16-be")
OTHER_ALPHABETS = ("cp1251", "koi8-r", "iso8859-7")
NAMES = {"utf-8-sig": "utf-8", "big5hkscs": "big5", "shift_jis_2004": "shift_jis", "euc_jis_2004": "euc_jp"}
DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A text, the encoding it was in, and how many characters had to be replaced by U+FFFD."""

    text: str
    encoding: str
    replaced: int = 0


def decode(data: bytes) -> Decoded | None:
    """Returns the text of `data`, or None when it is not text in any encoding that we know."""
    encoding = detect_encoding(data)
    return None if encoding is None else decode_as(data, encoding)


def decode_as(data: bytes, encoding: str) -> Decoded:
    """Returns the text of `data` in `encoding`, broken characters replaced and counted."""
    try:
        text, replaced = data.decode(encoding), 0
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        replaced = text.count("\ufffd")
    return Decoded(text=text, encoding=NAMES.get(encoding, encoding), replaced=replaced)


def detect_encoding(data: bytes) -> str | None:
    """Returns Python's name of the encoding of `data` (or of its beginning), or None when it looks like no text."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding
    if is_utf8(data):
        wide = wide_encoding(data)
        return wide or "utf-8"
    return wide_encoding(data) or best_encoding(data)


def is_utf8(data: bytes) -> bool:
    """True for UTF-8, also when it is cut at its end or holds a few broken bytes among many whole characters."""
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = len(BEYOND_ASCII.findall(text)) - broken
    cut = text.endswith("\ufffd") and broken == 1  # a Latin-1 text that ends in é looks like that as well
    return whole >= 2 if cut else broken <= BROKEN_SHARE * len(text) and whole >= 10 * broken


def wide_encoding(data: bytes) -> str | None:
    """Returns UTF-16 (or UTF-32) without a mark, told by zero bytes that stand on one side of the pairs only."""
    sample = data[: SAMPLE_BYTES & ~3]
    if b"\0" not in sample:
        return None
    zeros = [sample[place::4].count(0) / max(1, len(sample[place::4])) for place in range(4)]
    if min(zeros[0], zeros[1]) > 0.9 and zeros[2:] != zeros[:2] and zeros[3] < 0.3:
        return "utf-32-be"
    if min(zeros[2], zeros[3]) > 0.9 and zeros[0] < 0.3:
        return "utf-32-le"
    high, low = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    scores = {"utf-16-le": low - high, "utf-16-be": high - low}
    encoding = max(scores, key=lambda name: scores[name])
    text = sample_text(sample, encoding)
    # Latin text has a zero in nearly every pair; Chinese only at line ends and digits, so there the writing decides.
    if scores[encoding] > 0.6 and plain_share(text) > 0.9:
        return encoding
    return encoding if scores[encoding] > 0 and writing_score(text, wide=True) > WIDE_SCORE else None


def plain_share(text: str) -> float:
    """Returns the share of characters that are printable or blank."""
    return sum(character.isprintable() or character in "\n\r\t" for character in text) / max(1, len(text))


def best_encoding(data: bytes) -> str | None:
    """Returns the encoding whose reading of `data` looks most like writing, or None when none does."""
    sample = data[:SAMPLE_BYTES]
    for name in CHINESE:
        if surely(sample_text(sample, name)):
            return name
    bonus: dict[str, float] = {}
    for names, amount in ((CHINESE, CHINESE_BONUS), (USUAL, 0.0), (OTHER_ALPHABETS, UNLIKELY_BONUS)):
        bonus.update(dict.fromkeys(names, amount))
    detected, declared = detected_charset(sample), declared_charset(sample)
    if detected and beyond_ascii(sample) >= SURE_BYTES:
        bonus[detected] = bonus.get(detected, 0.0) + DETECTED_BONUS
    elif detected:
        bonus.setdefault(detected, UNLIKELY_BONUS)
    if declared:
        bonus[declared] = bonus.get(declared, 0.0) + DECLARED_BONUS
    scores = {}
    for name, amount in bonus.items():
        wide = name.startswith("utf-16")
        if wide and (len(data) % 2 or len(data) < 8):
            continue
        text = sample_text(sample, name)
        score = writing_score(text, wide=wide)
        if text.count("\ufffd") <= max(1, BROKEN_SHARE * len(text)) and (not wide or score > WIDE_SCORE):
            scores[name] = score + amount
    best = max(scores, key=lambda name: scores[name], default=None)
    if best is None:
        return None
    mostly_ascii = beyond_ascii(sample) <= MOSTLY_ASCII * len(sample)
    return best if scores[best] >= LOWEST_SCORE or mostly_ascii else None


def surely(text: str) -> bool:
    """True for text that is Chinese beyond doubt; kana forbid it, as EUC-JP and GB2312 have them in the same place."""
    enough = len(BEYOND_ASCII.findall(text[: 4 * SURE_BYTES])) >= SURE_BYTES
    return enough and "\ufffd" not in text and not KANA.search(text) and writing_score(text) >= SURE_SCORE


def beyond_ascii(data: bytes) -> int:
    """Returns how many bytes are not ASCII."""
    return len(data.translate(None, ASCII))


def sample_text(sample: bytes, encoding: str) -> str:
    """Returns the text of a sample that may end inside a character."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(sample)


def known_encoding(label: str) -> str | None:
    """Returns Python's name for a charset label as the web uses it, or None when it is of no help here."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    try:
        name = codecs.lookup(map_encoding_to_html5(label) or label).name
    except LookupError:
        return None
    name = {"gbk": "gb18030", "gb2312": "gb18030", "big5": "big5hkscs", "shift_jis": "shift_jis_2004"}.get(name, name)
    name = {"euc_jp": "euc_jis_2004", "euc_kr": "cp949", "iso8859-1": "cp1252", "ascii": "cp1252"}.get(name, name)
    return None if name.startswith(("utf-8", "utf-16", "utf-32", "utf-7", "hz", "iso2022")) else name


def declared_charset(sample: bytes) -> str | None:
    """Returns what a page's meta element or XML declaration says, among the encodings that are worth trying."""
    found = DECLARED.search(sample[:4096])
    return known_encoding(found.group(1).decode("ascii")) if found else None


def detected_charset(sample: bytes) -> str | None:
    """Returns uchardet's guess, which knows Cyrillic, Greek and other encodings that we have no statistics for."""
    from resiliparse.parse.encoding import detect_encoding as guess

    label = guess(sample, html5_compatible=False)
    return known_encoding(label) if label else None


@cache
def common_characters() -> frozenset[str]:
    """Returns the commonest Chinese (both scripts), Japanese and Korean characters and their punctuation."""
    text = resources.files("textmill.data").joinpath("common_characters.txt").read_text(encoding="utf-8")
    return frozenset("".join(line for line in text.splitlines() if not line.startswith("#")))


@cache
def ordinary_characters() -> frozenset[str]:
    """Returns what the national standards call their first level: some 6,500 characters that are not rare."""
    pairs = [bytes((lead, trail)) for lead in range(0xB0, 0xD8) for trail in range(0xA1, 0xFF)]
    simplified = b"".join(pairs).decode("gb2312", "ignore")
    trails = [*range(0x40, 0x7F), *range(0xA1, 0xFF)]
    pairs = [bytes((lead, trail)) for lead in range(0xA4, 0xC7) for trail in trails]
    traditional = b"".join(pairs).decode("big5", "ignore")
    return frozenset(simplified + traditional)


def writing_score(text: str, *, wide: bool = False) -> float:
    """Returns from -1 (noise) to 1 how much the characters beyond ASCII look like writing.

    For UTF-16 (`wide`) ASCII counts as well, since there a wrong reading seldom yields any.
    """
    places = [found.start() for found in islice(BEYOND_ASCII.finditer(text), SCORED_CHARACTERS)]
    total, count = sum(character_score(text, place, text[place]) for place in places), len(places)
    if wide:
        plain = text[:SCORED_CHARACTERS]
        good = sum(character.isprintable() or character in "\n\r\t" for character in plain if character < "\x80")
        bad = sum(character < "\x80" for character in plain) - good
        total, count = total + 0.5 * good - bad, count + good + bad
    return total / count if count else 0.0


def character_score(text: str, place: int, character: str) -> float:
    """Returns the part of one character beyond ASCII in a text's score."""
    if character.isalpha() and character > "\u2e80" and not crowded(text, place):
        return -0.3  # one sign between Latin letters is two bytes of another encoding far more often than it is writing
    if character in common_characters():
        return 1.0
    if "\uac00" <= character <= "\ud7a3":
        return 0.15
    if "\u2e80" <= character <= "\ud7ff" or "\uf900" <= character <= "\uffef" or character > "\uffff":
        ordinary = character in ordinary_characters() or "\u3041" <= character <= "\u30f6"
        return 0.2 if ordinary else -1.0
    if not character.isalpha():
        return 0.3 if character in "‘’“”–—…•€£°§«»·©®™¿¡½×²³ºª\u00a0" and not crowded(text, place) else -1.0
    return letter_score(text, place, character)


def crowded(text: str, place: int) -> bool:
    """True when the character stands among others beyond ASCII: punctuation of a Western text does not."""
    return any(neighbour > "\x7f" for neighbour in text[max(0, place - 1) : place] + text[place + 1 : place + 2])


def letter_score(text: str, place: int, character: str) -> float:
    """Returns how well a letter beyond ASCII fits its neighbours: same script, and lower case inside a word."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    script = letter_script(character)
    neighbours = [letter for letter in (before, after) if letter.isalpha()]
    if script == "other" or any(letter_script(letter) != script for letter in neighbours):
        return -1.0
    if character.isupper() and (before.islower() or (after.isupper() and text[place + 2 : place + 3].islower())):
        return -1.0
    if script == "latin":
        around = text[max(0, place - 2) : place + 3]
        crowd = sum(letter > "\x7f" for letter in around)
        return -0.5 if crowd > 2 else 0.7 if neighbours else 0.3
    capitals = character.isupper() and before.isupper()  # KOI8 and Windows-1251 are each other's capitals
    return 0.2 if capitals or not neighbours else 0.6


def letter_script(letter: str) -> str:
    """Returns "latin", "greek", "cyrillic", "hebrew", "arabic" or "other"."""
    if letter < "\u0250":
        return "latin"
    bounds = {"greek": ("\u0370", "\u03ff"), "cyrillic": ("\u0400", "\u052f")}
    bounds |= {"hebrew": ("\u0590", "\u05ff"), "arabic": ("\u0600", "\u06ff")}
    return next((name for name, (low, high) in bounds.items() if low <= letter <= high), "other")
