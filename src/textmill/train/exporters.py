"""A run's events for other tools: TensorBoard, Weights & Biases, trackio. Each reads events.jsonl and writes its own.

None of them is needed to train and none is asked while training: what is exported was on disk before. They are extras
(`pip install 'textmill[tensorboard]'` …). Weights & Biases is used offline unless told otherwise.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from textmill.errors import MissingExtraError
from textmill.train.events import read_events
from textmill.train.record import Record

SCALARS = {
    "step": ("loss", "bits_per_byte", "gradient_norm", "learning_rate_factor", "tokens_per_second", "mfu", "tokens"),
    "evaluation": ("bits_per_byte", "low", "high"),
    "overfitting": ("training", "gap"),
}
NAMES = {"step": "train", "evaluation": "held_out", "overfitting": "overfitting"}
"""{type of event: the group under which its values stand in the tool}."""


@runtime_checkable
class Target(Protocol):
    """What an exporter does with an event."""

    def scalars(self, values: dict[str, float], step: int, seconds: float) -> None:
        """Takes the values of a step; `seconds`: Unix time."""

    def text(self, name: str, text: str, step: int) -> None:
        """Takes a text."""


def export(record: Record, target: Target, *, follow: bool = False, wait: Callable[[float], None] = time.sleep) -> int:
    """Hands all events to `target`, with `follow` also those to come until the run ends; returns how many."""
    count = 0
    for event in _events(record, follow, wait):
        kind, step = event["type"], event["step"]
        values = {f"{NAMES[kind]}/{key}": event[key] for key in SCALARS.get(kind, ()) if event.get(key) is not None}
        if values:
            target.scalars(values, step, event["time"])
            count += 1
        if kind == "sample":
            target.text(f"sample/{event['prompt']}", event["prompt"] + event["text"], step)
    return count


def _events(record: Record, follow: bool, wait: Callable[[float], None]) -> Iterator[dict[str, Any]]:
    """Yields the events there are and those to come; of a part that a resume makes void, what comes again."""
    events, seen = record.events, 0
    while True:
        yield from events[seen:]
        if not follow or events[-1]["type"] in ("end", "interrupt"):
            return
        seen = len(events)
        wait(2.0)
        events = read_events(record.folder)
        seen = min(seen, len(events))


@contextlib.contextmanager
def tensorboard(record: Record, out: Path, **_: Any) -> Iterator[Target]:
    """TensorBoard's event files in `out`."""
    with _needs("tensorboard"):
        from torch.utils.tensorboard import SummaryWriter
    writer = SummaryWriter(str(out / record.name))

    class TensorBoard:
        def scalars(self, values: dict[str, float], step: int, seconds: float) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, step, walltime=seconds)

        def text(self, name: str, text: str, step: int) -> None:
            writer.add_text(name, text, step)

    settings = record.start.get("settings", {})
    writer.add_text("settings", "\n\n".join(f"    {key}: {value}" for key, value in settings.items()))
    try:
        yield TensorBoard()
    finally:
        writer.close()


@contextlib.contextmanager
def wandb(record: Record, out: Path, *, online: bool = False, project: str = "textmill") -> Iterator[Target]:
    """A run of Weights & Biases, below `out`; sent only with `online`."""
    with _needs("wandb"):
        import wandb as library  # pyright: ignore[reportMissingImports]
    out.mkdir(parents=True, exist_ok=True)
    mode = "online" if online else "offline"
    config = record.start.get("settings", {})
    run = library.init(project=project, name=record.name, dir=str(out), mode=mode, config=config)

    class WeightsAndBiases:
        def scalars(self, values: dict[str, float], step: int, seconds: float) -> None:
            run.log(values, step=step)

        def text(self, name: str, text: str, step: int) -> None:
            run.log({name: library.Html(text)}, step=step)

    try:
        yield WeightsAndBiases()
    finally:
        run.finish()


@contextlib.contextmanager
def trackio(record: Record, out: Path, *, project: str = "textmill", **_: Any) -> Iterator[Target]:
    """A run of trackio, whose database lies in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    os.environ["TRACKIO_DIR"] = str(out)  # it is read when trackio is imported
    with _needs("trackio"):
        import trackio as library  # pyright: ignore[reportMissingImports]
    library.init(project=project, name=record.name, config=record.start.get("settings", {}), embed=False)

    class Trackio:
        def scalars(self, values: dict[str, float], step: int, seconds: float) -> None:
            library.log(values, step=step)

        def text(self, name: str, text: str, step: int) -> None:
            library.log({name: text}, step=step)

    try:
        yield Trackio()
    finally:
        library.finish()


TARGETS: dict[str, Callable[..., contextlib.AbstractContextManager[Target]]] = {
    "tensorboard": tensorboard,
    "wandb": wandb,
    "trackio": trackio,
}


@contextlib.contextmanager
def _needs(package: str) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise MissingExtraError("runs.missing_extra", what=package, package=package, extra=package) from None
