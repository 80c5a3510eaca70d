"""A miniseries: a few sizes trained for a few lengths each, to see how one's own text scales.

Each size is one run on the plateau of the learning rate, with short branches that let the rate fall at a quarter and at
half of its length; the run itself falls at its end. So three lengths cost 1.15 times the longest, and each is whole:

    run      ──────────────────────────────────╲   D
    branch   ────────╲   D/2     (shared up to 80% of its length)
    branch   ──╲   D/4

What is to be trained is written down first; a sweep that is stopped goes on where it stood, runs that ended are kept.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textmill.checkpoints import checkpoint_folder
from textmill.config import Settings
from textmill.errors import TrainingError
from textmill.files import write_json
from textmill.model.config import from_settings
from textmill.model.counts import training_flops
from textmill.project import Project
from textmill.settings_file import settings_of
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.tokens import Tokens
from textmill.train.checkpoint import newest_whole
from textmill.train.events import has_ended, read_events
from textmill.train.kernels import Kernels, choose_kernels
from textmill.train.loop import train
from textmill.train.plan import SHAPES, measure_training, weights_of
from textmill.train.run import Listener
from textmill.train.scaling import Law, Point, fit_law
from textmill.train.start import run_lock, start

FOLDER, PLAN_FILE, LAW_FILE = "sweeps", "plan.json", "law.json"
DECAY = 0.2
"""The share of each length over which the rate falls."""
COST = 1 + DECAY * (0.25 + 0.5)
"""What the three lengths cost, in the longest."""
UNIT = 20
"""Steps of a whole run come in multiples of this, so that the branches begin at whole steps."""
LEAST_STEPS = 40
AIMED_STEPS = 600
"""Of the largest size: its batch follows, within these tokens."""
LEAST_BATCH, LARGEST_BATCH = 512, 8192
OVERHEAD = 0.1
"""Saves and evaluations, of the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One size of the series: its shape, its weights that multiply a token, and the steps of its longest run."""

    name: str
    layers: int
    width: int
    heads: int
    weights: float
    steps: int

    def changes(self) -> dict[str, Any]:
        """Returns the settings of this size."""
        return {"model.layers": self.layers, "model.width": self.width, "model.heads": self.heads}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A sweep's plan."""

    sizes: tuple[Size, ...]
    batch_tokens: int
    settings: dict[str, Any]

    @property
    def lengths(self) -> list[tuple[Size, int, str]]:
        """Every training as (size, steps, name), in the order in which they are done."""
        return [
            (size, size.steps // part, f"{size.name}{end}")
            for size in self.sizes
            for part, end in ((1, ""), (2, "-half"), (4, "-quarter"))
        ]


def plan_series(
    settings: Settings, kernels: Kernels, vocabulary_size: int, *, name: str, seconds: float, sizes: int
) -> Series:
    """Returns a series for a budget: the smallest shapes, each with an equal share of the time.

    Raises TrainingError where the share of the largest does not reach LEAST_STEPS steps.
    """
    share = seconds * (1 - OVERHEAD) / sizes / COST
    made: list[tuple[Any, float]] = []
    for layers, width, heads in SHAPES[:sizes]:
        shape = {"model.layers": layers, "model.width": width, "model.heads": heads}
        config = from_settings(settings.replace(shape).model, vocabulary_size)
        flops = measure_training(kernels, config, settings.train, seconds=1.5)
        made.append((config, share * flops / (training_flops(config, config.context) / config.context)))
    context = settings.model.context
    least = min(tokens for _, tokens in made)
    wished = 2 ** int(least / AIMED_STEPS).bit_length() // 2
    batch = max(context, min(max(wished, LEAST_BATCH), LARGEST_BATCH) // context * context)
    found = []
    for config, tokens in made:
        steps = int(tokens / batch) // UNIT * UNIT
        if steps < LEAST_STEPS:
            raise TrainingError("train.sweep_too_short", seconds=seconds, sizes=sizes, steps=LEAST_STEPS)
        shape = f"{config.layers}x{config.width}"
        found.append(
            Size(
                name=f"{name}-{shape}",
                layers=config.layers,
                width=config.width,
                heads=config.heads,
                weights=float(weights_of(config)),
                steps=steps,
            )
        )
    return Series(sizes=tuple(found), batch_tokens=batch, settings=settings.as_dict())


def run_series(
    project: Project,
    series: Series,
    *,
    tokens: Tokens,
    tokenizer: Tokenizer,
    device: str,
    listener: Callable[[str], Listener],
) -> list[Point]:
    """Trains what is not trained yet, and returns the measured points; `listener(name)` gets each run's events."""
    settings = settings_of(series.settings)
    points: list[Point] = []
    for size, steps, name in series.lengths:
        origin = None
        if name != size.name:
            origin = checkpoint_folder(project.runs / size.name, round(steps * (1 - DECAY)))
        changes = size.changes() | {
            "train.steps": steps,
            "train.batch_tokens": series.batch_tokens,
            "train.schedule": "stable",
            "train.decay": DECAY,
            "checkpoint.every": size.steps // UNIT * 4,
            "checkpoint.keep": 5,
            "evaluate.every": 10**9,
            "evaluate.sample_every": 0,
            "evaluate.sample_prompts": (),
            "evaluate.suites": (),
        }
        run_one(project, settings.replace(changes), name, tokens, tokenizer, device, listener(name), origin)
        bits = final_bits(project.runs / name)
        read = float(steps * series.batch_tokens)
        points.append(Point(weights=size.weights, tokens=read, bits_per_byte=bits))
    return points


def run_one(
    project: Project,
    settings: Settings,
    name: str,
    tokens: Tokens,
    tokenizer: Tokenizer,
    device: str,
    listener: Listener,
    origin: Path | None,
) -> None:
    """Trains one run to its end, unless it has ended already. A signal ends it saved and raises KeyboardInterrupt."""
    folder = project.runs / name
    if has_ended(folder):
        return
    with run_lock(folder):
        newest, _ = newest_whole(folder)
        run = start(
            project,
            settings,
            name=name,
            newest=newest,
            tokens=tokens,
            tokenizer=tokenizer,
            listener=listener,
            device=device,
            resume=True,
            origin=origin if newest is None else None,
            chosen=lambda setting: setting in ("train.steps", "train.decay"),
        )
        try:
            train(run)
        finally:
            if run.log is not None:
                run.log.close()
        if run.stop:
            raise KeyboardInterrupt


def final_bits(folder: Path) -> float:
    """Returns the held-out bits per byte at a run's end; TrainingError where nothing was held out."""
    found = [event["bits_per_byte"] for event in read_events(folder) if event["type"] == "evaluation"]
    if not found:
        raise TrainingError("train.sweep_no_held_out", run=folder.name)
    return float(found[-1])


def kept_series(folder: Path) -> Series | None:
    """Returns the series that was written down before, if there is one."""
    try:
        values = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
    except OSError:
        return None
    return Series(
        sizes=tuple(Size(**size) for size in values["sizes"]),
        batch_tokens=values["batch_tokens"],
        settings=values["settings"],
    )


def keep_series(folder: Path, series: Series) -> None:
    """Writes the plan down."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / PLAN_FILE, asdict(series))


def conclude(folder: Path, points: list[Point]) -> Law:
    """Fits the law and writes it down with its points."""
    law = fit_law(points)
    write_json(folder / LAW_FILE, {"law": law.as_dict(), "points": [asdict(point) for point in points]})
    return law


def known_law(project: Project) -> Law | None:
    """Returns the law of the newest sweep in the project, if it tells anything about sizes."""
    files = sorted((project.root / FOLDER).glob(f"*/{LAW_FILE}"), key=lambda file: file.stat().st_mtime)
    if not files:
        return None
    law = Law.from_dict(json.loads(files[-1].read_text(encoding="utf-8"))["law"])
    return law if law.tells else None


def kernels_of(settings: Settings, device: str) -> Kernels:
    """Returns the kernels with which the series is measured and trained; compiling is not worth it for short runs."""
    return choose_kernels(settings.replace({"train.compile": "off"}), device)
