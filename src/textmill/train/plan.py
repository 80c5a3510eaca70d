"""The one dial: from a budget and a few seconds of measuring to model size, batch, context and steps.

1. Measure how many FLOP/s a small training step really reaches here (the same code that will train); once more with the
   chosen shape, for the number of steps.
2. A shape trained with all of the budget sees D = budget / FLOPs-per-token tokens. Of a ladder of shapes, take the
   largest that still sees TOKENS_PER_WEIGHT tokens for each weight that multiplies a token; where a sweep has found a
   scaling law of this text, the one that the law puts lowest.
3. Batch, context and learning rates follow the size and the number of steps by the rules below.

What the user chose stays; the plan fills in the rest. docs/log.md has the trials behind the constants.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from textmill.config import Settings, TrainSettings
from textmill.errors import TrainingError
from textmill.hardware import gemm_peak
from textmill.hardware.allocator import keep_freed_memory
from textmill.model.config import ModelConfig, from_settings
from textmill.model.counts import count_parameters, training_flops
from textmill.model.gpt import GPT
from textmill.tokenizer.train import vocabulary_for_text
from textmill.train.batches import Batch
from textmill.train.budget import Budget
from textmill.train.expect import COMPILE_SECONDS, rough_memory
from textmill.train.kernels import Kernels
from textmill.train.optimizers import Optimizers
from textmill.train.scaling import Law
from textmill.train.step import train_step

SHAPES = (
    (2, 128, 2),
    (3, 128, 2),
    (3, 192, 3),
    (4, 192, 3),
    (4, 256, 4),
    (6, 256, 4),
    (6, 320, 5),
    (6, 384, 6),
    (8, 448, 7),
    (8, 512, 8),
    (10, 640, 10),
    (12, 768, 12),
    (16, 1024, 16),
    (20, 1280, 20),
    (24, 1536, 24),
    (28, 2048, 16),
)
"""(layers, width, heads), smallest first; heads of 64 except where that would make too many."""

TOKENS_PER_WEIGHT = 2.0
STEPS = 1500
"""About how many steps a run is given; more tokens then make larger batches. In 230 s on two fp32 cores the same model
reached 0.774 bits per byte with batches of 4,096 tokens (299 steps) and 0.689 with 2,048 (572 steps)."""

COMPILE_GAIN = 1.15
OVERHEAD_SHARE = 0.06
"""Evaluations, samples and saves along the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A choice with what is expected of it."""

    budget: Budget
    changes: dict[str, Any]
    """{"section.name": value} to be set on the settings."""
    parameters: int
    steps: int
    tokens: int
    epochs: float
    tokens_per_second: float
    seconds: float
    memory_bytes: int
    reached_flops: float
    peak_flops: float

    def as_dict(self) -> dict[str, Any]:
        """Returns what `--json` prints."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "budget"}
        return {"budget_seconds": self.budget.seconds, "budget_tokens": self.budget.tokens, **values}


def vocabulary_for_budget(text_bytes: int, budget: Budget) -> int:
    """Returns a vocabulary that both the text and the budget can teach.

    The output projection is work for every token: a short run on a small model cannot afford a large one.
    """
    short = 0 < budget.seconds <= 3600 or 0 < budget.tokens <= 20_000_000
    return min(vocabulary_for_text(text_bytes), 8192 if short else 65_536)


def measure_training(kernels: Kernels, config: ModelConfig, settings: TrainSettings, *, seconds: float = 3.0) -> float:
    """Returns the FLOP/s that training steps of a model reach here, not compiled; takes `seconds` or two steps."""
    torch.set_num_threads(kernels.threads)
    model = GPT(config)
    model.initialise(torch.Generator().manual_seed(0))
    replace(kernels, compile=False).prepare(model)
    optimizers = Optimizers(model, settings, muon_dtype=kernels.dtype)
    optimizers.set_rates(0.1, 0)
    context, rows = config.context, max(1, 4096 // config.context)
    ids_BT = torch.from_numpy(np.random.default_rng(0).integers(0, config.vocabulary_size, (rows, context + 1)))
    batch = Batch(
        inputs_BT=ids_BT[:, :-1].contiguous(),
        targets_BT=ids_BT[:, 1:].contiguous(),
        documents_BT=torch.zeros(rows, context, dtype=torch.int64),
    ).to(kernels.device)
    best, end, done = float("inf"), time.perf_counter() + seconds, 0
    while time.perf_counter() < end or done < 2:
        began = time.perf_counter()
        train_step(model, optimizers, [batch], batch_tokens=batch.tokens, step=done, clip=1.0, dtype=kernels.dtype)
        if done:
            best = min(best, time.perf_counter() - began)
        done += 1
    return training_flops(config, context) * rows / best


def make_plan(
    budget: Budget,
    settings: Settings,
    *,
    kernels: Kernels,
    vocabulary_size: int,
    data_tokens: int,
    chosen: Callable[[str], bool],
    spent_seconds: float = 0.0,
    law: Law | None = None,
) -> Plan:
    """Returns the plan for what is left of `budget` after `spent_seconds` (tokenizer, tokens)."""
    began = time.monotonic()
    peak = gemm_peak(kernels.precision, device=kernels.device)
    context = settings.model.context if chosen("model.context") else _context(budget, data_tokens)
    settings = settings.replace({"model.context": context})
    keep_freed_memory()
    guess = measure_training(kernels, from_settings(settings.replace(GUESS).model, vocabulary_size), settings.train)
    left = budget.seconds - spent_seconds - (time.monotonic() - began)
    compiles = kernels.compile and _compile_pays(budget, left)
    gain = COMPILE_GAIN if compiles else 1.0
    if compiles:
        left -= COMPILE_SECONDS
    if budget.seconds and left < 5:
        raise TrainingError("train.budget_too_small", seconds=budget.seconds)
    left *= 1 - OVERHEAD_SHARE
    shape = _shape(settings, chosen, vocabulary_size, guess * gain * left, budget.tokens, law)
    settings = settings.replace(shape)
    config = from_settings(settings.model, vocabulary_size)
    reached = gain * measure_training(kernels, config, settings.train)  # small matrices reach less than large ones
    tokens = budget.tokens or int(reached * left / (training_flops(config, context) / context))
    changes = {"model.context": context, **shape, **_training(settings, chosen, tokens, context)}
    changes["train.compile"] = "on" if compiles else "off"
    changes = {name: value for name, value in changes.items() if name == "train.steps" or not chosen(name)}
    return _expect(settings.replace(changes), budget, changes, vocabulary_size, data_tokens, reached, peak)


GUESS: dict[str, Any] = {"model.layers": 2, "model.width": 256, "model.heads": 4}
"""The shape that a first guess at this machine's pace is measured with."""


def _compile_pays(budget: Budget, left: float) -> bool:
    return bool(budget.tokens) or left > 8 * COMPILE_SECONDS


def _context(budget: Budget, data_tokens: int) -> int:
    """Longer contexts cost little in the matrices but make the learning slower; short runs do not live to use them."""
    if budget.seconds > 6 * 3600 or budget.tokens > 500_000_000:
        return 1024
    long_enough = budget.seconds > 1800 or budget.tokens > 50_000_000
    return 512 if long_enough and data_tokens > 200_000 else 256


def _shape(
    settings: Settings,
    chosen: Callable[[str], bool],
    vocabulary_size: int,
    flops: float,
    tokens: int,
    law: Law | None,
) -> dict[str, Any]:
    """Returns the model settings of the largest shape on the ladder that the budget still teaches enough.

    With a law, of the shape whose loss it puts lowest.
    """
    names = ("model.layers", "model.width", "model.heads")
    if any(chosen(name) for name in names):
        return {}
    best: dict[str, Any] = dict(zip(names, SHAPES[0], strict=True))
    least = float("inf")
    for shape in SHAPES:
        values: dict[str, Any] = dict(zip(names, shape, strict=True))
        config = from_settings(settings.replace(values).model, vocabulary_size)
        seen = tokens or flops / (training_flops(config, config.context) / config.context)
        if law is not None:
            expected = law.loss(float(weights_of(config)), float(max(seen, 1)))
            best, least = (values, expected) if expected < least else (best, least)
            continue
        if seen < TOKENS_PER_WEIGHT * weights_of(config):
            break
        best = values
    return best


def weights_of(config: ModelConfig) -> int:
    """Weights that multiply a token: all but the tables that are only looked up."""
    counted = count_parameters(config)
    return counted.matrices + (counted.embedding if config.tied else 0)


def _training(settings: Settings, chosen: Callable[[str], bool], tokens: int, context: int) -> dict[str, Any]:
    """Returns batch and steps: some STEPS steps, whatever the tokens."""
    batch = settings.train.batch_tokens
    if not chosen("train.batch_tokens"):
        batch = min(max(2048, 2 ** round(np.log2(max(tokens, 1) / STEPS))), 524_288)
    batch = max(context, batch // context * context)
    steps = max(1, tokens // batch)
    often = max(20, steps // 5)
    return {
        "train.batch_tokens": batch,
        "train.steps": steps,
        "checkpoint.every": often,
        "evaluate.every": often,
        "evaluate.sample_every": often,
    }


def _expect(
    settings: Settings,
    budget: Budget,
    changes: dict[str, Any],
    vocabulary_size: int,
    data_tokens: int,
    reached: float,
    peak: float,
) -> Plan:
    config = from_settings(settings.model, vocabulary_size)
    tokens = settings.train.steps * settings.train.batch_tokens
    rate = reached / (training_flops(config, config.context) / config.context)
    return Plan(
        budget=budget,
        changes=changes,
        parameters=count_parameters(config).total,
        steps=settings.train.steps,
        tokens=tokens,
        epochs=tokens / max(1, data_tokens),
        tokens_per_second=rate,
        seconds=budget.seconds or tokens / rate / (1 - OVERHEAD_SHARE),
        memory_bytes=rough_memory(config, settings),
        reached_flops=reached,
        peak_flops=peak,
    )
