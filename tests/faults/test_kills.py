"""SIGKILL at random moments: every run that is killed and resumed ends bit-equal to one that never was."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import SMALL, make_project

from textmill.checkpoints import list_checkpoints
from textmill.project import Project
from textmill.train.events import read_events

RUN = ("train", *SMALL, "--train.steps=60", "--checkpoint.every=3", "--evaluate.every=1000")
KILLS, LONG_KILLS = 3, 200


def state(project: Project, name: str) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Returns the last checkpoint's tensors and the losses of all steps."""
    newest = list_checkpoints(project.runs / name)[-1]
    assert newest.step == 60
    tensors = {**load_file(newest.folder / "model.safetensors"), **load_file(newest.folder / "optimizer.safetensors")}
    return tensors, [event["loss"] for event in read_events(project.runs / name) if event["type"] == "step"]


def kill_and_resume(project: Project, kills: int, start_process: Callable, seed: int) -> dict[str, int]:
    """Kills runs `kills` times at random moments, resumes them to the end and compares; returns what was met."""
    process = start_process(*RUN, "--name=whole", cwd=project.root)
    assert process.wait(timeout=120) == 0, process.communicate()
    expected = state(project, "whole")
    chance, met = random.Random(seed), {"kills": 0, "in_a_save": 0, "runs": 0}
    while met["kills"] < kills:
        name = f"victim{met['runs']}"
        met["runs"] += 1
        while True:
            process = start_process(*RUN, f"--name={name}", "--resume", cwd=project.root)
            if met["kills"] < kills and wait_for_moment(project, name, process, chance):
                process.send_signal(signal.SIGKILL)
                process.wait()
                met["kills"] += 1
                folder = project.runs / name / "checkpoints"
                met["in_a_save"] += folder.is_dir() and any(path.name.startswith(".tmp") for path in folder.iterdir())
                continue
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
            break
        tensors, losses = state(project, name)
        assert losses == expected[1], name
        assert all(torch.equal(tensors[key], value) for key, value in expected[0].items()), name
    return met


def wait_for_moment(project: Project, name: str, process, chance: random.Random) -> bool:
    """Waits until the run steps and a random while longer; False when it ended before."""
    events, before = project.runs / name / "events.jsonl", 0
    if events.exists():
        before = events.stat().st_size
    while process.poll() is None and not (events.exists() and events.stat().st_size > before):
        time.sleep(0.01)
    time.sleep(chance.random() * 0.4)
    return process.poll() is None


@pytest.mark.parametrize(
    "kills", [KILLS, pytest.param(LONG_KILLS, marks=pytest.mark.long)], ids=["few_kills", "all_kills"]
)
def test_killed_runs_end_bit_equal(
    kills: int, tmp_path: Path, start_process: Callable, capsys, fault_table: Callable
) -> None:
    project = make_project(tmp_path)
    met = kill_and_resume(project, kills, start_process, seed=int(os.environ.get("TEXTMILL_SEED", "0")))
    with capsys.disabled():
        print(f"\nkills: {json.dumps(met)}")
    fault_table("SIGKILL at random moments", kills, met)
    assert met["kills"] == kills
    assert kills < LONG_KILLS or met["in_a_save"] >= 40
