"""Makes a `Run` that tunes a model: any objective over any stream, with the trainer's own checkpoints and exact resume.

base MODEL ─▶ all weights, or adapters beside frozen ones ─▶ `Run` ─▶ textmill.train.loop.train
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from textmill.config import Settings
from textmill.files import write_json
from textmill.infer.resolve import LoadedModel
from textmill.model.adapted import AdaptedLinear
from textmill.model.config import ModelConfig
from textmill.model.counts import count_parameters, training_flops
from textmill.model.gpt import GPT
from textmill.model.hub import load_weights, save_model
from textmill.model.hub.base import BASE_FILE, Base, fingerprint
from textmill.model.hub.exporting import told_token_ids
from textmill.model.hub.folder import GENERATION_FILE, empty_model
from textmill.model.hub.weights import adopt, own_parameters
from textmill.project import Project
from textmill.train.batches import Stream
from textmill.train.build import ready
from textmill.train.checkpoint import Form
from textmill.train.events import EventLog
from textmill.train.kernels import Kernels, choose_kernels, default_micro_batch
from textmill.train.objective import Objective
from textmill.train.parallel.world import ALONE, World
from textmill.train.run import Listener, Looks, Run
from textmill.train.saving import Saver
from textmill.train.start import fix_kernels, new_state, resumed_state
from textmill.train.versions import differences
from textmill.tune.adapter_form import AdapterForm
from textmill.tune.lora import adapt
from textmill.tune.plan import Expected, expect

TOKENIZER_FOLDER = "tokenizer"
FROZEN_SHARE = 2 / 3
"""Of the work of training, what is left where the large matrices have no gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedModel:
    """Keeps all weights, with what the base's folder says about special tokens and generation (a `Form`)."""

    config: ModelConfig
    source: Path

    def parameters(self, model: GPT) -> Mapping[str, Tensor]:
        """Returns all parameters."""
        return own_parameters(model)

    def write(self, weights: Mapping[str, Tensor], folder: Path, tokenizer_folder: Path) -> None:
        """Writes the model as its base lies there."""
        model = empty_model(self.config)
        adopt(model, weights)
        save_model(model, folder, tokenizer_folder=tokenizer_folder, token_ids=told_token_ids(self.source))
        if (self.source / GENERATION_FILE).is_file():
            shutil.copyfile(self.source / GENERATION_FILE, folder / GENERATION_FILE)

    def read(self, model: GPT, folder: Path) -> None:
        """Puts the weights back."""
        load_weights(model, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithFiles:
    """A form with JSON files beside the weights: what an application must know of the model (a `Form`)."""

    form: Form
    files: Mapping[str, Any]

    def parameters(self, model: GPT) -> Mapping[str, Tensor]:
        """Returns what the form keeps."""
        return self.form.parameters(model)

    def write(self, weights: Mapping[str, Tensor], folder: Path, tokenizer_folder: Path) -> None:
        """Writes what the form writes, and the files."""
        self.form.write(weights, folder, tokenizer_folder)
        for name, value in self.files.items():
            write_json(folder / name, value)

    def read(self, model: GPT, folder: Path) -> None:
        """Puts the weights back."""
        self.form.read(model, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is tuned towards: an objective over a stream, `data`: hashes that tell it from others."""

    objective: Objective
    stream: Stream
    context: int
    data: dict[str, Any]
    looks: Looks | None = None
    rows_a_step: int = 0
    before_step: Callable[[Run], None] | None = None
    fingerprint: str = ""
    """The base's, from whoever has had the base `made_ready` before; "": it is as it was loaded."""
    beside: Mapping[str, Any] = field(default_factory=dict)
    """JSON files by name that lie beside the weights of every checkpoint."""


def start_tuning(
    project: Project,
    settings: Settings,
    task: Task,
    *,
    name: str,
    base: LoadedModel,
    reference: str,
    newest: Path | None,
    listener: Listener,
    device: str = "",
    budget_seconds: float = 0.0,
    peak_flops: float = 0.0,
    chosen: Callable[[str], bool] = lambda name: False,
    world: World = ALONE,
) -> Run:
    """Returns the run `name`, new or resumed from its checkpoint `newest`; `base` is used up.

    `reference`: how to ask for the base again. `settings` are whole (see `plan`).
    """
    folder, model, config = project.runs / name, base.model, base.model.config
    known = task.fingerprint or fingerprint(model)
    data = task.data | {"tokenizer": base.tokenizer.hash, "base": known}
    if newest is not None:
        state, settings = resumed_state(newest, settings, data, chosen, name)
    else:
        state = new_state(settings, choose_kernels(settings, device, config), data, budget_seconds)
    kernels = fix_kernels(state, world, plain=chosen("train.native") and settings.train.native == "off")
    source = Base(reference=reference, folder=str(base.folder.absolute()), fingerprint=known)
    form = WithFiles(form=prepared(base, settings, source, kernels), files=task.beside)
    micro_batch = settings.train.micro_batch or default_micro_batch(settings, kernels.device, task.context)
    built = ready(model, task.objective, form, settings, kernels, newest, world, micro_batch)
    if world.first:
        keep_base(folder, base, source)
    run = Run(
        **built.parts(),
        folder=folder,
        settings=settings,
        stream=task.stream,
        tokenizer=base.tokenizer,
        state=state,
        log=EventLog(folder) if world.first else None,
        saver=Saver(folder, folder / TOKENIZER_FOLDER, settings.checkpoint, newest=state.step if newest else None),
        listener=listener,
        dtype=kernels.dtype,
        device=kernels.device,
        micro_batch=micro_batch,
        context=task.context,
        draws=settings.tune.dropout > 0,
        rows_a_step=task.rows_a_step,
        before_step=task.before_step,
        looks=task.looks,
        flops_a_token=flops_a_token(config, task.context, settings.tune.method),
        peak_flops=peak_flops,
    )
    if newest is not None:
        run.event("resume", total_steps=state.total_steps, other=differences(state.versions))
    else:
        begin(run, base, reference, expect(run, budget_seconds, chosen) if world.size == 1 else None)
    return run


def prepared(base: LoadedModel, settings: Settings, source: Base, kernels: Kernels) -> Form:
    """Readies the base for what is learned of it; returns how that is kept."""
    made_ready(base.model, settings, kernels)
    if settings.tune.method == "full":
        return TunedModel(config=base.model.config, source=base.folder)
    return AdapterForm.of(base.model, settings.tune, source)


def made_ready(model: GPT, settings: Settings, kernels: Kernels) -> None:
    """Has the model learn what the method learns, with its first step still to come; a second call changes nothing."""
    if isinstance(model.output, AdaptedLinear):
        return
    model.to(torch.promote_types(kernels.dtype, torch.float32)).train().requires_grad_(True)
    if model.position_embedding is not None and model.config.positions == "sinusoidal":
        model.position_embedding.weight.requires_grad_(False)  # a table, not learned
    if settings.tune.method != "full":
        adapt(model, settings.tune, dtype=kernels.dtype, seed=settings.train.seed)


def keep_base(folder: Path, base: LoadedModel, source: Base) -> None:
    """Writes into the run's folder what a checkpoint and a resumed run need of the base."""
    (folder / TOKENIZER_FOLDER).mkdir(parents=True, exist_ok=True)
    base.tokenizer.write_files(folder / TOKENIZER_FOLDER)
    write_json(folder / BASE_FILE, asdict(source))


def flops_a_token(config: ModelConfig, context: int, method: str) -> float:
    """Returns the work of learning from one token; that of the adapters themselves is not counted."""
    return training_flops(config, context) / context * (1.0 if method == "full" else FROZEN_SHARE)


def begin(run: Run, base: LoadedModel, reference: str, expected: Expected | None) -> None:
    """Writes the events that a run begins with."""
    state, config = run.state, run.model.config
    learned = sum(parameter.numel() for parameter in run.model.parameters() if parameter.requires_grad)
    run.event(
        "start",
        base={"reference": reference, "folder": str(base.folder)},
        objective=run.objective.name,
        total_steps=state.total_steps,
        settings=run.settings.as_dict(),
        model=config.as_dict(),
        parameters=count_parameters(config).total,
        learned=learned,
        processes=run.divided.layout.sizes if run.divided else None,
        kernels=state.fixed,
        data=state.data,
        text={"epoch_tokens": run.stream.epoch_tokens},
        peak_flops=run.peak_flops,
        flops_a_token=run.flops_a_token,
    )
    if expected is not None:
        run.event("expected", **asdict(expected))
