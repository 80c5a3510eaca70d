"""Texts cut into sentences, English and Chinese, by rules: marks that end one, and what only looks like such an end.

Every character of the text is in exactly one sentence, so that joining them gives the text again.
"""

import re

CLOSING = "\"'”’」』）)]》"  # text data
MARKS, SHUT = "[。！？；]+", f"[{re.escape(CLOSING)}]*"  # text data
END = re.compile(rf"{MARKS}{SHUT}|[.!?]+{SHUT}(?=\s|$)|…+(?=\s|$)|\n+")
ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“])(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Rev|Gen|Col|Capt|Lt|Sen|Rep|Gov|Hon|No|Nos|vs|etc|e\.g|i\.e|cf|al|Fig"
    r"|Vol|pp|ed|eds|Inc|Ltd|Co|Corp|Dept|Univ|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|approx|[A-Z])\.$"
)
"""An end after which the sentence goes on, as a rule; a single capital is an initial."""
LOWER = re.compile(r"\s+[a-z]")
"""What follows a mark that ended no sentence."""


def sentences(text: str) -> list[str]:
    """Returns the sentences of `text`, each with the space behind it."""
    found, start = list[str](), 0
    for match in END.finditer(text):
        end = match.end()
        if match[0].startswith((".", "!", "?")) and not _ends(text, start, end):
            continue
        while end < len(text) and text[end].isspace():
            end += 1
        if end > start:
            found.append(text[start:end])
            start = end
    return [*found, text[start:]] if start < len(text) else found


def _ends(text: str, start: int, end: int) -> bool:
    """True where the mark before `end` ends the sentence that began at `start`."""
    before = text[max(start, end - 12) : end]
    return not ABBREVIATION.search(before) and not LOWER.match(text, end)
