"""What of a document is translated already: a file beside the one to come, a line a batch, so that a stop costs little.

    {"plan": …}                                 of which file, into what, by which model: another one is refused
    [["你好", 0.93], ["…", 0.2, "short"], …]    the translations of one batch, in the order of the document

A batch holds the same texts whether or not there was a stop in between; so the bytes of the result are the same ones.
Half a line, of a process that was killed, is cut off.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from textmill.apps.translate.forms.piece import Said
from textmill.errors import InputError, ResourceError
from textmill.files import disk_errors, lock


class Journal:
    """The journal of one output; a context, which holds the file against a second process."""

    def __init__(self, out: Path, plan: dict[str, Any]) -> None:
        self.path = out.with_name(f".{out.name}.translating")
        self.out, self.plan = out, plan
        self.batches = 0
        """How many batches it has already."""
        self._file: IO[bytes] | None = None
        self._held: int | None = None

    def __enter__(self) -> "Journal":
        with disk_errors(self.path):
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "a+b")
        try:
            self._held = lock(self.path)
        except BlockingIOError:
            self._file.close()
            raise ResourceError("translate.busy", file=self.out) from None
        try:
            self._begin()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._held is not None:
            os.close(self._held)

    def _begin(self) -> None:
        """Counts what is there, or writes the first line."""
        assert self._file is not None
        end = 0
        with open(self.path, "rb") as lines:
            for number, line in enumerate(lines):
                if not line.endswith(b"\n"):
                    break
                if number == 0 and not self._same(line):
                    raise InputError("translate.other_journal", file=self.path, out=self.out)
                self.batches, end = number, end + len(line)
        self._file.truncate(end)
        if end == 0:
            self._write({"plan": self.plan})

    def _same(self, line: bytes) -> bool:
        try:
            return json.loads(line) == {"plan": json.loads(json.dumps(self.plan))}
        except ValueError:
            return False

    def _write(self, value: Any) -> None:
        assert self._file is not None
        with disk_errors(self.path):
            self._file.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")
            self._file.flush()

    def add(self, batch: Sequence[Said]) -> None:
        """Keeps the translations of one batch."""
        self._write([[one.text, one.confidence, *one.problems] for one in batch])
        self.batches += 1

    def said(self) -> Iterator[Said]:
        """Yields all translations, in their order."""
        with open(self.path, "rb") as lines:
            next(lines)
            for line in lines:
                for text, confidence, *problems in json.loads(line):
                    yield Said(text=text, confidence=confidence, problems=tuple(problems))

    def done(self) -> None:
        """Removes the file."""
        with suppress(FileNotFoundError):
            self.path.unlink()
