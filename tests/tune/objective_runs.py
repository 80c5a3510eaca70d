"""A small model, a tokenizer and a run over any objective: what the tests of preference and reward share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from textmill.config import Settings, TokenizerSettings
from textmill.model.config import modern
from textmill.model.counts import training_flops
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer
from textmill.train.build import ready
from textmill.train.checkpoint import RunState, WholeModel, load_state
from textmill.train.events import EventLog
from textmill.train.kernels import Kernels
from textmill.train.loop import train
from textmill.train.parallel.world import ALONE
from textmill.train.run import Run
from textmill.train.saving import Saver

WORDS = ["red", "blue", "green", "one", "two", "three", "cat", "dog", "yes", "no", "红", "蓝", "猫"]
CONTEXT = 64


def small_tokenizer() -> Tokenizer:
    texts = [f"{first} {second} {third}." for first in WORDS for second in WORDS for third in WORDS[:5]]
    return train_tokenizer(texts, settings=TokenizerSettings(), vocabulary_size=400)


def small_model(tokenizer: Tokenizer, *, seed: int = 0) -> GPT:
    config = modern(layers=2, width=32, heads=2, context=CONTEXT, vocabulary_size=tokenizer.vocabulary_size)
    model = GPT(config)
    model.initialise(torch.Generator().manual_seed(seed))
    return model


def small_settings(**changes: Any) -> Settings:
    common = {
        "train.steps": 10,
        "train.optimizer": "adamw",
        "train.learning_rate": 0.003,
        "train.schedule": "linear",
        "train.warmup": 0.0,
        "train.weight_decay": 0.0,
        "train.skip_spikes": 0.0,
        "checkpoint.every": 1000,
        "checkpoint.in_background": False,
        "evaluate.every": 1000,
        "evaluate.sample_every": 0,
    }
    return Settings().replace(common | {name.replace("__", "."): value for name, value in changes.items()})


def trained(run: Run) -> Run:
    """Trains to the end and closes what is open."""
    try:
        train(run)
    finally:
        if run.log is not None:
            run.log.close()
    return run


def small_run(
    folder: Path,
    tokenizer: Tokenizer,
    objective: Any,
    stream: Any,
    settings: Settings,
    *,
    model: GPT | None = None,
    newest: Path | None = None,
    precision: str = "fp32",
    micro_batch: int = 2,
    rows_a_step: int = 4,
    before_step: Callable[[Run], None] | None = None,
) -> tuple[Run, list[dict[str, Any]]]:
    """Returns a run and the list that its events go into."""
    kernels = Kernels(device="cpu", precision=precision, compile=False, threads=1)
    model = model or small_model(tokenizer)
    model.to(torch.promote_types(kernels.dtype, torch.float32))
    form = WholeModel(config=model.config)
    built = ready(model, objective, form, settings, kernels, newest, ALONE, micro_batch)
    state = load_state(newest) if newest else RunState(total_steps=settings.train.steps, settings=settings.as_dict())
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer_folder = folder / "tokenizer"
    if not tokenizer_folder.exists():
        tokenizer.save(tokenizer_folder)
    events: list[dict[str, Any]] = []
    run = Run(
        folder=folder,
        settings=settings,
        model=built.model,
        objective=built.objective,
        form=built.form,
        optimizers=built.optimizers,
        stream=stream,
        tokenizer=tokenizer,
        state=state,
        average=built.average,
        log=EventLog(folder),
        saver=Saver(folder, tokenizer_folder, settings.checkpoint, newest=state.step if newest else None),
        listener=events.append,
        dtype=kernels.dtype,
        device="cpu",
        micro_batch=micro_batch,
        context=stream.context,
        rows_a_step=rows_a_step,
        before_step=before_step,
        flops_a_token=training_flops(model.config, CONTEXT) / CONTEXT,
        peak_flops=0.0,
    )
    return run, events
