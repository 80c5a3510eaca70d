"""Work of many requests for one HTTP request: a translator's, a writer's, on a thread of its own beside the others.

    handler ◀── what the job tells, as it tells it ── job(engine) on a worker's thread ──▶ `SharedEngine`

When the client goes away or the time is over, the engine's part ends at once and the job at its next step.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from textmill.errors import UsageError
from textmill.infer.engine.interface import TextEngine
from textmill.infer.engine.shared import SharedEngine, WorkEnded
from textmill.serve.refusal import SERVER, Refused
from textmill.serve.web import Call

Tell = Callable[[Any], None]
Job = Callable[[TextEngine, Tell], None]
"""Works with the engine and tells what comes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """The job has ended; `error` is what it ended with."""

    error: BaseException | None = None


async def news(call: Call, job: Job) -> AsyncIterator[Any]:
    """Yields what a job tells; raises what it ends with, and Refused past the time limit."""
    service, loop = call.service, asyncio.get_running_loop()
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    adapter = service.adapter(call.values.get("model"))
    began, seen = time.monotonic(), 0

    def tell(item: Any) -> None:
        try:
            loop.call_soon_threadsafe(inbox.put_nowait, item)
        except RuntimeError:
            raise WorkEnded from None  # the loop is closed: nobody listens any more

    with service.switch.held() as thread:
        call.path = thread.engine.runner.path
        engine = SharedEngine(thread, key=call.key, adapter=adapter)
        future = service.work_pool.submit(done, job, engine, tell)
        try:
            while True:
                item = await within(inbox, began + service.settings.request_seconds, service.settings.request_seconds)
                service.dispatcher.tokens.add(engine.written - seen)
                seen = engine.written
                if isinstance(item, Over):
                    if item.error is not None:
                        raise item.error
                    return
                yield item
        finally:
            engine.end()
            future.cancel()
            service.dispatcher.observe_work(thread.engine, time.monotonic() - began)


def done(job: Job, engine: SharedEngine, tell: Tell) -> None:
    """Does a job and tells how it ended."""
    error: BaseException | None = None
    try:
        job(engine, tell)
    except WorkEnded:
        return  # whoever would hear of it is gone
    except BaseException as problem:
        error = problem
    try:
        tell(Over(error=error))
    except WorkEnded:
        pass


async def within(inbox: asyncio.Queue[Any], end: float, seconds: float) -> Any:
    """Returns the next item; Refused when it is later than `end`."""
    try:
        async with asyncio.timeout(end - time.monotonic()):
            return await inbox.get()
    except TimeoutError:
        error = UsageError("serve.late", seconds=f"{seconds:g}")
        raise Refused(error, status=504, code="timeout", kind=SERVER) from None
