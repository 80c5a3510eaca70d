"""What a run did, one JSON object a line in `events.jsonl`; the progress line, reports and the studio read it.

Every event has `type`, `step` and `time` (Unix seconds). The types: start, resume, step, evaluation, suite, sample,
checkpoint, interrupt, end. After a resume at step n, earlier lines with a greater step belong to work that was done
again, after a start all earlier ones do: `read_events` leaves them out. The file is only appended to; a line cut short
by a crash is passed over.
"""

import json
import time
from pathlib import Path
from typing import Any

from textmill.files import disk_errors

FILE_NAME = "events.jsonl"


class EventLog:
    """Appends events to a run's file; each line is handed to the system at once."""

    def __init__(self, run_folder: Path) -> None:
        run_folder.mkdir(parents=True, exist_ok=True)
        self._path = path = run_folder / FILE_NAME
        torn = path.exists() and path.stat().st_size > 0 and path.read_bytes()[-1:] != b"\n"
        with disk_errors(path):
            self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the run
        if torn:
            self._file.write("\n")

    def write(self, kind: str, step: int, **values: Any) -> None:
        """Appends one event."""
        record = {"type": kind, "step": step, "time": round(time.time(), 3), **values}
        with disk_errors(self._path):
            self._file.write(json.dumps(record, ensure_ascii=False, allow_nan=False, default=str) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def read_events(run_folder: Path) -> list[dict[str, Any]]:
    """Returns the run's events in order, without those that a resume made void."""
    path = run_folder / FILE_NAME
    if not path.is_file():
        return []
    events: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # a line that a crash cut short
        if isinstance(event, dict) and "type" in event:
            if event["type"] == "start":  # begun anew: it was killed before its first checkpoint
                events = []
            elif event["type"] == "resume":
                events = [old for old in events if old["step"] <= event["step"]]
            events.append(event)
    return events


def has_ended(run_folder: Path) -> bool:
    """True when the run came to its end, its last evaluation and samples included, and was not prolonged since."""
    kinds = [event["type"] for event in read_events(run_folder) if event["type"] in ("step", "end")]
    return kinds[-1:] == ["end"]
