"""What travels through the corpus build: documents, and notes of what was dropped and why.

    a file or a record ──▶ Draft (a document and what is known of its making) ──▶ Document
                      └──▶ Drop  (the step that refused it, by what value against what threshold)

A document's `id` is the first 32 hexadecimal digits of the SHA-256 of where it came from: the path below the given
folder (with that folder's own name, so that it is the same on every machine) and the record's position in the file.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

EXCERPT_CHARACTERS = 500
"""How much of a dropped document is kept, so that a person can judge the step that dropped it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text and what is known about it; what is not known is "" (language: "und")."""

    id: str
    text: str
    language: str = "und"
    source: str = ""
    url: str = ""
    title: str = ""
    date: str = ""
    licence: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    split: str = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document before duplicates and splits are settled; `held_out` is None where nothing says so."""

    document: Document
    kind: str
    digest: bytes
    held_out: bool = False
    encoding: str = ""
    controls_removed: int = 0
    characters_replaced: int = 0
    masked: tuple[tuple[str, int], ...] = ()
    """(kind, how many) of personal data that was replaced."""
    mended: tuple[tuple[str, int], ...] = ()
    """(what, how many) of what cleaning changed: 1 for a text repaired or converted, else lines by rule."""
    cut: tuple[tuple[str, int], ...] = ()
    """(kind, how many) of the lines and paragraphs that were cut because they repeat across documents."""
    signature: bytes = b""
    """MinHash of the text (see `duplicates.minhash`), little-endian; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A file or record that did not become a document: which step said so, for what reason, by what value."""

    id: str
    source: str
    step: str
    reason: str
    value: str = ""
    threshold: str = ""
    excerpt: str = ""
    size: int = 0
    """UTF-8 bytes of its text where there was one, else of the file; 0: not known."""


def document_id(source: str, position: int = 0) -> str:
    """Returns the id of record `position` of the file that `source` names; a whole file is its record 0."""
    return hashlib.sha256(f"{source}\n{position}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def text_digest(text: str) -> bytes:
    """Returns 16 bytes that stand for a text when duplicates are looked for."""
    return hashlib.sha256(text.encode("utf-8")).digest()[:16]
