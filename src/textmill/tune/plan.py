"""How a tuning is laid out unless the user says otherwise, and what it will take here, tried on the model itself.

    method     full up to 100 million weights, else lora
    rate       full: 0.06 / width (0.0001 at 576, 0.00002 at 3,072); adapters ten times that, 0.0005 at most
    batch      so that the epochs make some 100 steps, of 8,192 tokens at most
    optimizer  AdamW without decay, a rate that falls to 0 behind a short warm-up

Ten times the rate for adapters is what https://thinkingmachines.ai/blog/lora/ found over models and data sets. Time and
memory are those of one micro-batch forward and back, tried before the first step, and what the optimizer will add.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from textmill.config import Settings
from textmill.hardware.measure import synchronize
from textmill.model.config import ModelConfig
from textmill.model.counts import count_parameters
from textmill.train.run import Run
from textmill.train.trial import peak_bytes

FULL_UP_TO = 100_000_000
USUAL_CONTEXT = 1024
USUAL_BATCH = 8192
WANTED_STEPS = 100
MOMENTS = 2.0
"""Numbers that AdamW keeps for each weight."""
RESERVE = 0.08
"""The share of a budget kept for saves, looks on the way and the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a tuning will take. `steps`: of how many the epochs would have if a budget cuts them short."""

    steps: int
    of: int
    step_seconds: float
    seconds: float
    memory_bytes: float


def context_of(settings: Settings, config: ModelConfig) -> int:
    """Returns the tokens of a row."""
    return min(settings.tune.context or USUAL_CONTEXT, config.context)


def method_of(settings: Settings, config: ModelConfig) -> str:
    """Returns the method that the settings name, or that fits the model's size."""
    if settings.tune.method:
        return settings.tune.method
    return "full" if count_parameters(config).total <= FULL_UP_TO else "lora"


def laid_out(
    settings: Settings, chosen: Callable[[str], bool], config: ModelConfig, *, context: int, epoch_rows: int
) -> Settings:
    """Returns the settings of a tuning: what the user chose, and the defaults above for the rest.

    `epoch_rows`: rows until all examples were read once; a row may be anything that a step reads some of.
    """
    method = method_of(settings, config)
    rate = 0.06 / config.width
    rows = max(1, round(epoch_rows * settings.tune.epochs / WANTED_STEPS))
    batch = min(rows, max(1, USUAL_BATCH // context)) * context
    values: dict[str, Any] = {
        "tune.method": method,
        "train.optimizer": "adamw",
        "train.learning_rate": rate if method == "full" else min(10 * rate, 5e-4),
        "train.weight_decay": 0.0,
        "train.schedule": "linear",
        "train.warmup": 0.03,
        "train.batch_tokens": batch,
    }
    settings = settings.replace({name: value for name, value in values.items() if not chosen(name)})
    a_step = max(1, settings.train.batch_tokens // context)
    settings = settings.replace({"train.batch_tokens": a_step * context})
    steps = max(1, round(epoch_rows * settings.tune.epochs / a_step))
    if not chosen("train.steps"):
        settings = settings.replace({"train.steps": steps})
    return settings.replace(often(settings.train.steps, chosen))


def often(steps: int, chosen: Callable[[str], bool]) -> dict[str, int]:
    """Returns how often a run of so many steps saves and is looked at, where the user does not say so."""
    every = max(5, steps // 4)
    names = ("checkpoint.every", "evaluate.every", "evaluate.sample_every")
    return {name: every for name in names if not chosen(name)}


def expect(run: Run, budget_seconds: float, chosen: Callable[[str], bool]) -> Expected:
    """Tries a micro-batch, has the run end with the budget (0: none), returns what it takes; changes no weight."""
    rows = run.rows_a_step or run.settings.train.batch_tokens // run.context
    size = min(run.micro_batch, rows)
    if run.before_step is None:
        for _ in range(2):  # the first ones compile
            _try(run, size)
        began = time.perf_counter()
        _try(run, size)
        seconds = (time.perf_counter() - began) * rows / size
    else:
        seconds = 0.0  # the first step's rows are only made by it
    learned = sum(p.numel() * p.element_size() for p in run.model.parameters() if p.requires_grad)
    memory = peak_bytes() + MOMENTS * learned
    wanted, state = run.state.total_steps, run.state
    if budget_seconds and seconds:
        possible = max(1, int(budget_seconds * (1 - RESERVE) / seconds))
        state.budget_seconds = budget_seconds if possible < wanted and not chosen("train.steps") else 0.0
        if state.budget_seconds:
            state.total_steps = possible
            run.settings = run.settings.replace(often(possible, chosen))
            state.settings = run.settings.as_dict()
    steps = state.total_steps
    return Expected(
        steps=steps, of=wanted, step_seconds=seconds, seconds=seconds * steps / (1 - RESERVE), memory_bytes=memory
    )


def _try(run: Run, rows: int) -> None:
    batch = run.stream.batch(0, rows, run.context).to(run.device)
    run.objective.loss(run.model, batch, run.dtype).backward()
    run.optimizers.zero_grad()
    run.objective.tally.means()
    synchronize(run.device)
