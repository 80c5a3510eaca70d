"""What the commands that tune share: the base model, the run's lock, the display, the summary."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Context, Stopped
from textmill.cli.run_display import RunDisplay
from textmill.errors import InputError, TrainingError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.config import Settings
    from textmill.infer.resolve import LoadedModel
    from textmill.train.run import Run
    from textmill.tune.start import Task

METHODS = ("full", "lora", "dora", "qlora")
ARGUMENTS = (
    Argument(name="--model", metavar="MODEL"),
    Argument(name="--data", many="*", metavar="DATA"),
    Argument(name="--method", choices=METHODS),
    Argument(name="--name", metavar="NAME", default="tuned"),
    Argument(name="--budget", metavar="BUDGET"),
    Argument(name="--resume", flag=True, default=False),
    Argument(name="--validation", many="*", metavar="FILE"),
    Argument(name="--general", many="*", metavar="FILE"),
    Argument(name="--device", default="", metavar="DEVICE"),
)
SECTIONS = ("tune", "train", "parallel", "checkpoint", "evaluate")

MakeTask = Callable[["LoadedModel", "Settings"], "tuple[Task, Settings]"]
"""From the base model and the settings to what is tuned towards and the settings of the run."""


def tune(
    context: Context,
    make_task: MakeTask,
    *,
    name: str,
    model: str | None,
    method: str | None,
    budget: str | None,
    resume: bool,
    device: str,
    onward: str = "cli_tune_sft.next",
) -> dict[str, Any]:
    """Tunes and returns the run's summary; `make_task` reads the data once the base model is there.

    `onward`: the catalogue's entry that says what to do with the result.
    """
    from textmill.cli.train import quiet
    from textmill.train.budget import Budget, parse_budget
    from textmill.train.parallel.world import open_world
    from textmill.train.start import run_lock

    project = context.need_project()
    wanted = parse_budget(budget) if budget else Budget()
    if wanted.tokens:
        raise InputError("cli_tune_sft.token_budget", budget=budget)
    if method is not None:
        context = replace(
            context,
            settings=context.settings.replace({"tune.method": method}),
            origins=context.origins | {"tune.method": "command line"},
        )
    given = {"name": name, "model": model, "seconds": wanted.seconds, "resume": resume, "device": device}
    with open_world(device, patience=context.settings.train.stall_seconds) as world:
        first: AbstractContextManager[Any] = run_lock(project.runs / name) if world.first else nullcontext()
        heard: AbstractContextManager[Context] = nullcontext(context) if world.first else quiet(context, world.rank)
        with first, heard as own:
            return tune_run(own, make_task, world=world, onward=onward, **given)


def tune_run(
    context: Context,
    make_task: MakeTask,
    *,
    name: str,
    model: str | None,
    seconds: float,
    resume: bool,
    device: str,
    onward: str,
    world: Any,
) -> dict[str, Any]:
    """Loads, reads, trains; the caller holds the run's lock."""
    import time

    import torch

    from textmill.infer.resolve import load
    from textmill.train.loop import train
    from textmill.tune.looks import TuningLooks
    from textmill.tune.start import start_tuning

    began = time.monotonic()
    project = context.need_project()
    newest, ended = world.share(checkpoint_of(context, name) if world.first else None)
    if newest is not None and not resume:
        raise TrainingError("train.exists", run=name, checkpoint=Path(newest).name)
    base = load(base_reference(context, name, model, newest), project, dtype=torch.float32)
    for note in base.notes:
        context.say(note)
    task, settings = make_task(base, context.settings)
    with TuneDisplay(context, name) as display:
        run = start_tuning(
            project,
            settings,
            task,
            name=name,
            base=base,
            reference=base.name if base.step is None else f"{base.name}@{base.step}",
            newest=Path(newest) if newest else None,
            listener=display.show,
            device=device,
            budget_seconds=max(seconds - (time.monotonic() - began), 1.0) if seconds else 0.0,
            chosen=context.chosen,
            world=world,
        )
        already = ended and run.state.step >= run.state.total_steps
        try:
            if not already:
                if newest is None and isinstance(task.looks, TuningLooks):
                    task.looks.before(run)
                train(run)
        finally:
            if run.log is not None:
                run.log.close()
    return summary(context, run, name, already, first=world.first, onward=onward)


def checkpoint_of(context: Context, name: str) -> tuple[str | None, bool]:
    """Returns the newest whole checkpoint of a run, and whether the run has ended; tells of damaged ones."""
    from textmill.train.checkpoint import newest_whole
    from textmill.train.events import has_ended

    folder = context.need_project().runs / name
    newest, damaged = newest_whole(folder)
    for error in damaged:
        context.say(t("cli_train.damaged", message=error))
    return (str(newest) if newest else None), has_ended(folder)


def base_reference(context: Context, name: str, model: str | None, newest: str | None) -> str | None:
    """Returns MODEL of the base: as given, else the one that the run began from, else the newest other run."""
    from textmill.errors import ModelError
    from textmill.infer.resolve import resolve
    from textmill.model.hub.base import base_of

    project = context.need_project()
    if model is not None:
        return model
    if newest is not None:
        base = base_of(project.runs / name)
        try:
            resolve(base.reference, project, verify=False)
        except ModelError:
            return base.folder
        return base.reference
    if not project.runs.is_dir() or not any((each / "checkpoints").is_dir() for each in project.runs.iterdir()):
        raise ModelError("infer.no_runs", folder=project.runs)
    return None


class TuneDisplay(RunDisplay):
    """The events of a tuning as a progress line and messages on stderr."""

    def show(self, event: dict[str, Any]) -> None:
        """Shows one event."""
        say, kind = self.context.say, event["type"]
        if kind == "step":
            if self.report is None:
                self.report = self.line.__enter__()
            note = t("cli_tune_sft.note", loss=event["loss"], rate=event["tokens_per_second"])
            self.report(event["step"], event["total_steps"], note)
        elif kind == "start":
            learned = event["learned"] / event["parameters"]
            method = event["settings"]["tune"]["method"]
            say(t("cli_tune_sft.learns", method=method, learned=event["learned"], share=learned))
            super().show(event)
        elif kind == "expected":
            minutes, memory = event["seconds"] / 60, event["memory_bytes"] / 1e9
            say(t("cli_tune_sft.expected", steps=event["steps"], of=event["of"], minutes=minutes, memory=memory))
        elif kind == "held_out":
            say(t("cli_tune_sft.held_out", **{key: event[key] for key in ("step", "loss", "low", "high", "rows")}))
        elif kind == "general":
            values = {key: event[key] for key in ("bits_per_byte", "low", "high", "documents")}
            say(t(f"cli_tune_sft.general_{event['when']}", **values))
        elif kind == "articles":
            values = {key: event[key] for key in ("bits_per_byte", "low", "high", "documents")}
            say(t(f"tune_events.articles_{event['when']}", **values))
        elif kind == "sample":
            text = event["text"].strip().replace("\n", " ")
            say(t("cli_tune_sft.answer", step=event["step"], prompt=event["prompt"], text=text))
        elif kind in ("compared", "solved", "rollouts", "translated"):
            say(t(f"tune_events.{kind}", **event))
        else:
            super().show(event)


def summary(context: Context, run: "Run", name: str, already: bool, *, first: bool, onward: str) -> dict[str, Any]:
    """Prints and returns what came of the run; raises Stopped when a signal ended it."""
    from textmill.cli.train import write_report
    from textmill.train.events import read_events

    state = run.state
    events = read_events(run.folder)
    general = {event["when"]: event["bits_per_byte"] for event in events if event["type"] == "general"}
    held_out = [event["loss"] for event in events if event["type"] == "held_out"]
    result = {
        "run": name,
        "folder": str(run.folder),
        "method": run.settings.tune.method,
        "step": state.step,
        "total_steps": state.total_steps,
        "tokens": state.tokens,
        "seconds": state.seconds,
        "held_out_loss": held_out[-1] if held_out else None,
        "general_bits_per_byte": general,
        "learned": sum(parameter.numel() for parameter in run.model.parameters() if parameter.requires_grad),
        "stopped": run.stop.signal or None,
        "settings": run.settings.as_dict(),
    }
    if run.stop:
        context.say(t("cli_tune_sft.interrupted", step=state.step, total=state.total_steps))
        raise Stopped(result, 143 if run.stop.signal == "SIGTERM" else 130)
    loss = f"{held_out[-1]:.3f}" if held_out else "–"
    minutes = state.seconds / 60
    key = "already" if already else "done"
    context.print(t(f"cli_tune_sft.{key}", name=name, step=state.step, minutes=minutes, loss=loss))
    if "before" in general and "after" in general:
        before, after = general["before"], general["after"]
        context.print(t("cli_tune_sft.forgotten", before=before, after=after, change=after / before - 1))
    context.print(t(onward, name=name))
    return result | ({"report": write_report(run.folder)} if first else {})
