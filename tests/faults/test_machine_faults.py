"""What machines do to a run: full and read-only disks, jumping clocks, a second trainer, a scheduler's end."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import SMALL

from textmill.checkpoints import list_checkpoints
from textmill.project import Project
from textmill.train import events
from textmill.train.events import read_events

OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")


def own_mounts_work() -> bool:
    try:
        done = subprocess.run([*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/tmp"], capture_output=True, timeout=20)
    except OSError:
        return False
    return done.returncode == 0


pytestmark = pytest.mark.slow
needs_mounts = pytest.mark.skipif(not own_mounts_work(), reason="no namespaces of mounts for this user here")


def in_own_mounts(script: str, folder: Path, project: Project) -> subprocess.CompletedProcess[str]:
    """Runs shell words where $PROJECT, $PLACE (a mount point), $OUT and `textmill` are known and mounts are its own."""
    place, out = folder / "place", folder / "out"
    place.mkdir()
    out.mkdir()
    more = {"PROJECT": str(project.root), "PLACE": str(place), "OUT": str(out), "PYTHON": sys.executable}
    words = 'textmill() { "$PYTHON" -m textmill "$@"; }\n' + script
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEXTMILL_", "LC_"))}
    environment = kept | {"LANG": "C.UTF-8", "PYTHONUTF8": "1", "NO_COLOR": "1"} | more
    command = [*OWN_MOUNTS, "sh", "-c", words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def tensors(run_folder: Path) -> dict[str, torch.Tensor]:
    newest = list_checkpoints(run_folder)[-1].folder
    return {f"{file.name}/{key}": t for file in newest.glob("*.safetensors") for key, t in load_file(file).items()}


def differing(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> list[str]:
    """Returns the names of what is not bit-equal."""
    return sorted(
        name
        for name in one.keys() | two.keys()
        if not (name in one and name in two and torch.equal(one[name], two[name]))
    )


TRAIN = " ".join(("train", *SMALL, "--train.average=0.9", "--resume"))


@needs_mounts
def test_a_disk_that_is_really_full(
    tmp_path: Path, hurt_project: Project, run_textmill: Callable, fault_table: Callable
) -> None:
    script = f"""
        mount -t tmpfs -o size=24M tmpfs "$PLACE" && cp -r "$PROJECT" "$PLACE/p" && cd "$PLACE/p" || exit 99
        head -c 100M /dev/zero > "$PLACE/filler" 2>/dev/null
        truncate -s -150000 "$PLACE/filler"
        textmill {TRAIN} --train.steps=12 > "$OUT/full" 2>&1; echo $? > "$OUT/code"
        ls -a runs/main/checkpoints > "$OUT/left"
        rm "$PLACE/filler"
        textmill {TRAIN} --train.steps=12 > "$OUT/after" 2>&1 && cp -r runs/main "$OUT/main"
    """
    done = in_own_mounts(script, tmp_path, hurt_project)
    out = tmp_path / "out"
    assert done.returncode == 0, done.stderr + (out / "full").read_text() + (out / "after").read_text()
    said = (out / "full").read_text()
    assert (out / "code").read_text() == "2\n", said
    assert "disk is full" in said and "Traceback" not in said
    assert "step-00000008" in (out / "left").read_text() and ".tmp" not in (out / "left").read_text()
    run_textmill(*TRAIN.split(), "--train.steps=12", cwd=hurt_project.root).ok()
    assert differing(tensors(out / "main"), tensors(hurt_project.runs / "main")) == []
    fault_table("a full disk", 1, "exit 2, says so, the last checkpoint whole; with room again bit-equal at the end")


@needs_mounts
@pytest.mark.parametrize("when", ["from_the_start", "while_it_runs"])
def test_a_folder_that_is_read_only(
    when: str, tmp_path: Path, hurt_project: Project, run_textmill: Callable, fault_table: Callable
) -> None:
    if when == "from_the_start":
        script = f"""
            mount --bind "$PROJECT" "$PLACE" && mount -o remount,bind,ro "$PLACE" && cd "$PLACE" || exit 99
            textmill {TRAIN} --train.steps=12 > "$OUT/said" 2>&1; echo $? > "$OUT/code"
        """
    else:
        script = f"""
            cd "$PROJECT"
            textmill {TRAIN} --train.steps=100000 --checkpoint.every=50 --checkpoint.keep=1000 > "$OUT/said" 2>&1 &
            until grep -q '"step": 80,' runs/main/events.jsonl; do sleep 0.05; done
            mount --bind runs/main/checkpoints runs/main/checkpoints
            mount -o remount,bind,ro runs/main/checkpoints || exit 99
            wait $!; echo $? > "$OUT/code"
        """
    done = in_own_mounts(script, tmp_path, hurt_project)
    said = (tmp_path / "out" / "said").read_text()
    assert done.returncode == 0, done.stderr + said
    assert (tmp_path / "out" / "code").read_text() == "2\n", said
    assert "written" in said or "write" in said
    assert "Traceback" not in said
    last = list_checkpoints(hurt_project.runs / "main")[-1].step
    assert last >= 8
    run_textmill(*TRAIN.split(), f"--train.steps={last + 1}", cwd=hurt_project.root).ok()
    fault_table(
        f"a folder that is read-only {when.replace('_', ' ')}", 1, "exit 2, says which, the last checkpoint whole"
    )


def test_two_trainers_on_one_run(hurt_project: Project, start_process: Callable, fault_table: Callable) -> None:
    words = (*TRAIN.split(), "--train.steps=100000")
    first = start_process(*words, cwd=hurt_project.root)
    wait_for_steps(hurt_project, "main", 20)
    second = start_process(*words, cwd=hurt_project.root)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 2
    assert str(first.pid) in err and "Traceback" not in err
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 143
    fault_table("two trainers on one run", 1, "the second exits 2 and names the first's process; the first goes on")


def wait_for_steps(project: Project, name: str, steps: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if sum(event["type"] == "step" for event in read_events(project.runs / name)) >= steps:
            return
        time.sleep(0.05)
    raise AssertionError("it did not get so far")


def test_a_scheduler_ends_the_run_and_requeues_it(
    hurt_project: Project, start_process: Callable, run_textmill: Callable, fault_table: Callable, tmp_path: Path
) -> None:
    """SIGTERM, save, 143; then the very same command again, as a requeue has it, until it is done."""
    shutil.copytree(hurt_project.root, tmp_path / "whole")
    words = (*TRAIN.split(), "--train.steps=400")
    codes, longest = [], 0.0
    for wanted in (60, 150, 260):
        process = start_process(*words, cwd=hurt_project.root)
        wait_for_steps(hurt_project, "main", wanted)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        longest = max(longest, time.monotonic() - began)
        codes.append(process.returncode)
        assert "Traceback" not in err
        assert read_events(hurt_project.runs / "main")[-1]["type"] == "interrupt"
    assert codes == [143, 143, 143]
    run_textmill(*words, cwd=hurt_project.root).ok()
    run_textmill(*words, cwd=tmp_path / "whole").ok()
    assert differing(tensors(hurt_project.runs / "main"), tensors(tmp_path / "whole" / "runs" / "main")) == []
    fault_table(
        "SIGTERM, then the same command again", 3, f"saved, 143 after {longest:.1f} s at most, bit-equal at the end"
    )


def test_clock_jumps(
    hurt_project: Project,
    tmp_path: Path,
    run_textmill: Callable,
    monkeypatch: pytest.MonkeyPatch,
    fault_table: Callable,
) -> None:
    """A day forward, a year back, back to 1970: events keep their order, the run its bits."""
    shutil.copytree(hurt_project.root, tmp_path / "calm")
    run_textmill(*TRAIN.split(), "--train.steps=12", cwd=tmp_path / "calm").ok()
    jumps = itertools.cycle([0.0, 86_400.0, -31_536_000.0, -1.7e9])

    class Clock:
        @staticmethod
        def time() -> float:
            return max(0.0, time.time() + next(jumps))

    monkeypatch.setattr(events, "time", Clock)
    run_textmill(*TRAIN.split(), "--train.steps=12", cwd=hurt_project.root).ok()
    steps = [event["step"] for event in read_events(hurt_project.runs / "main") if event["type"] == "step"]
    assert steps == list(range(1, 13))
    assert differing(tensors(hurt_project.runs / "main"), tensors(tmp_path / "calm" / "runs" / "main")) == []
    for file in hurt_project.runs.rglob("*"):
        os.utime(file, (0, 0))
    run_textmill("runs", "list", cwd=hurt_project.root).ok()
    run_textmill(*TRAIN.split(), "--train.steps=13", cwd=hurt_project.root).ok()
    fault_table("clock jumps", 4, "bit-equal, steps in order")
