"""Which part of a corpus the tokenizer learns from, when not all of it is needed.

Merges hardly change past some tens of megabytes, so `tokenizer.training_megabytes` bounds the text. The choice is a
function of the documents alone: each stretch of a document is taken when the hash of (document id, number of the
stretch) falls under its language's share. A small language is not drowned: English and Chinese get at least a quarter
of the room each, as far as they have that much text.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from textmill.tokenizer.pattern import stretches

SMALLEST_SHARE = 0.25
STRETCH = 1 << 14
"""Code points: small enough that a sample of a few megabytes is spread over all documents."""


class Document(Protocol):
    """What is needed of a corpus document."""

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        ...

    @property
    def text(self) -> str:
        """The text."""
        ...

    @property
    def language(self) -> str:
        """A language code, or "" where it is not known."""
        ...

    @property
    def source(self) -> str:
        """Where it came from: a file's name, and ":" and its number for one of many records."""
        ...

    @property
    def meta(self) -> dict[str, Any]:
        """What else is known of it."""
        ...


class DocumentSource(Protocol):
    """What is needed of a corpus."""

    @property
    def content_hash(self) -> str:
        """Changes with every change of the documents."""
        ...

    def documents(self, split: str | None = None, columns: Iterable[str] = ()) -> Iterable[Document]:
        """Yields a split's documents, always in the same order; `columns` says what is needed besides id and text."""
        ...

    def measure(self, measure: str, split: str | None = None) -> int:
        """Returns the "documents" or the UTF-8 "bytes" of a split."""
        ...


def training_text(corpus: DocumentSource, megabytes: float) -> Iterator[str]:
    """Yields the texts of a corpus's training part, or an even sample of about so many megabytes."""
    room = megabytes * 1e6
    if corpus.measure("bytes", "train") <= room:
        yield from (document.text for document in corpus.documents("train", ()))
        return
    sizes: Counter[str] = Counter()
    for document in corpus.documents("train", ("language",)):
        sizes[document.language] += len(document.text.encode("utf-8", "replace"))
    shares = language_shares(sizes, room)
    for document in corpus.documents("train", ("language",)):
        for number, part in enumerate(stretches(document.text, STRETCH)):
            if fraction(f"{document.id}:{number}") < shares[document.language]:
                yield part


def language_shares(sizes: dict[str, int], room: float) -> dict[str, float]:
    """Returns how much of each language's text is taken, so that about `room` bytes come together."""
    granted = {
        language: min(size, room * SMALLEST_SHARE) if language in ("en", "zh") else 0.0
        for language, size in sizes.items()
    }
    left = room - sum(granted.values())
    wanted = sum(sizes.values()) - sum(granted.values())
    rate = min(1.0, left / wanted) if wanted else 0.0
    return {
        language: (granted[language] + rate * (size - granted[language])) / size if size else 1.0
        for language, size in sizes.items()
    }


def fraction(name: str) -> float:
    """Returns a number in [0, 1) that depends on `name` alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
