"""What is known of a run from its folder alone: its events as curves, its settings, its checkpoints, its health.

Reading changes nothing and needs no torch, so the commands `textmill runs …`, the report, exporters and the studio can
look at a run while another process trains it.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from textmill.checkpoints import best_checkpoint, list_checkpoints
from textmill.config import all_settings
from textmill.errors import TrainingError
from textmill.report.lines import Point
from textmill.train.events import read_events

QUANTITIES = {
    "bits_per_byte": ("step", "bits_per_byte"),
    "held_out": ("evaluation", "bits_per_byte"),
    "loss": ("step", "loss"),
    "gradient_norm": ("step", "gradient_norm"),
    "learning_rate": ("step", "learning_rate_factor"),
    "tokens_per_second": ("step", "tokens_per_second"),
    "mfu": ("step", "mfu"),
}
"""{what can be drawn: (type of event, its value)}."""
AXES = ("step", "tokens", "seconds")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A run as its folder has it."""

    folder: Path
    events: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.name

    @cached_property
    def start(self) -> dict[str, Any]:
        """The event that began it; {} where even that is missing."""
        return next((event for event in self.events if event["type"] == "start"), {})

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Returns the events of one type, in order."""
        return [event for event in self.events if event["type"] == kind]

    @cached_property
    def steps(self) -> list[dict[str, Any]]:
        """The events of the steps."""
        return self.of("step")

    @cached_property
    def last(self) -> dict[str, Any]:
        """The last step's event; {} before the first."""
        return self.steps[-1] if self.steps else {}

    @property
    def ended(self) -> bool:
        """True when it came to its end and was not prolonged."""
        kinds = [event["type"] for event in self.events if event["type"] in ("step", "end")]
        return kinds[-1:] == ["end"]

    @cached_property
    def best(self) -> dict[str, Any]:
        """The evaluation with the fewest bits per byte; {} where there is none."""
        return min(self.of("evaluation"), key=lambda event: event["bits_per_byte"], default={})

    @cached_property
    def changed_settings(self) -> dict[str, Any]:
        """{"section.name": value} of the settings of model and training that are not the defaults."""
        settings, known, found = self.start.get("settings", {}), all_settings(), {}
        for section in ("model", "train", "mix", "checkpoint", "evaluate"):
            for key, value in settings.get(section, {}).items():
                item = known.get(f"{section}.{key}")
                default = item.default if item is not None else None
                if value != (list(default) if isinstance(default, tuple) else default):
                    found[f"{section}.{key}"] = value
        return found

    def curve(self, quantity: str, by: str = "step") -> list[Point]:
        """Returns the points (x, y) of one of `QUANTITIES` along one of `AXES`."""
        kind, key = QUANTITIES[quantity]
        places = {event["step"]: event for event in self.steps}
        points = []
        for event in self.of(kind):
            if event.get(key) is None:
                continue
            place = event["step"] if by == "step" else places.get(event["step"], {}).get(by)
            if place is not None:
                points.append((float(place), float(event[key])))
        return points

    def at(self, axis: str, place: float, quantity: str) -> float | None:
        """Returns the last value of a curve up to a place on an axis; None before its first."""
        values = [y for x, y in self.curve(quantity, axis) if x <= place]
        return values[-1] if values else None

    @property
    def checkpoints(self) -> list[int]:
        """The steps of the checkpoints there are."""
        return [checkpoint.step for checkpoint in list_checkpoints(self.folder)]

    @property
    def best_step(self) -> int | None:
        """The step of the checkpoint called best."""
        best = best_checkpoint(self.folder)
        return best.step if best else None


def read_record(runs: Path, name: str) -> Record:
    """Returns the run `name` below `runs`; raises TrainingError, naming those there are, when it is not there."""
    folder = runs / name
    if not name or "/" in name or not folder.is_dir():
        raise TrainingError("runs.unknown", name=name, known=", ".join(run_names(runs)) or "–")
    events = read_events(folder)
    if not events:
        raise TrainingError("runs.no_events", name=name, folder=folder)
    return Record(folder=folder, events=events)


def run_names(runs: Path) -> list[str]:
    """Returns the names of the runs that began, the one that was written to last at the end."""
    if not runs.is_dir():
        return []
    begun = [folder for folder in runs.iterdir() if (folder / "events.jsonl").is_file()]
    return [folder.name for folder in sorted(begun, key=lambda folder: (folder / "events.jsonl").stat().st_mtime)]


def smoothed(points: list[Point], memory: float) -> list[Point]:
    """Returns the exponential mean along a curve, without a bias towards 0 at its start; `memory` in 0 … 1."""
    mean, weight, out = 0.0, 0.0, []
    for x, y in points:
        mean, weight = memory * mean + (1 - memory) * y, memory * weight + (1 - memory)
        out.append((x, mean / weight))
    return out
