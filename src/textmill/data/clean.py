"""Tidying that loses nothing a reader would miss: line ends, control characters, lone surrogates, trailing blanks.

No Unicode normalisation happens here: full-width forms, ligatures and Traditional characters stay as they were written.
"""

import re
from dataclasses import dataclass

NEWLINES = re.compile(r"\r\n?|[\v\f\x85]")
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
SURROGATES = re.compile(r"[\ud800-\udfff]")
REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanText:
    """A tidied text and how many characters were taken out or replaced in it."""

    text: str
    controls_removed: int = 0
    surrogates_replaced: int = 0


def clean(text: str) -> CleanText:
    """Returns `text` with newlines as its only line ends, without control characters, lone surrogates, trailing blanks.

    Vertical tabs, form feeds and NEL count as line ends: to take a page break out would glue two words together.
    """
    text, controls = CONTROLS.subn("", NEWLINES.sub("\n", text))
    text, surrogates = SURROGATES.subn(REPLACEMENT, text)
    text = "\n".join([line.rstrip() for line in text.split("\n")]).strip("\n")
    return CleanText(text=text.removeprefix("\ufeff"), controls_removed=controls, surrogates_replaced=surrogates)


def control_share(text: str) -> float:
    """Returns the share of characters that are control characters other than blanks; high for what is not text."""
    return len(CONTROLS.findall(text)) / len(text) if text else 0.0
