"""Gopher's, C4's and FineWeb's rules for whole documents: is this running text, or a list, a menu, code, a fragment?

Each function yields (rule, value, threshold) for the rules that a text breaks, in the order of datatrove's filters. Two
things are meant otherwise than there: lines are those that are not blank (datatrove's extraction leaves no blank lines,
ours has one between paragraphs), and a bullet is any of the usual ones, not only "•" and "-".
"""

import re
from collections.abc import Callable, Iterator

from textmill.data.cleaning.measures import Measures, duplicates
from textmill.data.cleaning.repetition import Finding
from textmill.data.cleaning.rules import Limits

STOP_WORDS = {
    "en": frozenset(("the", "be", "to", "of", "and", "that", "have", "with")),
    "zh": frozenset("的年在月是和日了於爲為有被人中为他與后後也而由这那不就都"),  # text data
}
"""Gopher's eight; FineWeb2's for Chinese, which are of both scripts, and seven of the same kind."""
BULLETS = ("•", "-", "*", "‣", "▪", "●", "·", "◦", "–")
ELLIPSES = ("...", "…")
TERMINAL = (".", "?", "!", "。", "？", "！", "．", "｡", "‼", "⁇", "⁈", "⁉", "؟", "۔", "।", "॥")  # text data
CLOSING = "\"'”’」』）》)]"  # text data
SENTENCE_END = {
    True: re.compile(r"[.!?][\"'”’)\]]*(?=\s+\S)"),
    False: re.compile(r"[。！？!?…]+[”’」』）]*(?=\s*[^\s。！？!?…”’」』）])"),  # text data
}
BROKEN = re.compile(r"\ufffd|锟斤拷|锟|烫烫烫|屯屯屯")  # text data
"""The sign for what could not be read, what it becomes when read again in GBK, and memory that was never written."""
LOREM_IPSUM = re.compile(r"lorem ipsum", re.IGNORECASE)


def broken(measures: Measures, limits: Limits) -> Iterator[Finding]:
    """Yields the rule about characters that an earlier program could not read."""
    name = "maximum_broken_characters"
    if name in limits:
        value = sum(map(len, BROKEN.findall(measures.text))) / max(1, len(measures.text))
        if value > limits[name]:
            yield name, value, limits[name]


def gopher(measures: Measures, limits: Limits) -> Iterator[Finding]:
    """Yields Gopher's quality rules (Rae et al. 2021, A.1.1) and ChineseWebText's two about characters and lines."""
    yield from below("minimum_words", measures.word_count, limits)
    yield from above("maximum_words", measures.word_count, limits)
    if measures.spaced and ("minimum_word_length" in limits or "maximum_word_length" in limits):
        yield from below("minimum_word_length", measures.mean_word_length, limits)
        yield from above("maximum_word_length", measures.mean_word_length, limits)
    units, part, lines = max(1, measures.unit_count), measures.part, measures.lines
    yield from above("maximum_hashes", part.count("#") / units, limits)
    yield from above("maximum_ellipses", (part.count("...") + part.count("…")) / units, limits)
    if "maximum_bullet_lines" in limits:
        yield from above("maximum_bullet_lines", share(lines, lambda line: line.lstrip().startswith(BULLETS)), limits)
    yield from above("maximum_ellipsis_lines", share(lines, lambda line: line.rstrip().endswith(ELLIPSES)), limits)
    yield from below("minimum_alphabetic_words", measures.alphabetic_share, limits)
    if "minimum_stop_words" in limits:
        yield from below("minimum_stop_words", stop_words(measures), limits)
    if "minimum_chinese_share" in limits:
        yield from below("minimum_chinese_share", measures.chinese_share, limits)
    if "minimum_line_length" in limits:
        yield from below("minimum_line_length", sum(map(len, lines)) / max(1, len(lines)), limits)


def stop_words(measures: Measures) -> int:
    """Returns how many of the language's stop words a text has, each counted once."""
    known = STOP_WORDS.get(measures.language, frozenset())
    if measures.spaced:
        return len(known & measures.vocabulary.keys())
    return sum(word in measures.part for word in known)


def c4(measures: Measures, limits: Limits) -> Iterator[Finding]:
    """Yields C4's rules for documents (Raffel et al. 2020, 2.2), of a text whose bad lines are out already."""
    if "lorem_ipsum" in limits and LOREM_IPSUM.search(measures.text):
        yield "lorem_ipsum", measures.text.lower().count("lorem ipsum"), 0
    if "curly_bracket" in limits and "{" in measures.text:
        yield "curly_bracket", measures.text.count("{"), 0
    if "minimum_sentences" in limits:
        end = SENTENCE_END[measures.spaced]
        yield from below("minimum_sentences", sum(1 + len(end.findall(line)) for line in measures.lines), limits)


def fineweb(measures: Measures, limits: Limits) -> Iterator[Finding]:
    """Yields FineWeb's own rules (Penedo et al. 2024, 3.6)."""
    lines = measures.lines
    if "minimum_punctuated_lines" in limits:
        ended = ends_english if measures.spaced else ends_chinese
        yield from below("minimum_punctuated_lines", share(lines, ended), limits)
    if "maximum_short_lines" in limits:
        short = limits.get("short_line_characters", 30)
        yield from above("maximum_short_lines", share(lines, lambda line: len(line) <= short), limits)
    name = "maximum_repeated_line_characters"
    if name in limits:
        characters = len(measures.text) - measures.text.count("\n")
        yield from above(name, duplicates(lines)[1] / max(1, characters), limits)
    # Words at blanks are never more than the words that count: where they are enough, those need not be found.
    most = limits.get("maximum_newlines", float("inf"))
    if len(lines) - 1 > most * (len(measures.text.split()) if measures.spaced else 0):
        yield from above("maximum_newlines", (len(lines) - 1) / max(1, measures.unit_count), limits)


def below(name: str, value: float, limits: Limits) -> Iterator[Finding]:
    """Yields a rule whose value has to be the threshold or more."""
    if name in limits and value < limits[name]:
        yield name, value, limits[name]


def above(name: str, value: float, limits: Limits) -> Iterator[Finding]:
    """Yields a rule whose value has to be the threshold or less."""
    if name in limits and value > limits[name]:
        yield name, value, limits[name]


def ends_english(line: str) -> bool:
    """True for a line that ends as a sentence does, as FineWeb has it: a closing quotation mark is no end."""
    return line.endswith(TERMINAL)


def ends_chinese(line: str) -> bool:
    """True for a line that ends as a sentence does; in Chinese the stop stands inside the quotation marks."""
    return line.rstrip(CLOSING).endswith(TERMINAL)


def share(lines: list[str], condition: Callable[[str], bool]) -> float:
    """Returns the share of lines that fulfil the condition."""
    return sum(map(condition, lines)) / max(1, len(lines))
