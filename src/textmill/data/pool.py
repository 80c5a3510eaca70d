"""Work over all cores in order: the results come as one process would give them, and little is in flight at a time.

Each worker has a pipe of its own, so it is known what a worker was at when it died (a parser's crash, the kernel's
memory killer): its unit is done again one file or record at a time, each in a new process, and the one that kills that
process too is given up. (concurrent.futures' pool was tried: it does not say which unit it was, and with a full queue
it hangs at exit once its workers are gone.)
"""

import multiprocessing
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any, Generic, TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")
QUEUED = 2
"""Units a worker has: the one it is at and the next, so that it never waits for the parent."""
IN_FLIGHT = 4
"""Units a worker that may be done before their turn: enough that none idles while the first in order is slow."""


@dataclass(slots=True, kw_only=True)
class Worker:
    """A process, the pipe to it, and the numbers of the units that it has, the one it is at first."""

    process: Any
    pipe: connection.Connection
    numbers: deque[int] = field(default_factory=deque)


@dataclass(slots=True, kw_only=True)
class Task(Generic[Work, Result]):
    """What is done with a unit, and when its process dies: how it is split, given up, and put together again."""

    function: Callable[[Work], Result]
    split: Callable[[Work], list[Work]]
    give_up: Callable[[Work], Result]
    merge: Callable[[list[Result]], Result]


def ordered_map(task: Task[Work, Result], work: Iterable[Work], workers: int) -> Iterator[Result]:
    """Yields task.function(item) for each item of `work`, in order, computed by so many processes."""
    pool = [start_worker(task.function) for _ in range(workers)]
    waiting: dict[int, Work] = {}
    results: dict[int, Result] = {}
    numbered = enumerate(work)
    wanted, more = 0, True
    try:
        while True:
            while more and len(waiting) + len(results) < workers * IN_FLIGHT and (free := freest(pool)):
                number, item = next(numbered, (-1, None))
                more = number >= 0
                if item is not None:
                    waiting[number] = item
                    give(free, number, item)
            if wanted in results:
                yield results.pop(wanted)
                wanted += 1
            elif waiting:
                collect(pool, task, waiting, results)
            else:
                return
    finally:
        for worker in pool:
            stop(worker)


def freest(pool: list[Worker]) -> Worker | None:
    """Returns the worker with the least to do, or None when all have enough."""
    worker = min(pool, key=lambda worker: len(worker.numbers))
    return worker if len(worker.numbers) < QUEUED else None


def give(worker: Worker, number: int, item: Any) -> None:
    """Hands an item to a worker; that it has died is seen when its result is waited for."""
    worker.numbers.append(number)
    try:
        worker.pipe.send((number, item))
    except OSError:
        pass


def collect(pool: list[Worker], task: Task[Work, Result], waiting: dict[int, Work], results: dict[int, Result]) -> None:
    """Waits for one or more results and puts them into `results`; a worker that died is replaced."""
    ready = connection.wait([worker.pipe for worker in pool if worker.numbers])
    for place, worker in enumerate(pool):
        if worker.pipe not in ready:
            continue
        try:
            number, result = worker.pipe.recv()
        except (EOFError, OSError):
            stop(worker)
            number, *others = worker.numbers
            results[number] = one_by_one(task, waiting.pop(number))
            pool[place] = start_worker(task.function)
            for other in others:
                give(pool[place], other, waiting[other])
            continue
        worker.numbers.remove(number)
        del waiting[number]
        if isinstance(result, BaseException):
            raise result
        results[number] = result


def one_by_one(task: Task[Work, Result], item: Work) -> Result:
    """Returns the result of an item whose process died: its parts' results, each from a process of its own."""
    parts = []
    for part in task.split(item):
        worker = start_worker(task.function)
        try:
            give(worker, 0, part)
            result = worker.pipe.recv()[1]
            if isinstance(result, BaseException):
                raise result
        except EOFError:
            result = task.give_up(part)
        finally:
            stop(worker)
        parts.append(result)
    return task.merge(parts)


def start_worker(function: Callable[[Any], Any]) -> Worker:
    """Starts a fresh interpreter: forking a process that has threads (progress, Arrow) can hang."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work_on, args=(theirs, function), daemon=True)
    with interrupts_held():
        process.start()
    theirs.close()
    return Worker(process=process, pipe=ours)


def stop(worker: Worker) -> None:
    """Ends a worker at once."""
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def work_on(pipe: connection.Connection, function: Callable[[Any], Any]) -> None:
    """Is the worker: does what comes through the pipe, one after another. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    received: queue.Queue[tuple[int, Any]] = queue.Queue()
    threading.Thread(target=receive, args=(pipe, received), daemon=True).start()
    while True:
        number, item = received.get()
        try:
            result = function(item)
        except Exception as error:
            error.add_note(f"in a worker process, {type(item).__name__} {number}")
            result = error
        pipe.send((number, result))


def receive(pipe: connection.Connection, received: "queue.Queue[tuple[int, Any]]") -> None:
    """Takes units from the pipe as they come, so that the parent never waits; ends the process when the parent ends."""
    while True:
        try:
            received.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(1)


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


def available_workers() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
