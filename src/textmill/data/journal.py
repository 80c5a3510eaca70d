"""What a build has done so far, on disk beside its target: a build that is killed goes on where it was.

    plan.json               what the build is made from (see `plan`)
    00000-00000.segment     slice 0 of the input, its first part: a line of JSON (units, bytes, last, hash), outcomes
    00000-00001.segment …   each of them was written elsewhere, synced and renamed: it is whole or not there

A segment is closed after some seconds of work, so it depends on the moment how much is in one; what is in them
together does not, and the corpus is made of that.
"""

import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from textmill.data.document import Draft, Drop
from textmill.data.packing import unpack
from textmill.data.plan import PARTS, Plan
from textmill.errors import InputError
from textmill.files import TEMPORARY_PREFIX, clear_leftovers, disk_errors, lock, sync_folder, write_bytes, write_json

PLAN = "plan.json"
NAME = re.compile(r"(\d{5,})-(\d{5,})\.segment")
SEGMENT_SECONDS, SEGMENT_BYTES = 10.0, 16 << 20
"""A segment is closed after so long or so many packed bytes: what a kill costs at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A finished segment: how much of its slice it holds, and whether it is the slice's last."""

    slice: int
    part: int
    units: int
    size: int
    last: bool


@dataclass(slots=True, kw_only=True)
class Waiting:
    """What will be a segment."""

    packed: list[bytes] = field(default_factory=list)
    """Of each unit its outcomes; how many units there are, this list alone says, as Ctrl-C may come at any moment."""
    size: int = 0
    began: float = 0.0


class Journal:
    """The folder beside `target`, and what is in it by slice; `adding` waits to become a segment."""

    def __init__(self, target: Path) -> None:
        self.folder = journal_folder(target)
        self.segments: dict[int, list[Segment]] = {}
        self.adding: dict[int, Waiting] = {}
        self.lock: int | None = None

    def begin(self, plan: Plan) -> list[str]:
        """Takes the folder for this build alone; returns which of PARTS changed since it was begun.

        Raises InputError when another process is at it.
        """
        with disk_errors(self.folder):
            clear_leftovers(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                self.lock = lock(self.folder)
            except BlockingIOError:
                raise InputError("corpus.being_built", folder=self.folder) from None
            before = self.hashes()
            changed = [name for name in PARTS if before and before.get(name) != plan.hashes[name]]
            if changed or not before:
                for path in self.folder.iterdir():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                write_json(self.folder / PLAN, plan.hashes)
        self.look()
        return changed

    def hashes(self) -> dict[str, Any]:
        """Returns the hashes of the plan that the folder was begun with, {} when there is none."""
        try:
            return dict(json.loads((self.folder / PLAN).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def look(self) -> None:
        """Reads which segments are there; what is damaged, and what follows it in its slice, is removed."""
        self.segments = {}
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith(TEMPORARY_PREFIX) and self.lock is not None:
                path.unlink(missing_ok=True)
            found = NAME.fullmatch(path.name)
            if not found:
                continue
            number, part = int(found[1]), int(found[2])
            known = self.segments.setdefault(number, [])
            header = read_header(path) if part == len(known) else None
            if header is None:
                path.unlink(missing_ok=True)
            else:
                known.append(Segment(slice=number, part=part, **header))

    def units_done(self, number: int) -> int:
        """Returns how many units of a slice are in its segments."""
        return sum(segment.units for segment in self.segments.get(number, ()))

    def finished(self, number: int) -> bool:
        """True when all of a slice is there."""
        known = self.segments.get(number)
        return bool(known) and known[-1].last

    @property
    def size(self) -> int:
        """The bytes of input that are done."""
        return sum(segment.size for known in self.segments.values() for segment in known)

    def add(self, number: int, size: int, packed: bytes) -> None:
        """Takes the outcomes of a slice's next unit."""
        waiting = self.adding.setdefault(number, Waiting(began=time.monotonic()))
        waiting.packed.append(packed)
        waiting.size += size
        if time.monotonic() - waiting.began >= SEGMENT_SECONDS or sum(map(len, waiting.packed)) >= SEGMENT_BYTES:
            self.close(number, last=False)

    def close(self, number: int, *, last: bool) -> None:
        """Writes what waits of a slice as its next segment; `last` says that the slice is done."""
        waiting = self.adding.pop(number, Waiting())
        known = self.segments.setdefault(number, [])
        data, units = b"".join(waiting.packed), len(waiting.packed)
        header = {"units": units, "size": waiting.size, "last": last, "sha256": hashlib.sha256(data).hexdigest()}
        path = self.folder / f"{number:05}-{len(known):05}.segment"
        write_bytes(path, json.dumps(header).encode() + b"\n" + data)
        sync_folder(self.folder)
        known.append(Segment(slice=number, part=len(known), units=units, size=waiting.size, last=last))

    def flush(self) -> None:
        """Writes what waits, though its slices are not done."""
        for number in list(self.adding):
            self.close(number, last=False)

    def outcomes(self) -> Iterator[Draft | Drop]:
        """Yields all outcomes in the order of the input."""
        for number in sorted(self.segments):
            for segment in self.segments[number]:
                with open(self.folder / f"{number:05}-{segment.part:05}.segment", "rb") as file:
                    file.readline()
                    yield from unpack(file.read())

    def remove(self) -> None:
        """Removes the folder, under another name: one that is killed meanwhile must not leave half a journal."""
        going = self.folder.parent / f"{TEMPORARY_PREFIX}{self.folder.name}-{uuid.uuid4().hex[:8]}"
        try:
            self.folder.rename(going)
        except OSError:
            going = self.folder
        shutil.rmtree(going, ignore_errors=True)

    def let_go(self, *, keep: bool = False) -> None:
        """Gives the folder free; one in which nothing is done yet is removed, unless it is to be kept for others."""
        if not keep and not any(self.segments.values()):
            self.remove()
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


def journal_folder(target: Path) -> Path:
    """Returns the folder in which the work on `target` stands until it is done."""
    return target.parent / f".{target.name}.building"


def jobs_folder(target: Path) -> Path:
    """Returns the folder of what a cluster's tasks are told, and of their logs."""
    return target.parent / f".{target.name}.jobs"


def read_header(path: Path) -> dict[str, Any] | None:
    """Returns units, size and last of a segment whose content is as it was written, else None."""
    try:
        with open(path, "rb") as file:
            header = json.loads(file.readline())
            whole = hash_of_rest(file) == header.pop("sha256")
        return (
            {"units": int(header["units"]), "size": int(header["size"]), "last": bool(header["last"])}
            if whole
            else None
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def hash_of_rest(file: BinaryIO) -> str:
    """Returns the SHA-256 of what is left in a file."""
    found = hashlib.sha256()
    while block := file.read(1 << 20):
        found.update(block)
    return found.hexdigest()
