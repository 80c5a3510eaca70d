"""What the page "Watch" asks: the runs there are, and a run's events as they come (SSE), from any place on.

An event's id is how many events stand before and with it; a browser that reconnects says the last one it has
(Last-Event-ID) and gets what came since. When a resume or a new start made earlier events void, "again" says so and
all that hold follow.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from textmill.errors import TrainingError
from textmill.project import Project
from textmill.train.events import FILE_NAME, read_events
from textmill.train.record import Record, run_names

SECONDS = 1.0
"""Between two looks at the file."""
KEEP_ALIVE = 15
"""Looks without anything new after which a comment is sent, so that a client that went away is noticed."""
PROGRESS = ("start", "resume", "step", "evaluation", "suite", "sample", "checkpoint", "end")
TROUBLES = ("spike", "overfitting", "interrupt")


def list_runs(project: Project | None) -> dict[str, Any]:
    """Returns the runs, the one that was written to last first."""
    if project is None:
        return {"runs": []}
    names = reversed(run_names(project.runs))
    return {
        "runs": [summary(Record(folder=project.runs / name, events=read_events(project.runs / name))) for name in names]
    }


def summary(record: Record) -> dict[str, Any]:
    """Returns what the list says of a run."""
    file = record.folder / FILE_NAME
    return {
        "name": record.name,
        "ended": record.ended,
        "step": record.last.get("step", 0),
        "total_steps": record.last.get("total_steps") or record.start.get("total_steps"),
        "parameters": record.start.get("parameters"),
        "best": record.best.get("bits_per_byte"),
        "checkpoints": record.checkpoints,
        "changed": record.changed_settings,
        "written": file.stat().st_mtime if file.is_file() else 0,
    }


def run_folder(project: Project | None, name: str) -> Path:
    """Returns a run's folder; the name is one of those that there are, never a path."""
    if project is None or name not in run_names(project.runs):
        known = ", ".join(run_names(project.runs)) if project is not None else ""
        raise TrainingError("runs.unknown", name=name[:100], known=known or "–")
    return project.runs / name


def slim(event: dict[str, Any]) -> dict[str, Any]:
    """Returns an event without what the page does not draw."""
    if event["type"] != "start":
        return event
    kept = ("type", "step", "time", "total_steps", "parameters", "kernels", "peak_flops", "flops_a_token", "base")
    return {key: event[key] for key in kept if key in event}


async def events_of(folder: Path, after: int, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yields a run's events behind the first `after`, then new ones as they come; many at once as one message."""
    sent, quiet, seen = after, 0, (-1, -1)
    while not stopping():
        state = file_state(folder)
        if state != seen:
            seen = state
            events = [
                slim(event)
                for event in await asyncio.to_thread(read_events, folder)
                if event["type"] in PROGRESS + TROUBLES
            ]
            if len(events) < sent:
                sent = 0
                yield message("again", 0, [])
            if len(events) > sent:
                yield message("events", len(events), events[sent:])
                sent, quiet = len(events), 0
        quiet += 1
        if quiet % KEEP_ALIVE == 0:
            yield b": still here\n\n"
        await asyncio.sleep(SECONDS)


def file_state(folder: Path) -> tuple[int, int]:
    """Returns what changes when a run writes: its file's size and time."""
    try:
        found = (folder / FILE_NAME).stat()
    except OSError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)


def message(name: str, number: int, value: Any) -> bytes:
    """Returns one server-sent event with its id."""
    return f"event: {name}\nid: {number}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
