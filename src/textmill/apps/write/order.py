"""What is wanted of an article: checked once, contradictions named, before a model is loaded."""

import re
from dataclasses import asdict, dataclass
from typing import Any

from textmill.data.language import detect_language
from textmill.errors import UsageError

LANGUAGES = ("en", "zh")
PERSONS = ("", "first", "third")
LEVELS = ("", "simple", "plain", "advanced")
FEWEST, MOST = 20, 50_000
"""Words, or Chinese characters, that an article may have."""
MOST_SECTIONS = 200
TOLERANCE = 0.1
"""How far an article's length may be from what was asked."""
SHORTEST_FOR_A_WORD = 6
"""Words that a required word takes up with the sentence around it, at the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An article as it is wanted. `words` counts words in English and characters in Chinese."""

    kind: str
    topic: str
    language: str = ""
    words: int = 300
    sections: int = 0
    """0: as many as the length deserves."""
    style: str = ""
    tone: str = ""
    person: str = ""
    level: str = ""
    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    seed: int = 0
    candidates: int = 4
    """Sentences drawn for each that is written."""

    def __post_init__(self) -> None:
        if not self.topic.strip():
            raise UsageError("write.no_topic")
        if not FEWEST <= self.words <= MOST:
            raise UsageError("write.words", fewest=FEWEST, most=MOST, got=self.words)
        if not 0 <= self.sections <= MOST_SECTIONS:
            raise UsageError("write.sections", most=MOST_SECTIONS, got=self.sections)
        for name, value, known in (("person", self.person, PERSONS), ("level", self.level, LEVELS)):
            if value not in known:
                raise UsageError("write.choice", name=name, known=", ".join(filter(None, known)), got=value)
        if self.language not in ("", *LANGUAGES):
            raise UsageError("write.language", known=", ".join(LANGUAGES), got=self.language)
        for word in (*self.required, *self.forbidden):
            if not word.strip() or "\n" in word or SENTENCE_END.search(word):
                raise UsageError("write.odd_word", got=word)
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        for word in self.required:
            for banned in self.forbidden:
                if banned.casefold() in word.casefold():
                    raise UsageError("write.contradiction", required=word, forbidden=banned)
        for banned in self.forbidden:
            if banned.casefold() in self.topic.casefold():
                raise UsageError("write.topic_forbidden", topic=self.topic, forbidden=banned)
        needed = sum(max(SHORTEST_FOR_A_WORD, length(word)) for word in self.required)
        if needed > self.words:
            raise UsageError("write.too_many_words", words=self.words, required=len(self.required), needed=needed)

    @property
    def text_language(self) -> str:
        """The language to write in: what was said, else the topic's."""
        return self.language or ("zh" if detect_language(self.topic) in ("zh", "ja") else "en")

    @property
    def room(self) -> tuple[int, int]:
        """The fewest and the most words that are right."""
        return -int(-self.words * (1 - TOLERANCE) // 1), int(self.words * (1 + TOLERANCE))

    def as_dict(self) -> dict[str, Any]:
        """Returns the order as JSON has it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @staticmethod
    def from_dict(value: dict[str, Any]) -> "Order":
        """Returns the order that `as_dict` wrote."""
        fields: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in value.items()}
        return Order(**fields)


SENTENCE_END = re.compile(r"[.!?。！？]")  # text data


CHARACTER = re.compile(r"[\u2e80-\u2fdf\u3005-\u9fff\uf900-\ufaff]")
"""What counts by itself: scripts without spaces, without their punctuation."""
CITATION = re.compile(r" ?\[\d+\]")


def length(text: str) -> int:
    """Returns how long a text is: words as spaces part them, of Chinese its characters; citations do not count."""
    text = CITATION.sub("", text)
    words = CHARACTER.sub(" ", text).split()
    return len(CHARACTER.findall(text)) + sum(re.search(r"\w", word) is not None for word in words)


def has_word(text: str, word: str) -> bool:
    """True where `text` has `word`: as a whole word in scripts with spaces, anywhere in others; case does not count."""
    if word.isascii():
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None
    return word.casefold() in text.casefold()
