"""Lines and paragraphs that stand in many documents, cut out where they are asked to be.

Two things repeat across documents that differ otherwise, and each has its own rule:

    paragraphs  a line of `paragraph_bytes` or more that stands in several documents stays in the first of them (a
                held-out one, if there is one) and is cut from the others: quoted articles, licences (CCNet, Wenzek et
                al. 2020, and Dolma, Soldaini et al. 2024, drop equal paragraphs so)
    lines       a line that stands in `lines` or more documents of one host is cut from all of them: menus, notices,
                "share this page" (as the line filters of RefinedWeb, Penedo et al. 2023, but counted, not listed)

Lines are compared without blanks around them and in small letters. What is indented, what stands between ``` marks, and
what has no letter is left alone. Documents are read twice: first each line's hash goes to files, parted by the hash, so
that only one part is in memory at a time; then the lines that were found to repeat are cut. In memory: 8 bytes for each
line and 16 for each paragraph that repeats.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from textmill.config import Settings
from textmill.data.document import EXCERPT_CHARACTERS, Draft, Drop, text_digest
from textmill.data.duplicates.minhash import signed

Outcome = Draft | Drop
PARTS = 64
"""Files of hashes: 2 GB of text have some 40 million lines, 10 MB a part."""
RECORD = np.dtype([("hash", "<u8"), ("draft", "<i8")])
LETTER = re.compile(r"[^\W\d_]")
GAPS = re.compile(r"\n{3,}")
FENCE = "```"
BATCH = 256
PARAGRAPH, LINE = "paragraph", "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """What repeats: hashes of lines, and of paragraphs with the number of the draft that each stays in; sorted."""

    lines: np.ndarray
    paragraphs: np.ndarray
    first: np.ndarray

    def cuts(self, kind: str, value: int, draft: int) -> bool:
        """True when a line of this hash is cut from draft number `draft`."""
        known = self.lines if kind == LINE else self.paragraphs
        place = int(np.searchsorted(known, np.uint64(value)))
        if place == len(known) or int(known[place]) != value:
            return False
        return kind == LINE or int(self.first[place]) != draft


def without_repeats(outcomes: Callable[[], Iterable[Outcome]], folder: Path, settings: Settings) -> Iterator[Outcome]:
    """Yields the outcomes, which are read twice, without repeated passages; as they are where nobody asked for it."""
    if not (settings.duplicates.paragraphs or settings.duplicates.lines):
        yield from outcomes()
        return
    repeats = find_repeats(outcomes(), folder, settings)
    numbered = cut_all(outcomes(), repeats, settings)
    while batch := list(islice(numbered, BATCH)):
        yield from signed(batch, settings)


def find_repeats(outcomes: Iterable[Outcome], folder: Path, settings: Settings) -> Repeats:
    """Returns what repeats in the drafts; writes to `folder` and clears it away."""
    names = {(kind, part): folder / f"{kind}-{part:02}.bin" for kind in (PARAGRAPH, LINE) for part in range(PARTS)}
    waiting: dict[tuple[str, int], list[tuple[int, int]]] = {name: [] for name in names}
    held_out = bytearray()
    for number, draft in enumerate(drafts(outcomes)):
        held_out.append(draft.held_out)
        for kind, value in {(kind, value) for kind, value, _ in passages(draft, settings)}:
            records = waiting[kind, value % PARTS]
            records.append((value, number))
            if len(records) == 1 << 12:
                append(names[kind, value % PARTS], records)
    for name, records in waiting.items():
        append(names[name], records)
    marks = np.frombuffer(bytes(held_out), dtype=np.uint8).astype(bool)
    lines = [frequent(names[LINE, part], settings.duplicates.lines) for part in range(PARTS)]
    several = [repeated(names[PARAGRAPH, part], marks) for part in range(PARTS)]
    paragraphs, first = np.concatenate([each[0] for each in several]), np.concatenate([each[1] for each in several])
    order = np.argsort(paragraphs)
    return Repeats(lines=np.sort(np.concatenate(lines)), paragraphs=paragraphs[order], first=first[order])


def drafts(outcomes: Iterable[Outcome]) -> Iterator[Draft]:
    """Yields the drafts among the outcomes."""
    return (outcome for outcome in outcomes if isinstance(outcome, Draft))


def append(path: Path, records: list[tuple[int, int]]) -> None:
    """Adds records to a file and empties the list."""
    with open(path, "ab") as file:
        file.write(np.array(records, dtype=RECORD).tobytes())
    records.clear()


def frequent(path: Path, least: int) -> np.ndarray:
    """Returns the hashes that `least` or more drafts have, and removes the file."""
    records = np.fromfile(path, dtype=RECORD)
    path.unlink()
    values, counts = np.unique(records["hash"], return_counts=True)
    return values[counts >= max(least, 2)]


def repeated(path: Path, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the hashes that several drafts have, each with the draft that keeps it, and removes the file."""
    records = np.fromfile(path, dtype=RECORD)
    path.unlink()
    order = np.lexsort((records["draft"], ~held_out[records["draft"]], records["hash"]))
    values, starts, counts = np.unique(records["hash"][order], return_index=True, return_counts=True)
    return values[counts > 1], records["draft"][order][starts[counts > 1]]


def passages(draft: Draft, settings: Settings) -> Iterator[tuple[str, int, int]]:
    """Yields (kind, hash, number of the line) of a draft's lines that may be cut, a long line perhaps in both ways."""
    wanted, fenced = settings.duplicates, False
    host = host_of(draft)
    for number, line in enumerate(draft.document.text.split("\n")):
        if line.startswith(FENCE):
            fenced = not fenced
            continue
        if fenced or not line or line[0] in " \t" or not LETTER.search(line):
            continue
        content = " ".join(line.lower().split()).encode()
        if wanted.lines:
            yield LINE, hashed(host + content), number
        if wanted.paragraphs and len(content) >= wanted.paragraph_bytes:
            yield PARAGRAPH, hashed(content), number


def host_of(draft: Draft) -> bytes:
    """Returns what a document's lines are counted with: its host, or without an address the folder it came from."""
    try:
        host = urlsplit(draft.document.url).hostname or ""
    except ValueError:
        host = ""
    return f"{host or draft.document.source.partition('/')[0]}\n".encode()


def hashed(content: bytes) -> int:
    """Returns 64 bits of a hash."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def cut_all(outcomes: Iterable[Outcome], repeats: Repeats, settings: Settings) -> Iterator[Outcome]:
    """Yields the outcomes, drafts without what repeats, or as Drops where too little is left."""
    number = 0
    for outcome in outcomes:
        if isinstance(outcome, Draft):
            yield cut(outcome, number, repeats, settings)
            number += 1
        else:
            yield outcome


def cut(draft: Draft, number: int, repeats: Repeats, settings: Settings) -> Outcome:
    """Returns a draft without its repeated lines and paragraphs; its digest is that of the text that is left."""
    gone = {line: kind for kind, value, line in passages(draft, settings) if repeats.cuts(kind, value, number)}
    if not gone:
        return draft
    document = draft.document
    lines = document.text.split("\n")
    text = GAPS.sub("\n\n", "\n".join(line for place, line in enumerate(lines) if place not in gone)).strip("\n")
    least = settings.corpus.minimum_characters
    if len(text) < least or not text.strip():
        return Drop(
            id=document.id,
            source=document.source,
            step="deduplicate",
            reason="repeated_passages",
            value=str(len(text)),
            threshold=str(least),
            excerpt=document.text[:EXCERPT_CHARACTERS],
            size=len(document.text.encode()),
        )
    counted = {kind: sum(1 for each in gone.values() if each == kind) for kind in (PARAGRAPH, LINE)}
    meta = {**document.meta, "cut": {kind: count for kind, count in counted.items() if count}}
    changed = replace(document, text=text, meta=meta)
    return replace(draft, document=changed, digest=text_digest(text), signature=b"", cut=tuple(sorted(counted.items())))
