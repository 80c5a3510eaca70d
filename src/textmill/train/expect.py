"""What a run will take, before it starts: memory and time from a trial of its steps, and settings so that it fits.

    memory  peak of the steps + a copy of weights and optimizer while a checkpoint is written + the tokens read
    time    start + steps · (micro-batches · micro + update) + evaluations + saves

`fit` makes a run smaller until its memory is there: smaller micro-batches, then activations computed again, then
checkpoints that are not written in the background. None of the three changes what is learned.
"""

from dataclasses import dataclass
from typing import Any

from textmill.config import Settings
from textmill.errors import TrainingError
from textmill.model.config import ModelConfig
from textmill.model.counts import count_parameters
from textmill.train.kernels import Kernels, default_micro_batch
from textmill.train.loop import FINAL_EVALUATION_FACTOR
from textmill.train.trial import Trial, try_out

START_SECONDS = 5.0
"""Imports, opening the tokens, the first page of the report."""
COMPILE_SECONDS = 45.0
"""What compiling a block costs at first on two cores; a budget under eight times this does without."""
SAVED_A_SECOND = 1e9
"""Bytes of weights and optimizer that are copied, or written where training waits for it."""
TOKEN_BYTES = 2
ROOM = 0.9
"""The share of the free memory that a run may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is expected of a run."""

    seconds: float
    memory_bytes: float
    device_bytes: float
    """On the GPU; 0 without one."""
    tokens_per_second: float
    """While it makes steps."""


def expect(settings: Settings, kernels: Kernels, vocabulary_size: int, data_tokens: int) -> Expectation:
    """Returns what the settings' run takes on this machine; takes some seconds."""
    return of_trial(try_out(settings, kernels, vocabulary_size), settings, kernels, data_tokens)


def of_trial(trial: Trial, settings: Settings, kernels: Kernels, data_tokens: int) -> Expectation:
    """Returns what follows from a trial."""
    train, looks = settings.train, settings.evaluate
    rows = train.micro_batch or default_micro_batch(settings, kernels.device)
    micro_tokens = rows * settings.model.context
    step = train.batch_tokens / micro_tokens * trial.micro_seconds + trial.update_seconds
    # windows of half stride read every token twice
    evaluations = (train.steps // looks.every) + FINAL_EVALUATION_FACTOR
    seen = evaluations * 2 * looks.tokens / micro_tokens * trial.forward_seconds
    saves = (train.steps // settings.checkpoint.every + 1) * trial.state_bytes / SAVED_A_SECOND
    seconds = START_SECONDS + train.steps * step + seen + saves + COMPILE_SECONDS * kernels.compile
    on_gpu = bool(trial.device_bytes)
    copies = trial.state_bytes if settings.checkpoint.in_background or on_gpu else 0.0
    averaged = trial.state_bytes / 3 if train.average and not on_gpu else 0.0
    read = TOKEN_BYTES * min(data_tokens, train.steps * train.batch_tokens)
    return Expectation(
        seconds=seconds,
        memory_bytes=trial.peak_bytes + copies + averaged + read,
        device_bytes=trial.device_bytes,
        tokens_per_second=train.batch_tokens / step,
    )


def fit(
    settings: Settings, kernels: Kernels, vocabulary_size: int, data_tokens: int, *, available: float
) -> tuple[dict[str, Any], Expectation]:
    """Returns the changes with which the run takes no more than its share of `available` bytes, and what it then takes.

    Raises TrainingError where nothing helps.
    """
    changes: dict[str, Any] = {}
    while True:
        now = settings.replace(changes)
        expected = expect(now, kernels, vocabulary_size, data_tokens)
        needed = expected.device_bytes or expected.memory_bytes
        if needed <= ROOM * available:
            return changes, expected
        smaller = _smaller(now, kernels)
        if not smaller:
            raise TrainingError("train.does_not_fit", needed=needed / 1e9, available=available / 1e9)
        changes |= smaller


def _smaller(settings: Settings, kernels: Kernels) -> dict[str, Any]:
    """Returns the next change that takes less memory, {} where there is none."""
    rows = settings.train.micro_batch or default_micro_batch(settings, kernels.device)
    if rows > 1:
        return {"train.micro_batch": max(1, rows // 2)}
    if not settings.train.activation_checkpointing:
        return {"train.activation_checkpointing": True}
    if settings.checkpoint.in_background:
        return {"checkpoint.in_background": False}
    return {}


def rough_memory(config: ModelConfig, settings: Settings) -> int:
    """Returns about how many bytes training takes at its peak, without trying: good for a first look only."""
    parameters = count_parameters(config).total
    states = 2 * parameters  # AdamW's two moments; Muon keeps one, but its products need as much again
    rows = settings.train.micro_batch or max(1, 4096 // config.context)
    tokens = rows * config.context
    per_layer = 12 * config.width + 5 * config.feed_forward + 2 * config.heads * config.context
    activations = tokens * (config.layers * per_layer + 6 * config.width)
    logits = 3 * 512 * config.vocabulary_size
    return 4 * (2 * parameters + states + activations + logits) + PROCESS_BYTES


PROCESS_BYTES = 500_000_000
"""Python, torch and the memory-mapped tokens in use."""
