"""Where sentences end, in English, Chinese and languages written alike; the parts of a text join to the text again.

    "Dr. Smith left. He was tired." ─▶ "Dr. Smith left. " "He was tired."
    "他说：“走吧！”然后走了。天黑了。"  ─▶ "他说：“走吧！”然后走了。" "天黑了。"

A full stop ends a sentence where a blank follows and what comes next begins one; not behind an abbreviation, an initial
or a number in a list. Chinese and Japanese marks need no blank; closing quotes and brackets behind a mark belong to the
sentence before, and where the sentence goes on behind a quotation, nothing ends.
"""

import re
from collections.abc import Iterator

CLOSERS = "\"'”’」』）)】》〉]"  # text data
WIDE = "。！？；…!?"  # text data
AFTER = f"[{re.escape(CLOSERS)}]"
WIDE_END = re.compile(
    rf"(?:[。！？]+|……|…(?=[\u3400-\u9fff])|；|[!?]+(?=[\u3400-\u9fff]|{AFTER})){AFTER}*"  # text data
)
NARROW_END = re.compile(rf"[.!?…]+[{re.escape(CLOSERS)}]*(?=\s)")
LINE_END = re.compile(r"\s*\n\s*")
BLANKS = re.compile(r"\s*")
LONGEST_WORD = 40
"""Characters before a full stop that are looked at; from the beginning of the text each time would be quadratic."""
LAST_WORD = re.compile(r"[^\s(\[{\"'“‘]+$")
HAN = re.compile(r"[\u3400-\u9fff]")
BEFORE_NAMES = frozenset(
    {
        *(
            "mr",
            "mrs",
            "ms",
            "dr",
            "prof",
            "st",
            "fig",
            "figs",
            "no",
            "nos",
            "vol",
            "pp",
            "p",
            "e.g",
            "i.e",
            "cf",
            "vs",
        ),
        *("bzw", "z.b", "d.h", "nr", "hr", "fr", "m", "mme", "mlle"),
    }
)
"""Abbreviations that something always follows; the others may also end a sentence."""
ABBREVIATIONS = BEFORE_NAMES | frozenset(
    {
        *(
            "sr",
            "jr",
            "etc",
            "al",
            "p",
            "ed",
            "eds",
            "inc",
            "ltd",
            "co",
            "corp",
            "dept",
            "est",
            "approx",
            "ca",
            "jan",
            "feb",
        ),
        *(
            "mar",
            "apr",
            "jun",
            "jul",
            "aug",
            "sep",
            "sept",
            "oct",
            "nov",
            "dec",
            "mon",
            "tue",
            "wed",
            "thu",
            "fri",
            "sat",
        ),
        *("sun", "a.m", "p.m", "u.s", "u.k", "u.n", "ph.d", "m.d", "b.a", "usw", "ggf", "evtl", "inkl", "str", "dipl"),
        *("ing", "c.-à-d", "tzv", "např", "atd"),
    }
)
LONGEST_WORD = 64
"""Characters before a mark that are looked at: of a long text, not all that came before."""
GOES_ON = re.compile(r"\s*[a-zà-öø-ÿа-я,;:)]")


def sentences(text: str) -> Iterator[str]:
    """Yields the sentences of a text with the blanks behind each; together they are the text."""
    start = 0
    for end in ends(text):
        if text[start:end].strip():
            yield text[start:end]
            start = end
    if start < len(text):
        yield text[start:]


def ends(text: str) -> Iterator[int]:
    """Yields the places behind each sentence and its blanks, in order."""
    at = 0
    pattern = re.compile(f"{WIDE_END.pattern}|{NARROW_END.pattern}|{LINE_END.pattern}")
    while match := pattern.search(text, at):
        at = max(match.end(), at + 1)
        if match[0].isspace():
            yield match.end()
            continue
        blanks = BLANKS.match(text, match.end())
        behind = blanks.end() if blanks else match.end()
        if ends_here(text, match, behind):
            at = max(behind, at)
            yield behind


def ends_here(text: str, match: re.Match[str], behind: int) -> bool:
    """True where the mark that was found ends a sentence."""
    mark, rest = match[0], text[behind : behind + 8]
    if mark[0] in WIDE and (mark[0] not in "!?…" or HAN.match(rest)):
        quoted = mark[-1] in CLOSERS and any(sign in mark for sign in WIDE)
        return not (quoted and goes_on_in_chinese(rest))
    if GOES_ON.match(rest):
        return False
    if mark[0] != ".":
        return True
    word = LAST_WORD.search(text, max(0, match.start() - LONGEST_WORD), match.start())
    last = word[0].lower() if word else ""
    if len(mark.rstrip(CLOSERS)) == 1 and (last in BEFORE_NAMES or (len(last) == 1 and last.isalpha())):
        return False
    if last in ABBREVIATIONS and not rest[:1].isupper():
        return False
    return not (last.isdigit() and len(last) <= 2 and only_number(text, match.start(), last))


def only_number(text: str, at: int, last: str) -> bool:
    """True where a line has had nothing but this number so far, as in a list: "1. First"."""
    line = text.rfind("\n", 0, at) + 1
    return text[line:at].strip() == last


def goes_on_in_chinese(rest: str) -> bool:
    """True where what follows a quotation belongs to its sentence: 他说, 然后 …"""
    return bool(re.match(r"[，,、的地得]|(?:[他她它我你]们?)?(?:说|问|道|喊|叫|想|然后|便|就)", rest))  # text data


def clauses(text: str) -> Iterator[str]:
    """Yields the parts of a sentence that is too long, cut behind commas and the like; together they are the text."""
    start = 0
    for match in re.finditer(r"[,;:](?=\s)\s*|[，；：、]\s*|\s[–—-]\s", text):  # text data
        if match.end() - start >= 12:
            yield text[start : match.end()]
            start = match.end()
    if start < len(text):
        yield text[start:]
