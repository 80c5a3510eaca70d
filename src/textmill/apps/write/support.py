"""Does a sentence stand in its source? By rules that can be read: its numbers, its names, its words, its negations.

A sentence is supported when all its numbers and names are in the passage (or in what was asked for), it says no where
the passage does and only there, and of its words that carry meaning, those of the request left out, at least `SHARE`
are the passage's, and at least one. This catches what small models invent (figures, people, places, opposites), not a
wrong relation between right words.
"""

import re
from dataclasses import dataclass

from textmill.apps.write.order import CHARACTER
from textmill.apps.write.sources import terms
from textmill.evaluate.text_quality import units

SHARE = 0.6
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
NAME = re.compile(r"(?<![.!?。！？]\s)(?<!^)(?<![\"“‘'])\b[A-Z][\w'-]*")  # text data
NO = "[不没無无未非]"  # text data
NEGATION = re.compile(
    rf"\b(?:not|no|never|none|nobody|nothing|without|neither|nor|cannot|\w+n't)\b|{NO}", re.IGNORECASE
)
COMMON = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "if",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "with",
        "by",
        "from",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "it",
        "its",
        "this",
        "that",
        "these",
        "those",
        "he",
        "she",
        "they",
        "them",
        "his",
        "her",
        "their",
        "there",
        "here",
        "which",
        "who",
        "whom",
        "what",
        "when",
        "where",
        "while",
        "than",
        "then",
        "so",
        "such",
        "also",
        "more",
        "most",
        "very",
        "can",
        "could",
        "may",
        "might",
        "will",
        "would",
        "shall",
        "should",
        "has",
        "have",
        "had",
        "do",
        "does",
        "did",
        "not",
        "no",
        "i",
        "we",
        "you",
        "our",
        "your",
        "my",
        "me",
        "us",
        "into",
        "about",
        "over",
        "under",
        "after",
        "before",
        "between",
        "during",
        "through",
        "out",
        "up",
        "down",
        "off",
        "again",
        "once",
        "only",
        "just",
        "both",
        "each",
        "all",
        "any",
        "some",
        "other",
        "one",
        "two",
        "said",
        "says",
        "according",
    ]
)
"""English words that carry no fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What was found: the share of the sentence's words that the passage has, and what it has not."""

    share: float
    missing: tuple[str, ...] = ()
    """Numbers and names that are not in the passage, "negation" where one says no and the other does not."""

    @property
    def supported(self) -> bool:
        """True where nothing speaks against it."""
        return not self.missing and self.share >= SHARE


def support(sentence: str, passage: str, known: str = "") -> Support:
    """Returns whether `sentence` stands in `passage`; `known` are words that need no source: the topic, the titles."""
    allowed = " ".join((passage, known)).casefold()
    there = {word.strip(".,") for word in NUMBER.findall(allowed)}
    missing = [word for word in NUMBER.findall(sentence) if word.strip(".,") not in there]
    missing += [word for word in NAME.findall(sentence) if not re.search(rf"\b{re.escape(word.casefold())}", allowed)]
    if bool(NEGATION.search(sentence)) != bool(NEGATION.search(passage)):
        missing.append("negation")
    own = meaning(passage)
    wanted = meaning(sentence) - (meaning(known) - own)
    share = len(wanted & own) / len(wanted) if wanted else 0.0
    return Support(share=share, missing=tuple(dict.fromkeys(missing)))


def meaning(text: str) -> set[str]:
    """Returns the terms of a text that carry meaning: no common English words, no single Chinese characters."""
    common = {word for word in units(text) if word in COMMON}
    kept = {term for term in terms(text) if len(term) > 1 or not CHARACTER.fullmatch(term)}
    return kept - {term for word in common for term in terms(word)}
