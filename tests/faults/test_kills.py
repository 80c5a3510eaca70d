"""SIGKILL at random moments: every run that is killed and resumed ends bit-equal to one that never was."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from forking import Forker
from safetensors.torch import load_file
from small_run import SMALL, make_project

from textmill.checkpoints import list_checkpoints
from textmill.project import Project
from textmill.train.events import read_events

STEPS = 60
RUN = ("train", *SMALL, f"--train.steps={STEPS}", "--checkpoint.every=3", "--evaluate.every=10", "--train.average=0.9")
KILLS, LONG_KILLS, IN_A_SAVE = 6, 200, 40


def state(project: Project, name: str, steps: int) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Returns the last checkpoint's tensors and the losses of all steps, of which there are `steps`."""
    newest = list_checkpoints(project.runs / name)[-1]
    assert newest.step == steps
    tensors = {
        f"{file.name}/{key}": t for file in newest.folder.glob("*.safetensors") for key, t in load_file(file).items()
    }
    return tensors, [event["loss"] for event in read_events(project.runs / name) if event["type"] == "step"]


def kill_and_resume(
    project: Project, kills: int, forker: Forker, seed: int, run: Sequence[str] = RUN, steps: int = STEPS
) -> dict[str, int]:
    """Kills runs `kills` times at random moments, resumes them to the end and compares; returns what was met.

    `run`: the words of the command, which makes `steps` steps.
    """
    forker.start(*run, "--name=whole")
    assert forker.wait() == 0
    tensors, losses = state(project, "whole", steps)
    chance, met = random.Random(seed), {"kills": 0, "in_a_save": 0, "before_the_first_step": 0, "runs": 0}
    while met["kills"] < kills:
        name = f"victim{met['runs']}"
        met["runs"] += 1
        while True:
            pid = forker.start(*run, f"--name={name}", "--resume")
            if met["kills"] < kills:
                kill(project.runs / name, pid, chance, met)
            code = forker.wait()
            if code != -signal.SIGKILL:
                break
        assert code == 0
        again, losses_again = state(project, name, steps)
        assert losses_again == losses, name
        assert again.keys() == tensors.keys()
        assert [key for key, value in tensors.items() if not torch.equal(again[key], value)] == [], name
    return met


def kill(folder: Path, pid: int, chance: random.Random, met: dict[str, int]) -> None:
    """Kills at a random moment: while it starts, after a while of steps, or as soon as a save is seen under way."""
    events, saves, way = folder / "events.jsonl", folder / "checkpoints", chance.random()
    before = events.stat().st_size if events.exists() else 0
    if way < 0.1:
        time.sleep(chance.random() * 0.5)
    else:
        while Forker.runs(pid) and not (events.exists() and events.stat().st_size > before):
            time.sleep(0.001)
        time.sleep(chance.random() ** 2)
    if way > 0.6:
        while Forker.runs(pid) and not under_way(saves):
            pass
        time.sleep(chance.random() * 0.01)
    if not Forker.runs(pid):
        return
    os.kill(pid, signal.SIGKILL)
    met["kills"] += 1
    while Forker.runs(pid):
        time.sleep(0.001)
    met["in_a_save"] += under_way(saves)
    met["before_the_first_step"] += (events.stat().st_size if events.exists() else 0) == before


def under_way(saves: Path) -> bool:
    """True when a checkpoint is half written: its folder has a temporary name."""
    return saves.is_dir() and any(name.startswith(".tmp") for name in os.listdir(saves))


@pytest.mark.parametrize(
    "kills", [KILLS, pytest.param(LONG_KILLS, marks=pytest.mark.long)], ids=["few_kills", "all_kills"]
)
def test_killed_runs_end_bit_equal(kills: int, tmp_path: Path, capsys, fault_table: Callable) -> None:
    project, log = make_project(tmp_path), tmp_path / "log.txt"
    with Forker(project.root, log) as forker:
        met = kill_and_resume(project, kills, forker, seed=int(os.environ.get("TEXTMILL_SEED", "0")))
    assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace")
    with capsys.disabled():
        print(f"\nkills: {json.dumps(met)}")
    fault_table("SIGKILL at random moments", kills, met)
    assert met["kills"] == kills
    assert kills < LONG_KILLS or met["in_a_save"] >= IN_A_SAVE
