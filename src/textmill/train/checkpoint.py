"""Checkpoints: a folder a step that any Hugging Face tool loads as it lies there and from which a run goes on exactly.

    config.json, model.safetensors, tokenizer…   the model, in its Hugging Face layout
    optimizer.safetensors                        the optimizers' state by parameter name
    trained.safetensors                          where the model is an average over steps: the weights that are trained
    state.json                                   everything that is not a tensor
    checksums.json                               SHA-256 of every other file

Written beside its place, synced, renamed: it is there whole or not at all. No pickle is written or read. Writing takes
a `Snapshot`, a copy in memory of its own, so that training goes on meanwhile (see `loop`).
"""

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from safetensors.torch import load_file
from torch import Tensor

from textmill.checkpoints import (
    CHECKPOINTS_FOLDER,
    checkpoint_folder,
    list_checkpoints,
    verify_checksums,
    write_checksums,
)
from textmill.errors import CheckpointError
from textmill.files import TEMPORARY_PREFIX, atomic_folder, write_json
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.hub import load_weights, save_model
from textmill.model.hub.folder import empty_model
from textmill.model.hub.tensor_files import write_tensors
from textmill.model.hub.weights import adopt, own_parameters
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
    rows: int = 0
    """Rows of the stream that were read."""
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


@runtime_checkable
class Form(Protocol):
    """What of a model a run trains and keeps, and how that lies in a checkpoint."""

    def parameters(self, model: GPT) -> Mapping[str, Tensor]:
        """Returns what is kept, by our names."""
        ...

    def write(self, weights: Mapping[str, Tensor], folder: Path, tokenizer_folder: Path) -> None:
        """Writes what `parameters` returned at some step into `folder`, with what others need to load it."""
        ...

    def read(self, model: GPT, folder: Path) -> None:
        """Puts what `write` wrote back into `model`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeModel:
    """All the weights, in the model's Hugging Face layout."""

    config: ModelConfig

    def parameters(self, model: GPT) -> Mapping[str, Tensor]:
        """Returns all parameters."""
        return own_parameters(model)

    def write(self, weights: Mapping[str, Tensor], folder: Path, tokenizer_folder: Path) -> None:
        """Writes the model."""
        model = empty_model(self.config)
        adopt(model, weights)
        save_model(model, folder, tokenizer_folder=tokenizer_folder)

    def read(self, model: GPT, folder: Path) -> None:
        """Puts the weights back."""
        load_weights(model, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run at one moment, on the CPU: all that a checkpoint is made of."""

    form: "Form"
    shown: dict[str, Tensor]
    """The weights that are the model for others, by our names."""
    trained: dict[str, Tensor]
    """Those that are trained, where they are others; {} where they are the same."""
    optimizer: dict[str, Tensor]
    state: dict[str, Any]

    @property
    def step(self) -> int:
        """Steps behind it."""
        return self.state["step"]


def take_snapshot(
    model: GPT,
    optimizers: Optimizers,
    state: RunState,
    average: AveragedWeights | None = None,
    *,
    form: Form | None = None,
    copy: bool = True,
    collect: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] | None = None,
) -> Snapshot:
    """Returns the run as it is now; with `copy` False it shares its memory, for one that is written at once.

    `form`: what is kept, None for the whole model. `collect` makes whole tensors on the CPU where the run is divided
    among processes.
    """
    collect = collect or (lambda tensors: _on_cpu(tensors, copy))
    form = form or WholeModel(config=model.config)
    weights = collect(form.parameters(model))
    averages = collect(average.values) if average else {}
    return Snapshot(
        form=form,
        shown={**weights, **averages},
        trained={name: weights[name] for name in averages},
        optimizer=collect(optimizers.state_tensors()),
        state=dataclasses.asdict(state),
    )


def _on_cpu(tensors: Mapping[str, Tensor], copy: bool) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu", copy=copy) for name, tensor in tensors.items()}


def write_checkpoint(run_folder: Path, snapshot: Snapshot, tokenizer_folder: Path) -> Path:
    """Writes the checkpoint of `snapshot`; returns its folder. Raises ResourceError for what the disk refuses."""
    target = checkpoint_folder(run_folder, snapshot.step)
    with atomic_folder(target) as fresh:
        snapshot.form.write(snapshot.shown, fresh, tokenizer_folder)
        if snapshot.trained:
            write_tensors(fresh / TRAINED_FILE, snapshot.trained)
        write_tensors(fresh / OPTIMIZER_FILE, snapshot.optimizer)
        write_json(fresh / STATE_FILE, {"format_version": FORMAT_VERSION, **snapshot.state})
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
        if "rows" not in values:  # they were counted by their tokens alone
            values["rows"] = values["tokens"] // values["settings"]["model"]["context"]
        return RunState(**values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError("train.no_state", folder=folder, detail=error) from error


def load_optimizers(folder: Path, optimizers: Optimizers, average: AveragedWeights | None = None) -> None:
    """Puts what else a verified checkpoint has back, once its weights are in the model."""
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
