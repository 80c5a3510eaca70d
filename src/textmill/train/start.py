"""Makes a `Run` ready to train: a new one, or one that goes on from its newest whole checkpoint."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from textmill.config import MixSettings, Settings, all_settings
from textmill.errors import TrainingError
from textmill.hardware.allocator import keep_freed_memory
from textmill.model.config import ModelConfig, from_settings
from textmill.model.counts import count_parameters, training_flops
from textmill.project import Project
from textmill.tokenizer.mixture import mixture
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.tokens import Tokens
from textmill.train.batches import StagedStream, TokenStream
from textmill.train.branch import FREE_IN_A_BRANCH
from textmill.train.build import build
from textmill.train.checkpoint import RunState, load_state
from textmill.train.events import EventLog
from textmill.train.kernels import Kernels, choose_kernels, default_micro_batch, kernels_again
from textmill.train.parallel.world import ALONE, World, share_of_threads
from textmill.train.run import Listener, Run
from textmill.train.saving import Saver
from textmill.train.suites import asked_suites
from textmill.train.versions import differences, versions

FREE_ON_RESUME = (
    "train.steps",
    "train.native",
    "train.activation_checkpointing",
    "parallel.",
    "checkpoint.",
    "evaluate.",
    "corpus.",
    "generate.",
)
"""Settings that may differ when a run goes on; the others are part of what the run computes."""


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Holds the run's lock; raises TrainingError that names the process which has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise TrainingError("train.locked", run=folder.name, process=file.read().strip() or "?") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def start(
    project: Project,
    settings: Settings,
    *,
    name: str,
    newest: Path | None,
    tokens: Tokens,
    tokenizer: Tokenizer,
    listener: Listener,
    device: str = "",
    resume: bool = False,
    origin: Path | None = None,
    budget_seconds: float = 0.0,
    peak_flops: float = 0.0,
    chosen: Callable[[str], bool] = lambda name: False,
    world: World = ALONE,
) -> Run:
    """Returns the run `name`: new, resumed from `newest`, its newest whole checkpoint, or branched off from `origin`.

    `chosen(setting)` tells whether the user gave that setting now: one that differs from the run's own is then an
    error. `world`: the processes that train it together. Raises TrainingError, CheckpointError, ModelError.
    """
    folder = project.runs / name
    data = {"corpus": tokens.manifest["corpus_hash"], "tokenizer": tokenizer.hash}
    if newest is not None and not resume:
        raise TrainingError("train.exists", run=name, checkpoint=newest.name)
    if newest is not None:
        state, settings = resumed_state(newest, settings, data, chosen, name)
    elif origin is not None:
        state, settings = _branched_state(origin, settings, data, chosen)
    else:
        state = new_state(settings, choose_kernels(settings, device), data, budget_seconds)
    kernels = fix_kernels(state, world, plain=chosen("train.native") and settings.train.native == "off")
    config = _sized(settings, tokens, from_settings(settings.model, tokenizer.vocabulary_size))
    micro_batch = settings.train.micro_batch or default_micro_batch(settings, kernels.device)
    built = build(config, settings, kernels, newest or origin, world, micro_batch)
    stream = _stream(tokens, tokenizer, settings)
    run = Run(
        folder=folder,
        settings=settings,
        suites=asked_suites(settings.evaluate, project.root),  # may refuse: before any file is opened
        **built.parts(),
        stream=stream,
        training=tokens.split("train"),
        validation=tokens.split("validation") or None,
        tokenizer=tokenizer,
        state=state,
        log=EventLog(folder) if world.first else None,
        saver=Saver(folder, project.tokenizer, settings.checkpoint, newest=state.step if newest else None),
        listener=listener,
        dtype=kernels.dtype,
        device=kernels.device,
        micro_batch=micro_batch,
        context=config.context,
        flops_a_token=training_flops(config, config.context) / config.context,
        bytes_per_token=tokens.split("train").total_bytes / tokens.split("train").tokens,
        peak_flops=peak_flops,
    )
    _announce(run, kernels, config, len(stream.documents), resumed=newest is not None, origin=origin)
    return run


def fix_kernels(state: RunState, world: World, *, plain: bool) -> Kernels:
    """Returns the first process's kernels, which the run keeps; sets this process's threads."""
    state.fixed = world.share(state.fixed)
    kernels = kernels_again(state.fixed, plain=plain)
    state.fixed = kernels.as_dict()
    torch.set_num_threads(share_of_threads(world, kernels.threads))
    keep_freed_memory()
    return kernels


def _stream(tokens: Tokens, tokenizer: Tokenizer, settings: Settings) -> TokenStream | StagedStream:
    """Returns the stream of training tokens, mixed as the settings say, in two stages where they name a second."""

    def stage(mix: MixSettings) -> TokenStream:
        mixed = mixture(tokens, mix)
        return TokenStream(
            tokens.split("train"),
            seed=settings.train.seed,
            end_of_text_id=tokenizer.end_of_text_id,
            copies=mixed.copies if mixed else None,
            masking=settings.train.token_masking,
        )

    first = stage(settings.mix)
    if not settings.mix.later_from:
        return first
    later = stage(replace(settings.mix, weights=settings.mix.later_weights))
    return StagedStream(first, later, later_from=settings.mix.later_from)


def resumed_state(
    newest: Path, settings: Settings, data: dict[str, Any], chosen: Callable[[str], bool], name: str
) -> tuple[RunState, Settings]:
    """Returns where the run stands and its own settings, with what may change taken from `settings`."""
    state = load_state(newest)
    if state.data != data:
        raise TrainingError("train.other_data", run=name)
    settings = _settings_of(state, settings, chosen, FREE_ON_RESUME)
    if not state.budget_seconds or chosen("train.steps"):
        state.total_steps, state.budget_seconds = settings.train.steps, 0.0
    state.settings = settings.as_dict()
    return state, settings


def _branched_state(
    origin: Path, settings: Settings, data: dict[str, Any], chosen: Callable[[str], bool]
) -> tuple[RunState, Settings]:
    """Returns where the branch begins and its settings: those of the first run with what the user changed now."""
    state = load_state(origin)
    if state.data != data:
        raise TrainingError("train.other_data", run=origin.parent.parent.name)
    free = tuple(name for name in all_settings() if name.startswith(FREE_IN_A_BRANCH) and chosen(name))
    settings = _settings_of(state, settings, chosen, FREE_ON_RESUME + free)
    state.settings, state.total_steps, state.budget_seconds = settings.as_dict(), settings.train.steps, 0.0
    state.versions = versions()
    if state.total_steps <= state.step:
        raise TrainingError("train.branch_is_over", step=state.step, steps=state.total_steps)
    return state, settings


def new_state(settings: Settings, kernels: Kernels, data: dict[str, Any], budget_seconds: float) -> RunState:
    """Returns where a run stands before its first step."""
    return RunState(
        total_steps=settings.train.steps,
        budget_seconds=budget_seconds,
        settings=settings.as_dict(),
        fixed=kernels.as_dict(),
        data=data,
        versions=versions(),
    )


def _settings_of(
    state: RunState, settings: Settings, chosen: Callable[[str], bool], may_change: tuple[str, ...]
) -> Settings:
    """Returns the run's own settings with what begins with one of `may_change` taken from `settings`."""
    now, changes = settings.as_dict(), {}
    for section, values in state.settings.items():
        for key, old in values.items():
            name = f"{section}.{key}"
            new = now.get(section, {}).get(key, old)
            old = tuple(old) if isinstance(old, list) else old
            free = name.startswith(may_change)
            if name == "train.steps":  # the plan or an earlier command may have set it: only a wish changes it
                free = chosen(name)
            if not free and chosen(name) and new != old:
                raise TrainingError("train.fixed", name=name, old=old, new=new)
            changes[name] = new if free else old
    return settings.replace(changes)


def _sized(settings: Settings, tokens: Tokens, config: ModelConfig) -> ModelConfig:
    """Refuses batches that cannot be made and data that cannot fill one row."""
    train = settings.train
    if train.batch_tokens % config.context:
        raise TrainingError("train.batch_tokens", batch_tokens=train.batch_tokens, context=config.context)
    available = tokens.split("train").tokens
    if available <= config.context:
        raise TrainingError("train.too_little_text", tokens=available, context=config.context)
    return config


def _announce(
    run: Run, kernels: Kernels, config: ModelConfig, documents: int, *, resumed: bool, origin: Path | None
) -> None:
    if resumed:
        run.event("resume", total_steps=run.state.total_steps, other=differences(run.state.versions))
        return
    run.event(
        "start",
        branch=f"{origin.parent.parent.name}@{run.state.step}" if origin else None,
        total_steps=run.state.total_steps,
        settings=run.settings.as_dict(),
        model=config.as_dict(),
        parameters=count_parameters(config).total,
        processes=run.divided.layout.sizes if run.divided else None,
        kernels=kernels.as_dict(),
        data=run.state.data,
        text={
            "documents": documents,
            "epoch_tokens": run.stream.epoch_tokens,
            "later_from": run.settings.mix.later_from or None,
            "bytes_per_token": run.bytes_per_token,
        },
        peak_flops=run.peak_flops,
        flops_a_token=run.flops_a_token,
    )
