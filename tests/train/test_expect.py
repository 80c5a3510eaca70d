"""Memory and time before a run starts: measured in a process of its own, drawn on, made to fit."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

import pytest

from textmill.config import Settings
from textmill.errors import ResourceError, TrainingError
from textmill.project import Project
from textmill.train import expect
from textmill.train.kernels import Kernels
from textmill.train.trial import Trial, try_out

KERNELS = Kernels(device="cpu", precision="fp32", compile=False, threads=1)
TRIAL = Trial(
    base_bytes=2e8, peak_bytes=6e8, state_bytes=1e8, device_bytes=0.0, micro_seconds=0.5, update_seconds=0.1,
    forward_seconds=0.2,
)  # fmt: skip


def settings(**changes: object) -> Settings:
    small = {"model.layers": 2, "model.width": 32, "model.heads": 2, "model.context": 64, "train.steps": 100}
    more = {"train.batch_tokens": 512, "train.micro_batch": 4, "evaluate.every": 50, "evaluate.tokens": 256}
    return Settings().replace(small | more | {name.replace("__", "."): value for name, value in changes.items()})


def test_time_is_steps_and_looks_and_saves() -> None:
    expected = expect.of_trial(TRIAL, settings(checkpoint__every=50), KERNELS, data_tokens=10_000)
    step = 2 * 0.5 + 0.1
    looks = (100 // 50 + 4) * 2 * 256 / 256 * 0.2
    assert expected.seconds == pytest.approx(expect.START_SECONDS + 100 * step + looks + 3 * 0.1)
    assert expected.tokens_per_second == pytest.approx(512 / step)
    assert expected.memory_bytes == 6e8 + 1e8 + 2 * 10_000
    waiting = expect.of_trial(TRIAL, settings(checkpoint__in_background=False), KERNELS, data_tokens=10_000)
    assert waiting.memory_bytes == 6e8 + 2 * 10_000


def test_layers_are_a_straight_line() -> None:
    four = Trial(**{name: value + 2 for name, value in asdict(TRIAL).items()})
    assert TRIAL.drawn_on(four, 7).peak_bytes == 6e8 + 5
    assert TRIAL.drawn_on(four, 2) == TRIAL


def test_what_does_not_fit_is_made_smaller_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, bool]] = []

    def trial(given: Settings, *rest: object) -> Trial:
        asked.append((given.train.micro_batch, given.train.activation_checkpointing))
        peak = 1e8 * given.train.micro_batch / (3 if given.train.activation_checkpointing else 1)
        return Trial(**asdict(TRIAL) | {"peak_bytes": peak, "state_bytes": 5e7})

    monkeypatch.setattr(expect, "try_out", trial)
    changes, expected = expect.fit(settings(), KERNELS, 300, 100, available=2.8e8)
    assert changes == {"train.micro_batch": 2}
    assert expected.memory_bytes <= 0.9 * 2.8e8
    changes, _ = expect.fit(settings(), KERNELS, 300, 100, available=1e8)
    assert changes == {"train.micro_batch": 1, "train.activation_checkpointing": True}
    changes, _ = expect.fit(settings(), KERNELS, 300, 100, available=4e7)
    assert changes["checkpoint.in_background"] is False
    with pytest.raises(TrainingError) as caught:
        expect.fit(settings(), KERNELS, 300, 100, available=1e7)
    assert caught.value.key == "train.does_not_fit"


def test_a_trial_measures_a_process_of_its_own() -> None:
    held = bytearray(600_000_000)  # what this process holds does not count
    held[::4096] = b"x" * len(held[::4096])
    small = try_out(settings(), KERNELS, 300, seconds=0.1)
    large = try_out(settings(model__width=256, model__heads=4, train__micro_batch=32), KERNELS, 8192, seconds=0.1)
    assert 1e8 < small.base_bytes < small.peak_bytes < large.peak_bytes
    assert large.state_bytes > small.state_bytes
    assert min(large.micro_seconds, large.forward_seconds) > 0
    assert small.peak_bytes < len(held)


def test_a_trial_that_ends_badly_is_one_clear_error() -> None:
    with pytest.raises(ResourceError) as caught:
        try_out(settings(model__width=1 << 20, model__heads=1 << 14, model__layers=1), KERNELS, 1 << 17, seconds=0.1)
    assert caught.value.key == "train.trial"


@pytest.mark.slow
def test_the_memory_of_a_real_run_is_as_predicted(small_project: Project) -> None:
    words = ["--model.layers=4", "--model.width=256", "--model.heads=4", "--model.context=128"]
    words += ["--train.batch_tokens=4096", "--train.steps=12", "--train.compile=off", "--checkpoint.every=4"]
    code = (
        "import sys\nfrom textmill.cli.main import main\nfrom textmill.train.trial import peak_bytes\n"
        "main(sys.argv[1:])\nprint(int(peak_bytes()), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", code, "train", *words]
    done = subprocess.run(command, cwd=small_project.root, capture_output=True, text=True, check=False)
    real = int(done.stderr.strip().splitlines()[-1])
    from textmill.tokenizer.tokenizer import Tokenizer
    from textmill.train.kernels import choose_kernels

    given = Settings().replace(
        {"model.layers": 4, "model.width": 256, "model.heads": 4, "model.context": 128, "train.batch_tokens": 4096,
         "train.steps": 12, "train.compile": "off", "checkpoint.every": 4}
    )  # fmt: skip
    size = Tokenizer.load(small_project.tokenizer).vocabulary_size
    expected = expect.expect(given, choose_kernels(given, "cpu"), size, 10_000)
    assert expected.memory_bytes == pytest.approx(real, rel=0.1)


@pytest.mark.slow
def test_a_sweep_from_the_command_line(small_project: Project, run_textmill: Callable) -> None:
    words = ("--model.context=32", "--budget=20s", "--sizes=2", "--evaluate.tokens=512", "--train.threads=1")
    words += ("--train.compile=off",)  # its trainings are of a second or two
    result = run_textmill("sweep", *words, "--json", cwd=small_project.root).ok().document
    assert len(result["points"]) == 6
    assert all(point["bits_per_byte"] > 0 for point in result["points"])
    assert len({point["tokens"] for point in result["points"]}) >= 3
    assert (small_project.root / "sweeps/sweep/scaling.svg").is_file()
    again = run_textmill("sweep", *words, "--json", cwd=small_project.root).ok().document
    assert again["points"] == result["points"], "nothing is trained twice"
    planned = run_textmill("plan", "--budget=2m", "--json", cwd=small_project.root).ok().document
    assert planned["memory_bytes"] > 1e8
    too_short = run_textmill("sweep", "--name=other", "--budget=1s", "--sizes=4", cwd=small_project.root)
    assert too_short.code == 2
