"""Archives, tables and dumps are opened in a process of its own, which a hostile one may hang, fill or crash.

    SourceFile ──pipe──▶ opening.opened, under limits ──pipe──▶ what is in it, some pieces at a time

It is ended when it takes longer than `corpus.document_seconds` without a sign that it goes on (something found, the
file read further, something unpacked), and as much again for each gigabyte of the file, because a dump's posts are
sorted into threads when all of it is read. The file is then opened once more, from where it was and piece by piece, so
that all that comes before the fault is kept and the same each time; what ends the process again is given up, and the
next file gets a new process. While the pipe is full because the build has enough to do, no time is counted.
"""

import signal
from collections.abc import Callable, Iterator
from multiprocessing import connection
from typing import Any

from textmill.config import CorpusSettings
from textmill.data import limits
from textmill.data.drops import ended
from textmill.data.opening import Found, opened
from textmill.data.pool import READY, Worker, give, start_process, stop
from textmill.data.sources import SourceFile

Piece = tuple[SourceFile, Found]
Open = Callable[[SourceFile, CorpusSettings, Callable[[], None]], Iterator[Piece]]
MESSAGE_BYTES, MESSAGE_PIECES = 1 << 18, 64
END, ENDED = "end", "ended"
"""A file is at its end; the process is."""


class Opener:
    """Opens one file after another in one process, which is started when the first one comes."""

    def __init__(self, settings: CorpusSettings, function: Open = opened) -> None:
        self.settings, self.function = settings, function
        self.worker: Worker | None = None

    def pieces(self, file: SourceFile) -> Iterator[Piece]:
        """Yields what is in a file on disk, each piece with its file or member; a Drop ends what was given up."""
        done, why = 0, ""
        for singly in (False, True):
            give(self.ready(), (file, done, singly))
            try:
                while isinstance(message := self.received(), list):
                    done += len(message)
                    yield from message
            except GeneratorExit:
                self.stop()
                raise
            if isinstance(message, BaseException):
                raise message
            if message == END:
                return
            why = self.stop()
        yield file, ended(file, why, self.settings, step="read")

    def received(self) -> Any:
        """Returns what the process says next, ENDED when it is gone."""
        try:
            return self.ready().pipe.recv()
        except (EOFError, OSError):
            return ENDED

    def ready(self) -> Worker:
        """Returns the process, a new one where there is none."""
        if self.worker is None:
            self.worker = start_process(open_files, self.function, self.settings)
            if self.received() == ENDED:
                raise RuntimeError(f"a worker process ended ({self.stop()}) before it could begin")
        return self.worker

    def stop(self) -> str:
        """Ends the process, if there is one, and returns why it ended if it had already."""
        worker, self.worker = self.worker, None
        return stop(worker) if worker else ""


def open_files(pipe: connection.Connection, function: Open, settings: CorpusSettings) -> None:
    """Is the process: opens the files that come through the pipe until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits.limit_memory(settings.worker_memory_gigabytes)
    try:
        pipe.send(READY)
        while True:
            file, done, singly = pipe.recv()
            pipe.send(open_file(pipe, file, done, singly, function, settings))
    except (EOFError, ConnectionError):
        return
    except MemoryError:
        limits.out_of_memory()


def open_file(
    pipe: connection.Connection, file: SourceFile, done: int, singly: bool, function: Open, settings: CorpusSettings
) -> Any:
    """Sends what is in a file but for the first `done` pieces, some at a time; returns what is to be sent last."""
    seconds = settings.document_seconds * (1 + file.size / limits.GIGABYTE)
    waiting: list[Piece] = []
    size = 0
    try:
        with limits.countdown(seconds) as restart:
            for number, piece in enumerate(function(file, settings, restart)):
                if number >= done:
                    waiting.append(piece)
                    size += piece[1].size
                if (singly and waiting) or size >= MESSAGE_BYTES or len(waiting) >= MESSAGE_PIECES:
                    restart(0)
                    pipe.send(waiting)
                    waiting, size = [], 0
                restart()
            restart(0)
            pipe.send(waiting)
        return END
    except (MemoryError, ConnectionError):
        raise
    except Exception as error:
        error.add_note("in a worker process")
        return error
