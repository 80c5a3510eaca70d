"""How a signal ends a run: soon, saved, and with nothing lost when it goes on."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from textmill.checkpoints import list_checkpoints
from textmill.project import Project
from textmill.train import loop
from textmill.train.events import has_ended, read_events
from textmill.train.stopping import Left, Stop


def weights(project: Project, name: str) -> dict[str, torch.Tensor]:
    return load_file(list_checkpoints(project.runs / name)[-1].folder / "model.safetensors")


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def test_a_step_of_many_micro_batches_is_left_and_done_again(
    train: Callable, small_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--train.micro_batch=2", "--checkpoint.every=100")
    train("--name", "whole", *words).ok()
    read, calls = loop.TokenStream.batch, []

    def batch(*arguments: Any) -> Any:
        calls.append(None)
        if len(calls) == 11:  # the third micro-batch of the third step
            os.kill(os.getpid(), signal.SIGTERM)
        return read(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop.TokenStream, "batch", batch)
        assert train("--name", "parts", *words).code == 143
    assert len(calls) == 11, "the fourth micro-batch of the step was not waited for"
    assert [found.step for found in list_checkpoints(small_project.runs / "parts")] == [2]
    assert not has_ended(small_project.runs / "parts")
    train("--name", "parts", "--resume", *words).ok()
    assert same(weights(small_project, "whole"), weights(small_project, "parts"))


@pytest.mark.parametrize("step", [4, 8], ids=["on_the_way", "at_the_end"])
def test_an_evaluation_is_left_and_the_last_one_made_up_for(
    step: int, train: Callable, small_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, asked = loop.measure, []

    def slow(*arguments: Any, **more: Any) -> Any:
        asked.append(None)
        if len(asked) * 4 == step:
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("the signal did not cut it short")
        return measure(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "measure", slow)
        assert train().code == 143
    folder = small_project.runs / "main"
    assert [event["type"] for event in read_events(folder)][-2:] == ["checkpoint", "interrupt"]
    assert list_checkpoints(folder)[-1].step == step
    assert train("--resume", "--json").ok().document["bits_per_byte"] > 0
    assert has_ended(folder)
    assert "done" in train("--resume").ok().out


def test_a_checkpoint_on_its_way_is_there_when_an_error_ends_the_run(
    train: Callable, small_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "measure", lambda *_, **__: 1 // 0)
    assert train().code == 1
    assert [found.step for found in list_checkpoints(small_project.runs / "main")] == [4]


def test_written_in_the_background_or_not_it_is_the_same(train: Callable, small_project: Project) -> None:
    train("--name", "apart", "--checkpoint.every=1").ok()
    train("--name", "waits", "--checkpoint.every=1", "--checkpoint.in_background=false").ok()
    for name in ("model", "optimizer"):
        files = [
            small_project.runs / run / f"checkpoints/step-00000007/{name}.safetensors" for run in ("apart", "waits")
        ]
        assert files[0].read_bytes() == files[1].read_bytes()
    written = [event for event in read_events(small_project.runs / "apart") if event["type"] == "checkpoint"]
    assert [event["step"] for event in written] == list(range(1, 9))


def test_work_is_left_once_and_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    stop = Stop()
    with stop.listening():
        with pytest.raises(Left), stop.leaves():
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.signal == "SIGINT"
        with pytest.raises(Left), stop.leaves():
            raise AssertionError("nothing more is begun")
        with pytest.raises(Left):
            stop.leave_if_asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_run_whose_last_save_is_gone_makes_it_again(train: Callable, small_project: Project) -> None:
    train("--name", "whole").ok()
    train("--name", "parts").ok()
    shutil.rmtree(list_checkpoints(small_project.runs / "parts")[-1].folder)
    train("--name", "parts", "--resume").ok()
    assert same(weights(small_project, "whole"), weights(small_project, "parts"))
