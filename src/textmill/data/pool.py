"""Work over all cores in order: the results come as one process would give them, and little is in flight at a time.

A worker that dies (a parser's crash, the kernel's memory killer) does not end the build: what was in flight is done
again one file or record at a time, each in a process of its own, and the one that kills that process too is given up.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from typing import TypeVar

Work = TypeVar("Work")
Result = TypeVar("Result")
IN_FLIGHT = 4
"""Units a worker has waiting: enough that none idles while the first in order is slow, few enough for memory."""


def ordered_map(
    function: Callable[[Work], Result],
    work: Iterable[Work],
    workers: int,
    *,
    split: Callable[[Work], list[Work]],
    give_up: Callable[[Work], Result],
    merge: Callable[[list[Result]], Result],
) -> Iterator[Result]:
    """Yields function(item) for each item of `work`, in order, computed by so many processes.

    `split` cuts an item into single ones, `give_up` is the result of one that kills its process, `merge` joins results.
    """
    waiting: deque[tuple[Work, Future[Result]]] = deque()
    executor = new_executor(workers)
    try:
        for item in work:
            waiting.append((item, submit(executor, function, item)))
            if len(waiting) > workers * IN_FLIGHT:
                executor, result = next_result(executor, function, waiting, workers, split, give_up, merge)
                yield result
        while waiting:
            executor, result = next_result(executor, function, waiting, workers, split, give_up, merge)
            yield result
    finally:
        stop(executor)


def next_result(executor, function, waiting, workers, split, give_up, merge):  # type: ignore[no-untyped-def]
    """Returns (executor, result of the first waiting item); the executor is a new one if the old one's worker died."""
    item, future = waiting.popleft()
    try:
        return executor, future.result()
    except BrokenProcessPool:
        stop(executor)
        result = merge([alone(function, single, give_up) for single in split(item)])
        executor = new_executor(workers)
        for place, (other, _) in enumerate(waiting):
            waiting[place] = (other, submit(executor, function, other))
        return executor, result


def alone(function: Callable[[Work], Result], item: Work, give_up: Callable[[Work], Result]) -> Result:
    """Returns function(item) from a process of its own, or what giving it up means when that dies."""
    executor = new_executor(1)
    try:
        return submit(executor, function, item).result()
    except BrokenProcessPool:
        return give_up(item)
    finally:
        stop(executor)


def new_executor(workers: int) -> ProcessPoolExecutor:
    """Returns a pool of fresh interpreters: forking a process that has threads (progress, Arrow) can hang."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker)


def stop(executor: ProcessPoolExecutor) -> None:
    """Ends a pool without waiting for the work that is left."""
    processes = list((executor._processes or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def submit(executor: ProcessPoolExecutor, function: Callable[[Work], Result], item: Work) -> Future[Result]:
    """Hands work to the pool; a worker started by this is born deaf to Ctrl-C, which is the parent's to handle."""
    with interrupts_held():
        return executor.submit(function, item)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Holds Ctrl-C back for a moment; children inherit that for good."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_worker() -> None:
    """Prepares a worker: Ctrl-C is not its business, and it ends when its parent does, however that ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=end_with, args=(parent.sentinel,), daemon=True).start()


def end_with(sentinel: int) -> None:
    """Waits for the parent's end, then ends this process at once."""
    connection.wait([sentinel])
    os._exit(1)


def available_workers() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
