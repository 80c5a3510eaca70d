"""Files go into the graph batch by batch, so that a kill costs a batch and the same command goes on.

    file ─▶ statements ─▶ batch ─▶ GraphWriter.add (statements, names, how far this file has come)

How far a file has come stands under ``import:PATH`` beside the names: its size, a hash of its beginning, how it was
read, statements done. A file that is as it was is gone on with, or passed over when it was whole; one that has changed
begins anew (what is there already is there only once, because a graph is a set).
"""

import hashlib
import itertools
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textmill.apps.graph.reading import Reading, Source, format_of, open_source, statements
from textmill.apps.graph.store import GraphWriter

BATCH = 100_000
HEAD = 1 << 20
KEY = "import:"
Tell = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of one file."""

    path: str
    form: str
    statements: int
    """In the file; those that were in the graph already are counted too."""
    done_before: int
    """Of them, what an earlier command had put in."""
    left_out: int
    first_left_out: str
    seconds: float
    unchanged: bool = False
    """True when all of it had been imported and it was passed over."""


def import_file(
    writer: GraphWriter, path: Path, reading: Reading, *, again: bool = False, tell: Tell = lambda *_: None
) -> Imported:
    """Puts a file's statements into the graph; `tell` gets bytes read, bytes in all, statements."""
    began = time.monotonic()
    form = format_of(path, reading)
    source = open_source(path)
    with source.raw:
        key, mark = KEY + str(path.absolute()), identity(path, form, reading)
        known = writer.index.state(key)
        if known is None or known["mark"] != mark or again:
            known = {"done": 0, "whole": False}
        if known["whole"]:
            return Imported(path=str(path), form=form, statements=known["done"], done_before=known["done"],
                            left_out=known["left_out"], first_left_out=known["first_left_out"],
                            seconds=time.monotonic() - began, unchanged=True)  # fmt: skip
        before = known["done"]
        done = load(writer, source, form, reading, key, mark, before, tell)
    return Imported(path=str(path), form=form, statements=done, done_before=before, left_out=source.left_out,
                    first_left_out=source.first_left_out, seconds=time.monotonic() - began)  # fmt: skip


def load(
    writer: GraphWriter, source: Source, form: str, reading: Reading, key: str, mark: str, before: int, tell: Tell
) -> int:
    """Puts in what comes after the first `before` statements; returns how many there are in all."""
    size = source.path.stat().st_size
    quads = statements(source, form, reading)
    done = sum(1 for _ in itertools.islice(quads, before))
    whole = False
    while not whole:
        batch = list(itertools.islice(quads, BATCH))
        done += len(batch)
        whole = len(batch) < BATCH
        progress: dict[str, Any] = {"mark": mark, "done": done, "whole": whole, "size": size}
        progress |= {"left_out": source.left_out, "first_left_out": source.first_left_out}
        writer.add(batch, remember={key: progress})
        tell(source.done, size, done)
    return done


def identity(path: Path, form: str, reading: Reading) -> str:
    """Returns what tells a file, and the way in which it is read, from any other."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    told = repr((path.stat().st_size, path.stat().st_mtime_ns, form, sorted(asdict(reading).items(), key=str)))
    return hashlib.sha256(head + told.encode()).hexdigest()
