"""A tuning on two processes has the losses of one on one process, whatever is learned and however it is divided."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from textmill.project import Project
from textmill.train.events import read_events

sys.path.insert(0, str(Path(__file__).parent.parent / "tune"))


@pytest.mark.parametrize(
    "words",
    [
        ("--method=lora",),
        pytest.param(("--method=dora", "--parallel.shard=2"), marks=pytest.mark.slow),
        pytest.param(("--method=full", "--parallel.shard=2"), marks=pytest.mark.slow),
        pytest.param(("--method=full",), marks=pytest.mark.slow),
    ],
    ids=["adapters", "adapters_sharded", "full_sharded", "full"],
)
def test_two_processes_lose_as_one(
    words: tuple[str, ...], start_torchrun: Callable, run_textmill: Callable, project: Project, tmp_path: Path
) -> None:
    from small_tuning import chat, model_folder, write_rows

    model_folder(tmp_path / "base")
    rows = [chat(f"What is {n} plus one?", f"It is {n + 1}." * (n % 3 + 1)) for n in range(60)]
    write_rows(tmp_path / "chats.jsonl", rows)
    given = (
        *("tune", "sft", "--model", str(tmp_path / "base"), "--data", str(tmp_path / "chats.jsonl"), *words),
        *("--train.steps=6", "--train.batch_tokens=288", "--train.micro_batch=1", "--train.precision=fp64"),
        *("--evaluate.sample_every=0", "--train.compile=off", "--train.threads=1"),
    )
    alone = [word for word in given if not word.startswith("--parallel")]
    run_textmill(*alone, "--name", "one", cwd=project.root).ok()
    process: subprocess.Popen[str] = start_torchrun(2, *given, "--name", "two", cwd=project.root)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    one, two = (
        [event["loss"] for event in read_events(project.runs / name) if event["type"] == "step"]
        for name in ("one", "two")
    )
    assert len(one) == 6
    assert one == pytest.approx(two, rel=1e-9)
