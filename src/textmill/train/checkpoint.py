"""Checkpoints: a folder a step that any Hugging Face tool loads as it lies there and from which a run goes on exactly.

    config.json, model.safetensors, tokenizer…   the model, in its Hugging Face layout
    optimizer.safetensors                        the optimizers' state by parameter name
    trained.safetensors                          where the model is an average over steps: the weights that are trained
    state.json                                   everything that is not a tensor
    checksums.json                               SHA-256 of every other file

Written beside its place, synced, renamed: it is there whole or not at all. No pickle is written or read.
"""

import dataclasses
import json
import shutil
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from textmill.checkpoints import (
    CHECKPOINTS_FOLDER,
    checkpoint_folder,
    list_checkpoints,
    verify_checksums,
    write_checksums,
)
from textmill.errors import CheckpointError
from textmill.files import TEMPORARY_PREFIX, atomic_folder, write_json
from textmill.model.gpt import GPT
from textmill.model.hub import load_weights, save_model
from textmill.train.average import AveragedWeights
from textmill.train.optimizers import Optimizers

OPTIMIZER_FILE = "optimizer.safetensors"
TRAINED_FILE = "trained.safetensors"
STATE_FILE = "state.json"
FORMAT_VERSION = 1


@dataclass(slots=True, kw_only=True)
class RunState:
    """Where a run stands; all of it goes into state.json.

    `fixed` holds what must not change on resume: precision, compile, threads, device kind, batch and context.
    """

    step: int = 0
    tokens: int = 0
    total_steps: int = 0
    seconds: float = 0.0
    """Time spent in this run so far, all its parts together."""
    budget_seconds: float = 0.0
    """0: the run ends by steps."""
    recent: list[list[float]] = field(default_factory=list)
    """What the last steps were like (see `health`)."""
    spikes_in_a_row: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    """Hashes of the tokens and the tokenizer, and the stream's seed."""
    versions: dict[str, str] = field(default_factory=dict)


def save_checkpoint(
    run_folder: Path,
    model: GPT,
    optimizers: Optimizers,
    state: RunState,
    tokenizer_folder: Path,
    average: AveragedWeights | None = None,
) -> Path:
    """Writes the checkpoint of `state.step`; returns its folder."""
    target = checkpoint_folder(run_folder, state.step)
    with atomic_folder(target) as fresh:
        with average.in_place() if average else nullcontext({}) as trained:
            save_model(model, fresh, tokenizer_folder=tokenizer_folder)
            if trained:
                save_file(trained, fresh / TRAINED_FILE, metadata={"format": "pt"})
        tensors = {name: tensor.contiguous() for name, tensor in optimizers.state_tensors().items()}
        save_file(tensors, fresh / OPTIMIZER_FILE, metadata={"format": "pt"})
        write_json(fresh / STATE_FILE, {"format_version": FORMAT_VERSION, **dataclasses.asdict(state)})
        write_checksums(fresh)
    return target


def load_state(folder: Path) -> RunState:
    """Returns the state of the checkpoint in `folder`."""
    path = folder / STATE_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values.pop("best_bits_per_byte", None)  # in state.json before best.json was there
        if values.pop("format_version") != FORMAT_VERSION:
            raise CheckpointError("train.newer_checkpoint", folder=folder)
        return RunState(**values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError("train.no_state", folder=folder, detail=error) from error


def load_checkpoint(folder: Path, model: GPT, optimizers: Optimizers, average: AveragedWeights | None = None) -> None:
    """Puts weights and optimizer state of a verified checkpoint back."""
    load_weights(model, folder)
    try:
        if average:
            average.restore(load_file(folder / TRAINED_FILE))
        optimizers.load_state_tensors(load_file(folder / OPTIMIZER_FILE))
    except KeyError as error:
        raise CheckpointError("train.other_optimizer", folder=folder, name=error.args[0]) from error


def newest_whole(run_folder: Path) -> tuple[Path | None, list[CheckpointError]]:
    """Returns the newest checkpoint whose checksums hold, and the errors of the damaged ones set aside on the way.

    The caller holds the run's lock. A damaged one is renamed to `damaged-<name>`: kept for a look, never loaded again.
    """
    errors: list[CheckpointError] = []
    for left in (run_folder / CHECKPOINTS_FOLDER).glob(f"{TEMPORARY_PREFIX}*"):  # of a save that was killed
        shutil.rmtree(left)
    for checkpoint in reversed(list_checkpoints(run_folder)):
        try:
            verify_checksums(checkpoint.folder)
            return checkpoint.folder, errors
        except CheckpointError as error:
            errors.append(error)
            aside = checkpoint.folder.with_name(f"damaged-{checkpoint.folder.name}")
            shutil.rmtree(aside, ignore_errors=True)
            checkpoint.folder.rename(aside)
    return None, errors
