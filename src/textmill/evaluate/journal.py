"""What has been scored so far, on disk: a line an item, flushed as it comes, so that an interrupted evaluation goes on.

    evaluations/MODEL/SUITE.jsonl     {"identity": …} in the first line, then {"place", …} an item, as they are scored
    evaluations/MODEL/SUITE.json      the result: scores and all that decides them

Lines count only for the same identity: the same items, weights, precision and rules. Other lines are from another
evaluation and make way for a new one; half a line, of a process that was killed, is cut off.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from textmill.checkpoints import CHECKSUMS_FILE
from textmill.evaluate.items import Item
from textmill.files import disk_errors, sha256_file

WEIGHTS = (".safetensors", ".gguf")
FORMAT_VERSION = 1


class Journal:
    """The records of one evaluation, by the place of their items."""

    def __init__(self, file: Path, identity: dict[str, Any]) -> None:
        self.file, self.identity = file, json.loads(json.dumps(identity))
        self.records: dict[int, dict[str, Any]] = {}
        self._end = 0
        self._read()
        self.done_before = len(self.records)
        self._open: IO[str] | None = None

    def _read(self) -> None:
        """Takes over the whole lines of an earlier call for the same evaluation."""
        try:
            lines = self.file.read_bytes().split(b"\n")[:-1]
            if not lines or json.loads(lines[0]) != {"identity": self.identity}:
                return
            self._end = len(lines[0]) + 1
            for line in lines[1:]:
                record = json.loads(line)
                self.records[int(record["place"])] = record
                self._end += len(line) + 1
        except (OSError, ValueError, KeyError, TypeError):
            return

    def __enter__(self) -> "Journal":
        with disk_errors(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._open = open(self.file, "a", encoding="utf-8", newline="\n")
            self._open.truncate(self._end)
            if not self._end:
                self._open.write(json.dumps({"identity": self.identity}, ensure_ascii=False) + "\n")
        return self

    def __exit__(self, *_: object) -> None:
        if self._open is not None:
            self._open.close()

    def add(self, place: int, record: dict[str, Any]) -> None:
        """Writes what came of one item."""
        whole = {"place": place} | record
        self.records[place] = whole
        if self._open is not None:
            with disk_errors(self.file):
                self._open.write(json.dumps(whole, ensure_ascii=False) + "\n")
                self._open.flush()


def items_hash(items: Iterable[Item]) -> str:
    """Returns a hash over all that the items ask and by what they are judged."""
    total = hashlib.sha256()
    for item in items:
        asked = [item.kind, item.prompts, item.choices, item.answer, item.references, item.code, item.name]
        total.update(json.dumps(asked, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    return total.hexdigest()[:32]


def weights_hash(place: Path) -> str:
    """Returns a hash over a model's weights: of its checksums where it has any, else of the files."""
    if place.is_file():
        return sha256_file(place)[:32]
    total, listed = hashlib.sha256(), {}
    if (place / CHECKSUMS_FILE).is_file():
        try:
            listed = json.loads((place / CHECKSUMS_FILE).read_bytes())
        except ValueError:
            listed = {}
    for file in sorted(path for path in place.iterdir() if path.suffix in WEIGHTS):
        total.update(f"{file.name} {listed.get(file.name) or sha256_file(file)}\n".encode())
    return total.hexdigest()[:32]


def slug(name: str) -> str:
    """Returns a model's name as a folder's: of a path, its end."""
    bare = name.rstrip("/").rsplit("/", 1)[-1] if os.path.exists(name) else name.replace("hf:", "").replace("/", "--")
    return "".join(sign if sign.isalnum() or sign in "-_.@" else "-" for sign in bare).strip(".") or "model"
