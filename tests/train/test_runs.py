"""Runs from the command line: they save, go on exactly, refuse what would mix, and survive damage."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import SMALL

from textmill.checkpoints import list_checkpoints
from textmill.project import Project
from textmill.train.events import EventLog, read_events


def tensors(project: Project, name: str) -> dict[str, torch.Tensor]:
    newest = list_checkpoints(project.runs / name)[-1].folder
    return {
        f"{file.name}/{key}": value for file in newest.glob("*.safetensors") for key, value in load_file(file).items()
    }


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def test_a_run_learns_saves_and_tells(train: Callable, small_project: Project) -> None:
    result = train("--json", "--train.steps=30").ok().document
    assert result["step"] == 30
    assert result["bits_per_byte"] > 0
    events = read_events(small_project.runs / "main")
    assert [event["type"] for event in events[:2]] == ["start", "step"]
    losses = [event["loss"] for event in events if event["type"] == "step"]
    assert len(losses) == 30
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert events[-1]["type"] == "end"
    steps = [checkpoint.step for checkpoint in list_checkpoints(small_project.runs / "main")]
    assert steps == [28, 30]  # checkpoint.keep = 2
    assert all(value["seconds"] >= 0 for value in events if value["type"] == "step")


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--model.preset=classic", "--train.optimizer=adamw"),
        ("--model.dropout=0.2",),
        ("--train.average=0.9", "--train.batch_warmup_tokens=900", "--train.z_loss=1e-4"),
        ("--train.optimizer=adafactor", "--train.cautious_decay=true", "--train.schedule=cosine"),
    ],
    ids=["default", "classic", "dropout", "averaged", "adafactor"],
)
def test_a_resumed_run_is_bit_equal_to_one_never_stopped(
    train: Callable, small_project: Project, more: tuple[str, ...]
) -> None:
    train("--name", "whole", *more).ok()
    train("--name", "parts", *more).ok()
    # back to what was there at step 4, as after a crash behind it
    shutil.rmtree(list_checkpoints(small_project.runs / "parts")[-1].folder)
    assert not same(tensors(small_project, "whole"), tensors(small_project, "parts"))
    train("--name", "parts", "--resume", *more).ok()
    assert same(tensors(small_project, "whole"), tensors(small_project, "parts"))
    losses = {
        name: [event["loss"] for event in read_events(small_project.runs / name) if event["type"] == "step"]
        for name in ("whole", "parts")
    }
    assert losses["whole"] == losses["parts"]


def test_evaluation_and_samples_do_not_disturb(train: Callable, small_project: Project) -> None:
    train("--name", "quiet", "--evaluate.every=1000", "--model.dropout=0.1").ok()
    train("--name", "watched", "--evaluate.every=1", "--evaluate.sample_every=2", "--model.dropout=0.1").ok()
    assert same(tensors(small_project, "quiet"), tensors(small_project, "watched"))


def test_micro_batches_change_only_rounding(train: Callable, small_project: Project) -> None:
    train("--name", "whole", "--train.micro_batch=8").ok()
    train("--name", "parts", "--train.micro_batch=3").ok()
    one, two = tensors(small_project, "whole"), tensors(small_project, "parts")
    for key, value in one.items():
        if "norm" not in key and "/" not in key:
            torch.testing.assert_close(value, two[key], rtol=0.05, atol=2e-3)


def test_a_second_run_of_the_same_name_is_refused_but_resume_starts_one(train: Callable) -> None:
    assert train("--resume").ok()
    again = train()
    assert again.code == 2
    assert "--resume" in again.err
    assert "--name" in again.err
    done = train("--resume").ok()
    assert "8" in done.out


def test_more_steps_on_resume(train: Callable) -> None:
    train().ok()
    assert train("--resume", "--train.steps=12", "--json").ok().document["step"] == 12


def test_a_setting_that_the_run_computes_with_cannot_change(train: Callable) -> None:
    train().ok()
    result = train("--resume", "--train.steps=12", "--train.seed=5")
    assert result.code == 2
    assert "train.seed" in result.err


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_used(train: Callable, small_project: Project) -> None:
    train("--name", "whole").ok()
    train("--name", "hurt").ok()
    newest = list_checkpoints(small_project.runs / "hurt")[-1].folder
    file = newest / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    result = train("--name", "hurt", "--resume").ok()
    assert "model.safetensors" in result.err
    assert (newest.parent / f"damaged-{newest.name}").is_dir()
    assert same(tensors(small_project, "whole"), tensors(small_project, "hurt"))


def test_two_trainers_on_one_run(train: Callable, small_project: Project) -> None:
    from textmill.train.start import run_lock

    with run_lock(small_project.runs / "main"):
        result = train()
    assert result.code == 2
    assert str(os.getpid()) in result.err


def test_a_full_disk_loses_nothing(train: Callable, small_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    train().ok()
    before = tensors(small_project, "main")

    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("textmill.train.checkpoint.write_tensors", full)
        result = train("--resume", "--train.steps=12")
    assert result.code == 2
    assert "disk is full" in result.err
    assert same(before, tensors(small_project, "main"))
    left = [path.name for path in (small_project.runs / "main" / "checkpoints").iterdir()]
    assert not [name for name in left if name.startswith(".tmp")]
    train("--resume", "--train.steps=12").ok()


def test_changed_text_is_noticed(
    train: Callable, small_project: Project, run_textmill: Callable, tmp_path: Path
) -> None:
    train().ok()
    other = tmp_path / "other.txt"
    other.write_text("Something else entirely. " * 200)
    run_textmill("corpus", "build", other, cwd=small_project.root).ok()
    result = train("--resume", "--train.steps=12")
    assert result.code == 2
    assert "has changed" in result.err


def test_too_little_text(run_textmill: Callable, project: Project, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("Just one line.")
    run_textmill("corpus", "build", tmp_path / "one.txt", cwd=project.root).ok()
    result = run_textmill("train", *SMALL, cwd=project.root)
    assert result.code == 2
    assert "too little text" in result.err


def test_without_a_corpus(run_textmill: Callable, project: Project) -> None:
    result = run_textmill("train", cwd=project.root)
    assert result.code == 2
    assert "textmill corpus build" in result.err


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_saves_and_says_how_to_go_on(
    name: str, code: int, train: Callable, small_project: Project, start_process: Callable
) -> None:
    process = start_process("train", *SMALL, "--train.steps=100000", cwd=small_project.root)
    events = small_project.runs / "main" / "events.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (events.exists() and events.read_text().count('"step"') > 20):
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "--resume" in err
    assert "Traceback" not in err
    last = read_events(small_project.runs / "main")[-1]
    assert last["type"] == "interrupt"
    step = list_checkpoints(small_project.runs / "main")[-1].step
    assert step == last["step"]
    result = train("--resume", f"--train.steps={step + 3}", "--json").ok().document
    assert result["step"] == step + 3


def test_a_time_budget_ends_in_time(train: Callable, small_project: Project) -> None:
    began = time.monotonic()
    result = train("--budget", "25s", "--json").ok().document
    assert result["step"] == result["total_steps"]
    events = read_events(small_project.runs / "main")
    factors = [event["learning_rate_factor"] for event in events if event["type"] == "step"]
    assert factors[-1] < 0.2  # the learning rate came down with the time
    assert time.monotonic() - began < 120  # it ends; how exactly is for the benchmark to say


def test_events_survive_a_torn_line_and_forget_what_was_done_again(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    for step in range(1, 6):
        log.write("step", step, loss=1.0)
    log.close()
    with open(tmp_path / "events.jsonl", "a") as file:
        file.write('{"type": "step", "st')
    log = EventLog(tmp_path)
    log.write("resume", 3)
    log.write("step", 4, loss=2.0)
    log.close()
    events = read_events(tmp_path)
    assert [(event["type"], event["step"]) for event in events] == [
        ("step", 1),
        ("step", 2),
        ("step", 3),
        ("resume", 3),
        ("step", 4),
    ]
    assert json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])["loss"] == 2.0


def test_events_of_a_run_that_was_killed_before_its_first_checkpoint_are_void(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    for kind, step in (("start", 0), ("step", 1), ("step", 2), ("start", 0), ("step", 1)):
        log.write(kind, step)
    log.close()
    assert [(event["type"], event["step"]) for event in read_events(tmp_path)] == [("start", 0), ("step", 1)]


def test_a_branch_goes_on_with_another_schedule_and_equals_the_run_that_had_it(
    train: Callable, small_project: Project
) -> None:
    """With warm-up over, the rate's path behind the branch is all that differs: none here, so the weights are equal."""
    words = ("--train.decay=0", "--train.warmup=0")
    train("--name", "long", *words, "--train.steps=12", "--checkpoint.keep=9").ok()
    short = train("--json", "--name", "short", "--branch", "long@4", "--train.steps=8").ok().document
    assert short["step"] == short["total_steps"] == 8
    events = read_events(small_project.runs / "short")
    assert events[0]["branch"] == "long@4"
    assert [event["step"] for event in events if event["type"] == "step"] == [5, 6, 7, 8]
    here, there = (small_project.runs / name / "checkpoints/step-00000008" for name in ("short", "long"))
    one, two = (load_file(folder / "model.safetensors") for folder in (here, there))
    assert same(one, two)
    train("--name", "falling", "--branch", "long@4", "--train.steps=8", "--train.decay=0.5").ok()
    assert not same(one, load_file(small_project.runs / "falling/checkpoints/step-00000008/model.safetensors"))
    train("--name", "falling", "--resume", "--train.steps=9").ok()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--branch", "main@3"), "main"),
        (("--branch", "nowhere"), "nowhere"),
        (("--branch", "main@4", "--train.steps=4"), "train.steps above 4"),
        (("--branch", "main@4", "--budget", "10s"), "--budget"),
        (("--branch", "main@4", "--train.steps=9", "--model.width=64"), "model.width"),
    ],
)
def test_branches_that_cannot_be(train: Callable, words: tuple[str, ...], told: str) -> None:
    train().ok()
    result = train("--name", "other", *words)
    assert result.code == 2
    assert told in result.err


def test_the_newest_the_best_and_every_so_many_stay(
    train: Callable, small_project: Project, monkeypatch: pytest.MonkeyPatch, run_textmill: Callable
) -> None:
    from textmill.evaluate.bits_per_byte import BitsPerByte
    from textmill.train import loop

    scores = iter([5.0, 2.0, 4.0, 3.0, 3.5, 6.0])

    def measure(*_: object, **__: object) -> BitsPerByte:
        return BitsPerByte(bits=1.0, value=next(scores), low=0.0, high=9.0, documents=1, bytes=1, tokens=1)

    monkeypatch.setattr(loop, "measure", measure)
    train("--train.steps=12", "--checkpoint.every=2", "--evaluate.every=2", "--checkpoint.keep_every=6").ok()
    folder = small_project.runs / "main"
    assert [found.step for found in list_checkpoints(folder)] == [4, 6, 10, 12]
    assert json.loads((folder / "best.json").read_text()) == {"step": 4, "bits_per_byte": 2.0}

    def written_by(model: str) -> str:
        words = ("--model", model, "--generate.max_tokens=8", "--generate.seed=1")
        return run_textmill("generate", "Mina", *words, cwd=small_project.root).ok().out

    assert written_by("main@best") == written_by("main@4")
    assert written_by("main@latest") == written_by("main")
    shutil.rmtree(folder / "checkpoints" / "step-00000004")
    assert run_textmill("generate", "Mina", "--model", "main@best", cwd=small_project.root).code == 2


def test_what_the_bits_depend_on_is_recorded_and_a_change_is_told(train: Callable, small_project: Project) -> None:
    from textmill.checkpoints import write_checksums

    train("--train.steps=4").ok()
    newest = list_checkpoints(small_project.runs / "main")[-1].folder
    state = json.loads((newest / "state.json").read_text())
    assert {"textmill", "code", "torch", "python", "processor"} == state["versions"].keys()
    assert {"device", "precision", "compile", "threads"} <= state["fixed"].keys()
    state["versions"]["torch"] = "1.0"
    (newest / "state.json").write_text(json.dumps(state))
    write_checksums(newest)
    result = train("--resume", "--train.steps=5").ok()
    assert "torch 1.0" in result.err
    assert "code" not in result.err
