"""What takes for ever is ended with where it stands; what goes on, however slowly, is left alone."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from textmill.checkpoints import list_checkpoints
from textmill.errors import TrainingError
from textmill.project import Project
from textmill.train.batches import TokenStream
from textmill.train.stalls import StallWatch


def test_a_wait_without_end_raises_with_where() -> None:
    watch = StallWatch(0.3)
    with pytest.raises(TrainingError) as caught, watch.watching(), watch.doing("data"):
        time.sleep(600)
    assert caught.value.key == "train.stalled"
    assert caught.value.values["what"] == "data"
    assert "test_stalls.py" in str(caught.value.values["where"])


def test_what_goes_on_is_left_alone() -> None:
    watch = StallWatch(0.5)
    with watch.watching(), watch.doing("step"):
        for _ in range(8):
            with watch.doing("data"):
                time.sleep(0.15)
    with StallWatch(0.0).watching():
        pass


def test_the_inner_blocks_time_is_not_the_outer_ones() -> None:
    watch = StallWatch(0.4)
    with pytest.raises(TrainingError) as caught, watch.watching(), watch.doing("step"):
        with watch.doing("data"):
            time.sleep(0.1)
        time.sleep(600)
    assert caught.value.values["what"] == "step"


def test_a_wait_that_no_signal_reaches_ends_the_process() -> None:
    code = (
        "import signal, time\\nfrom textmill.train.stalls import SIGNAL, StallWatch\\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {SIGNAL})\\nwatch = StallWatch(0.3, grace=0.3)\\n"
        "with watch.watching(), watch.doing('data'):\\n    time.sleep(600)\\n"
    ).replace("\\n", "\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 2
    assert "data" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_whose_data_does_not_come_stops_and_keeps_what_it_has(
    train: Callable, small_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = TokenStream.batch, []

    def slow(*arguments: Any) -> Any:
        asked.append(None)
        if len(asked) > 6:
            time.sleep(600)
        return read(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(TokenStream, "batch", slow)
        done = train("--name", "held", "--train.stall_seconds=1")
    assert done.code == 2
    assert "data" in done.err
    assert "test_stalls.py" in done.err
    assert "Traceback" not in done.err
    assert [found.step for found in list_checkpoints(small_project.runs / "held")] == [4]
    train("--name", "held", "--resume").ok()
    assert [found.step for found in list_checkpoints(small_project.runs / "held")][-1] == 8
