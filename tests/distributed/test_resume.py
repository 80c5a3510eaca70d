"""Runs from the command line on several processes: they save, go on on other numbers of processes, survive a kill."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from matrix import COMMON
from safetensors.torch import load_file

from textmill.checkpoints import list_checkpoints, verify_checksums
from textmill.train.events import read_events

pytestmark = pytest.mark.xdist_group("torchrun")
WORDS = [f"--{name}={value}" for name, value in COMMON.items()]
FLAT = ("--train.warmup=0", "--train.decay=0", "--train.precision=fp64")
"""Rates that do not depend on how many steps are still to come, so that a prolonged run equals one that was long."""


def losses(root: Path, name: str) -> list[float]:
    return [event["loss"] for event in read_events(root / "runs" / name) if event["type"] == "step"]


def weights(root: Path, name: str) -> dict[str, torch.Tensor]:
    newest = list_checkpoints(root / "runs" / name)[-1].folder
    verify_checksums(newest)
    return {
        f"{file.name}/{key}": value for file in newest.glob("*.safetensors") for key, value in load_file(file).items()
    }


@pytest.fixture
def root(tokens_root: Path, tmp_path: Path) -> Path:
    shutil.copytree(tokens_root, tmp_path / "project", ignore=shutil.ignore_patterns("runs", "out-*"))
    return tmp_path / "project"


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    return out, err


def test_a_run_on_two_processes_prints_one_result_and_goes_on_alone(
    start_torchrun: Callable, run_textmill: Callable, root: Path
) -> None:
    words = (*FLAT, "--train.steps=8", "--evaluate.every=4", "--evaluate.sample_every=4")
    run_textmill("train", *WORDS, *words, "--name", "alone", cwd=root).ok()
    shard = ("--parallel.shard=2", "--train.steps=4")
    out, err = finish(start_torchrun(2, "train", *WORDS, *words, *shard, "--name", "two", "--json", cwd=root))
    result = json.loads(out)
    assert (result["step"], result["tokens"]) == (4, 4 * 256)
    assert err.count("held-out bits per byte") == 1
    events = read_events(root / "runs" / "two")
    assert [event["type"] for event in events].count("start") == 1
    assert events[0]["processes"] == {"pipeline": 1, "data": 1, "shard": 2, "context": 1, "tensor": 1}
    run_textmill("train", *WORDS, *words, "--name", "two", "--resume", cwd=root).ok()
    assert losses(root, "two") == pytest.approx(losses(root, "alone"), rel=1e-9)
    one, two = weights(root, "alone"), weights(root, "two")
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--parallel.shard=3",), "shard 3"),
        (("--parallel.tensor=2", "--model.kv_heads=1"), "kv_heads"),
        (("--parallel.pipeline=2", "--model.preset=classic", "--model.kv_heads=0"), "output projection"),
        (("--parallel.shard=2", "--train.optimizer=adafactor"), "adafactor"),
    ],
    ids=["sizes", "heads", "tied", "adafactor"],
)
@pytest.mark.slow
def test_what_cannot_be_divided_is_refused_by_name(
    words: tuple[str, ...], told: str, start_torchrun: Callable, root: Path
) -> None:
    process = start_torchrun(2, "train", *WORDS, *words, cwd=root)
    _, err = process.communicate(timeout=300)
    ours = err[: err.index("ChildFailedError")].split("Traceback")[0]  # torchrun adds its own
    assert told in ours
    assert "bug in Textmill" not in err


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--model.preset=classic", "--model.kv_heads=0")], ids=["modern", "classic"])
def test_one_two_four_one_processes_read_the_same_batches(
    words: tuple[str, ...], start_torchrun: Callable, run_textmill: Callable, root: Path
) -> None:
    """Each step's loss is that of a run never divided, which no other rows would give."""
    words = (*WORDS, *words, *FLAT, "--train.average=0.9")
    run_textmill("train", *words, "--name", "alone", "--train.steps=16", cwd=root).ok()
    moved = ("train", *words, "--name", "moved", "--resume")
    run_textmill(*moved, "--train.steps=4", cwd=root).ok()
    finish(start_torchrun(2, *moved, "--train.steps=8", cwd=root))
    finish(start_torchrun(4, *moved, "--train.steps=12", "--parallel.shard=2", "--parallel.tensor=2", cwd=root))
    run_textmill(*moved, "--train.steps=16", cwd=root).ok()
    assert losses(root, "moved") == pytest.approx(losses(root, "alone"), rel=1e-9)


@pytest.mark.slow
def test_a_killed_process_restarts_all_from_the_last_checkpoint(start_torchrun: Callable, root: Path) -> None:
    """torchrun's own restart: the end is bit-equal to that of a run never killed."""
    words = ("train", *WORDS, "--train.steps=60", "--checkpoint.every=5", "--train.precision=fp32", "--resume")
    finish(start_torchrun(2, *words, "--name", "whole", cwd=root))
    process = start_torchrun(2, *words, "--name", "killed", cwd=root, options=["--max-restarts=2"])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(list_checkpoints(root / "runs" / "killed")) == 0:
        time.sleep(0.01)
    os.kill(int((root / "runs" / "killed" / "lock").read_text()), signal.SIGKILL)
    finish(process)
    kinds = [event["type"] for event in read_events(root / "runs" / "killed")]
    assert kinds.count("resume") == 1
    assert losses(root, "killed") == losses(root, "whole")
    one, two = weights(root, "whole"), weights(root, "killed")
    assert one.keys() == two.keys() and all(torch.equal(value, two[name]) for name, value in one.items())


@pytest.mark.slow
def test_sigterm_to_torchrun_saves_once(start_torchrun: Callable, root: Path) -> None:
    process = start_torchrun(2, "train", *WORDS, "--train.steps=100000", "--parallel.shard=2", cwd=root)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(losses(root, "main")) < 10:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    last = read_events(root / "runs" / "main")[-1]
    assert (last["type"], last["signal"]) == ("interrupt", "SIGTERM"), err
    assert list_checkpoints(root / "runs" / "main")[-1].step == last["step"]
    assert err.count("--resume") == 1


@pytest.mark.slow
def test_a_process_that_stands_still_ends_the_run_with_words(start_torchrun: Callable, root: Path) -> None:
    words = (
        *FLAT,
        "--train.steps=100000",
        "--checkpoint.every=5",
        "--train.stall_seconds=5",
        "--evaluate.every=100000",
    )
    process = start_torchrun(2, "train", *WORDS, *words, "--train.stall_seconds=5", "--name", "held", cwd=root)
    while not list_checkpoints(root / "runs" / "held"):
        assert process.poll() is None
        time.sleep(0.2)
    ours = [each for each in psutil.Process(process.pid).children() if "textmill" in " ".join(each.cmdline())]
    last = next(each for each in ours if each.environ()["RANK"] == "1")
    last.suspend()
    try:
        _, err = process.communicate(timeout=300)
    finally:
        if last.is_running():
            last.kill()
    assert process.returncode
    assert "no longer answers" in err or "stands still" in err, err
    assert list_checkpoints(root / "runs" / "held")
