"""Checkpoints written while training goes on: a copy of the run is taken at once, a thread of its own writes it.

One is written at a time, so that two copies never lie in memory. What writing runs into (a full disk) is raised when
the loop next asks, a step later at most: a run that cannot save must not go on as if it had.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from textmill.checkpoints import remove_old
from textmill.config import CheckpointSettings
from textmill.train.checkpoint import Snapshot, write_checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A checkpoint that is on disk: `seconds` that training stood still for it, `write_seconds` that writing took."""

    step: int
    folder: Path
    seconds: float
    write_seconds: float


class Saver:
    """Writes the checkpoints of one run and removes those that are no longer kept."""

    def __init__(
        self, run_folder: Path, tokenizer_folder: Path, settings: CheckpointSettings, newest: int | None = None
    ) -> None:
        self.run_folder, self.tokenizer_folder, self.settings = run_folder, tokenizer_folder, settings
        self.newest = newest
        """The step of the newest checkpoint, also of one that is being written."""
        self._writing: Future[Written] | None = None

    def begin(self, take: Callable[[bool], Snapshot]) -> None:
        """Writes what `take(copy)` returns; the one before must have been waited for."""
        began, apart = time.monotonic(), self.settings.in_background
        snapshot = take(apart)
        stood_still = time.monotonic() - began
        executor = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing, self.newest = executor.submit(self._write, snapshot, stood_still), snapshot.step
        executor.shutdown(wait=not apart)

    def _write(self, snapshot: Snapshot, stood_still: float) -> Written:
        began = time.monotonic()
        folder = write_checkpoint(self.run_folder, snapshot, self.tokenizer_folder)
        remove_old(self.run_folder, keep=self.settings.keep, keep_every=self.settings.keep_every)
        took = time.monotonic() - began
        stood_still += 0.0 if self.settings.in_background else took
        return Written(step=snapshot.step, folder=folder, seconds=stood_still, write_seconds=took)

    def finished(self, *, wait: bool) -> Written | None:
        """Returns the checkpoint that is on disk by now (with `wait`: soon), once; raises what writing ran into."""
        if self._writing is None or not (wait or self._writing.done()):
            return None
        writing, self._writing = self._writing, None
        return writing.result()

    @contextmanager
    def to_the_end(self) -> Iterator[None]:
        """Lets what is being written come to its end when the block ends with an error, which it must not hide."""
        try:
            yield
        finally:
            with suppress(Exception):
                self.finished(wait=True)
