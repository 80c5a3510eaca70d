"""A document cut into passages: some sentences in a row, never across a heading, with their places in the text.

A line break inside a sentence (mail, plain text, PDF) is read as a blank; places stay those of the text as it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from textmill.data.sentences import clauses, sentences

LONGEST = 500
"""Characters of a passage: some sentences, so that what a pronoun means stands beside it."""
LONGEST_SENTENCE = 400
"""A longer one is cut at commas, then anywhere: a table without full stops, a log, a hostile text."""
OPEN = r"[^\s.。!?！？:：;；|]"  # text data
WRAPPED = re.compile(rf"(?<={OPEN})\n(?=[a-z(\"'])|(?<=[^\n]{{50}}{OPEN})\n(?=\w)")
"""A line break that ends nothing: a small letter follows, or the line was long."""
HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*\s*$")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Sentences in a row; `heading` is the one that they stand under."""

    heading: str
    sentences: tuple[Span, ...]
    """(start, end) in code points of the document's text, without blanks around."""

    @property
    def start(self) -> int:
        """Where the first sentence begins."""
        return self.sentences[0][0]

    @property
    def end(self) -> int:
        """Where the last sentence ends."""
        return self.sentences[-1][1]


def passages(text: str) -> Iterator[Passage]:
    """Yields the passages of a text, in order."""
    heading, waiting = "", list[Span]()
    for start, end in spans(text):
        title = HEADING.match(text, start, end)
        full = waiting and end - waiting[0][0] > LONGEST
        if waiting and (title or full):
            yield Passage(heading=heading, sentences=tuple(waiting))
            waiting = []
        if title:
            heading = title[1][:200]
        else:
            waiting.append((start, end))
    if waiting:
        yield Passage(heading=heading, sentences=tuple(waiting))


def spans(text: str) -> Iterator[Span]:
    """Yields the (start, end) of each sentence that has a word in it."""
    start = 0
    for sentence in sentences(WRAPPED.sub(" ", text)):
        for piece in pieces(sentence):
            inner = piece.strip()
            if re.search(r"\w", inner):
                begin = start + len(piece) - len(piece.lstrip())
                yield begin, begin + len(inner)
            start += len(piece)


def pieces(sentence: str) -> Iterator[str]:
    """Yields a sentence, or the parts of one that is too long; together they are the sentence."""
    if len(sentence) <= LONGEST_SENTENCE:
        yield sentence
        return
    for part in clauses(sentence):
        for at in range(0, len(part), LONGEST_SENTENCE):
            yield part[at : at + LONGEST_SENTENCE]
