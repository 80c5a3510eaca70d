"""`textmill train`: tokens when they are missing, then a run."""

import dataclasses
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.run_display import RunDisplay
from textmill.config import Settings
from textmill.errors import TextmillError, UsageError
from textmill.i18n import t
from textmill.project import Project


def run(
    context: Context, *, name: str, budget: str | None, resume: bool, branch: str | None, device: str
) -> dict[str, Any]:
    """Trains or goes on with the run `name` of the project; returns its summary."""
    from textmill.train.budget import Budget, parse_budget
    from textmill.train.parallel.world import open_world
    from textmill.train.start import run_lock

    if branch and budget:
        raise UsageError("cli_train.both")
    project = context.need_project()
    wanted = parse_budget(budget) if budget else Budget()
    given = {"name": name, "budget": wanted, "resume": resume, "device": device, "branch": branch}
    with open_world(device, patience=context.settings.train.stall_seconds) as world:
        if world.first:
            with run_lock(project.runs / name):
                return train_run(context, project, world=world, **given)
        with quiet(context, world.rank) as unheard:
            return train_run(unheard, project, world=world, **given)


def train_run(
    context: Context,
    project: Project,
    *,
    name: str,
    budget: Any,
    resume: bool,
    device: str,
    branch: str | None = None,
    world: Any = None,
) -> dict[str, Any]:
    """Prepares, plans (under a budget) and trains; the caller holds the run's lock.

    `world`: the processes that train together (None: this one alone). The first prepares, the others take it over.
    """
    from textmill.train.loop import train
    from textmill.train.parallel.world import ALONE
    from textmill.train.start import start

    world = world or ALONE
    found = world.share(
        get_ready(context, project, name=name, budget=budget, resume=resume, device=device, branch=branch)
        if world.first
        else None
    )
    settings = context.settings.replace(found["changes"])
    tokenizer, tokens = prepare(context, project, None)
    newest, origin = (Path(found[place]) if found[place] else None for place in ("newest", "origin"))
    with RunDisplay(context, name) as display:
        ready = start(
            project,
            settings,
            name=name,
            newest=newest,
            tokens=tokens,
            tokenizer=tokenizer,
            listener=display.show,
            device=device,
            resume=resume,
            origin=origin,
            budget_seconds=found["seconds"],
            peak_flops=found["peak"] * world.size,
            chosen=context.chosen,
            world=world,
        )
        already = found["ended"] and ready.state.step >= ready.state.total_steps
        try:
            if not already:
                train(ready)
        finally:
            if ready.log is not None:
                ready.log.close()
    result = summary(context, name, ready, already)
    return result | ({"report": write_report(ready.folder)} if world.first and not ready.stop else {})


def write_report(folder: Any) -> str:
    """Writes the page about the run that has ended; returns where it is."""
    from textmill.train.events import read_events
    from textmill.train.record import Record
    from textmill.train.run_report.page import write_page

    return str(write_page(Record(folder=folder, events=read_events(folder))))


def get_ready(
    context: Context, project: Project, *, name: str, budget: Any, resume: bool, device: str, branch: str | None
) -> dict[str, Any]:
    """Makes what is missing, measures and plans; returns what the run begins with, of what JSON knows."""
    from textmill.train.branch import branch_point
    from textmill.train.checkpoint import newest_whole
    from textmill.train.events import has_ended

    began = time.monotonic()
    settings, found = context.settings, {"changes": {}, "seconds": 0.0, "peak": 0.0}
    ended = has_ended(project.runs / name)
    newest, damaged = newest_whole(project.runs / name)
    for error in damaged:
        context.say(t("cli_train.damaged", message=error))
    origin = branch_point(project, branch) if branch and newest is None else None
    planning = bool(budget.seconds or budget.tokens) and newest is None
    tokenizer, tokens = prepare(context, project, budget if planning else None)
    if planning:
        plan = plan_now(context, settings, budget, tokenizer.vocabulary_size, tokens, device, began)
        found |= {"changes": plan.changes, "peak": plan.peak_flops}
        found["seconds"] = budget.seconds - (time.monotonic() - began) if budget.seconds else 0.0
    elif not resume or budget.seconds:
        found["peak"] = measure_peak(settings, device)
    places = {"newest": newest, "origin": origin}
    return found | {"ended": ended} | {key: str(place) if place else None for key, place in places.items()}


@contextmanager
def quiet(context: Context, rank: int) -> Iterator[Context]:
    """Gives a process that is not the first a context that prints nothing; an error is one line with its rank."""
    from rich.console import Console

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(file=nowhere)
        os.dup2(nowhere.fileno(), 1)  # --json: the one document is the first process's
        try:
            yield dataclasses.replace(context, output=console, messages=console)
        except TextmillError as error:
            what = error.parts().get("what", str(error))
            print(t("parallel.process", rank=rank, message=what), file=sys.stderr, flush=True)
            raise Stopped({}, error.exit_code) from error


def prepare(context: Context, project: Project, budget: Any) -> tuple[Any, Any]:
    """Returns the tokenizer and the tokens, made when they are missing or stale; `budget` None: no plan."""
    tokenizer = make_tokenizer(context, project, budget)
    return tokenizer, make_tokens(context, project, tokenizer)


def make_tokenizer(context: Context, project: Project, budget: Any) -> Any:
    """Returns the project's tokenizer, trained when there is none."""
    from textmill.data.corpus import Corpus
    from textmill.train.plan import vocabulary_for_budget
    from textmill.train.prepare import ensure_tokenizer

    size = context.settings.tokenizer.vocabulary_size if context.chosen("tokenizer.vocabulary_size") else None
    if budget is not None and size is None:
        size = vocabulary_for_budget(Corpus.open(project.corpus).measure("bytes", "train"), budget)
    return ensure_tokenizer(project, context.settings, size, lambda key: context.progress(t(key), "MB"), context.say)


def make_tokens(context: Context, project: Project, tokenizer: Any) -> Any:
    """Returns the project's tokens, written when they are missing or stale."""
    from textmill.train.prepare import ensure_tokens

    return ensure_tokens(project, tokenizer, lambda key: context.progress(t(key), "MB"))


def plan_now(
    context: Context, settings: Settings, budget: Any, vocabulary_size: int, tokens: Any, device: str, began: float
) -> Any:
    """Measures and plans, telling so."""
    from textmill.data.mixing import shares_text
    from textmill.tokenizer.mixture import mixture
    from textmill.train.kernels import choose_kernels
    from textmill.train.plan import make_plan
    from textmill.train.sweep import known_law

    mixed = mixture(tokens, settings.mix)
    for field, shares in mixed.shares.items() if mixed else ():
        context.say("  " + t(f"mixing.shares_{field}", shares=shares_text(shares)))
    context.say(t("cli_plan.measuring"))
    plan = make_plan(
        budget,
        settings,
        kernels=choose_kernels(settings, device),
        vocabulary_size=vocabulary_size,
        data_tokens=mixed.tokens if mixed else tokens.split("train").tokens,
        chosen=context.chosen,
        spent_seconds=time.monotonic() - began,
        law=known_law(context.project) if context.project is not None else None,
    )
    from textmill.cli.plan import describe

    for title, text in describe(plan, settings.replace(plan.changes), vocabulary_size, device):
        context.say(f"  {title}: {text}")
    return plan


def measure_peak(settings: Settings, device: str) -> float:
    """Returns the peak that MFU is held against."""
    from textmill.hardware import gemm_peak
    from textmill.train.kernels import choose_kernels

    kernels = choose_kernels(settings, device)
    return gemm_peak(kernels.precision, seconds=0.3, device=kernels.device)


def summary(context: Context, name: str, ready: Any, already: bool) -> dict[str, Any]:
    """Prints and returns what came of the run; raises Stopped when a signal ended it."""
    state = ready.state
    result = {
        "run": name,
        "folder": str(ready.folder),
        "step": state.step,
        "total_steps": state.total_steps,
        "tokens": state.tokens,
        "seconds": state.seconds,
        "bits_per_byte": ready.last_bits_per_byte,
        "parameters": sum(parameter.numel() for parameter in ready.model.parameters()),
        "stopped": ready.stop.signal or None,
        "settings": ready.settings.as_dict(),
    }
    if ready.stop:
        context.say(t("cli_train.interrupted", step=state.step, total=state.total_steps, name=name))
        raise Stopped(result, 143 if ready.stop.signal == "SIGTERM" else 130)
    if already:
        context.print(t("cli_train.already", name=name, step=state.step))
        return result
    bits = "–" if ready.last_bits_per_byte is None else f"{ready.last_bits_per_byte:.3f}"
    minutes = state.seconds / 60
    context.print(t("cli_train.done", name=name, step=state.step, tokens=state.tokens, minutes=minutes, bits=bits))
    context.print(t("cli_train.next", name=name))
    return result


COMMAND = Command(
    words=("train",),
    run=run,
    example="textmill train --budget 10m",
    arguments=(
        Argument(name="--name", default="main", metavar="NAME"),
        Argument(name="--budget", metavar="BUDGET"),
        Argument(name="--resume", flag=True, default=False),
        Argument(name="--branch", metavar="RUN[@STEP]"),
        Argument(name="--device", default="", metavar="DEVICE"),
    ),
    settings=("model", "train", "parallel", "mix", "checkpoint", "evaluate", "tokenizer"),
)
