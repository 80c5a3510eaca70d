"""`textmill runs show|compare|plot|export` and the report: what they say is what the events hold."""

import json
import re
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from small_run import SMALL

from textmill.project import Project
from textmill.train.events import EventLog, read_events
from textmill.train.record import Record, read_record, smoothed
from textmill.train.run_report.gather import Prices, costs, gather


@pytest.fixture(scope="module")
def looked_at(made_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with two runs that are done."""
    from textmill.cli.main import main

    root = tmp_path_factory.mktemp("looking") / "project"
    shutil.copytree(made_project, root)
    more = ("--evaluate.sample_every=4", "--evaluate.sample_tokens=5", "--project", str(root))
    assert main(["train", *SMALL, *more]) == 0
    assert main(["train", *SMALL, "--name", "other", "--train.optimizer=adamw", "--train.steps=6", *more]) == 0
    return Project(root=root)


@pytest.fixture
def ask(looked_at: Project, run_textmill: Callable) -> Callable:
    return lambda *words, **more: run_textmill(*words, cwd=looked_at.root, **more)


def test_show_says_what_the_events_hold(ask: Callable, looked_at: Project) -> None:
    found = ask("runs", "show", "main", "--json").ok().document
    events = read_events(looked_at.runs / "main")
    assert found["state"] == "done"
    assert found["step"] == 8 and found["total_steps"] == 8
    assert found["tokens"] == 8 * 256
    assert found["epochs"] == pytest.approx(8 * 256 / events[0]["text"]["epoch_tokens"])
    assert found["held_out"] == [e["bits_per_byte"] for e in events if e["type"] == "evaluation"][-1]
    assert found["settings"]["model.width"] == 32
    assert "train.optimizer" not in found["settings"]
    assert len(found["samples"]) == 2
    shown = ask("runs", "show").ok().out
    assert "other" in shown and "train.optimizer=adamw" in shown
    assert "训练" in ask("runs", "show", "--ui-language", "zh").ok().out


def test_compare_at_equal_work_and_by_settings(ask: Callable, looked_at: Project) -> None:
    found = ask("runs", "compare", "main", "other", "--json").ok().document
    by_tokens = next(row for row in found["equal"] if row["axis"] == "tokens")
    assert by_tokens["at"] == 6 * 256
    losses = [e["bits_per_byte"] for e in read_events(looked_at.runs / "main") if e["type"] == "step"]
    assert min(losses[:6]) <= by_tokens["bits_per_byte"]["main"] <= max(losses[:6])
    assert found["settings"]["train.optimizer"] == {"main": None, "other": "adamw"}
    assert "model.width" not in found["settings"], "the same in both"
    assert "adamw" in ask("runs", "compare").ok().out


def test_plot_as_text_svg_and_png(ask: Callable, looked_at: Project, tmp_path: Path) -> None:
    assert "A = main" in ask("runs", "plot", "main", "other", "--by", "tokens").ok().out
    points = (
        ask("runs", "plot", "main", "--smooth", "0", "--quantity", "loss", "--json")
        .ok()
        .document["series"][0]["points"]
    )
    steps = [e for e in read_events(looked_at.runs / "main") if e["type"] == "step"]
    assert points == [[e["step"], e["loss"]] for e in steps]
    ask("runs", "plot", "main", "--out", tmp_path / "a.svg").ok()
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    pytest.importorskip("matplotlib")
    ask("runs", "plot", "main", "other", "--quantity", "held_out", "--out", tmp_path / "a.png").ok()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "nope"), "main, other"),
        (("show", "../main"), "main, other"),
        (("plot", "--out", "a.pdf"), ".svg or .png"),
        (("plot", "--smooth", "1"), "--smooth"),
        (("plot", "--quantity", "beauty"), "held_out"),
        (("compare", "main"), "two runs"),
        (("export", "--to", "paper"), "tensorboard"),
    ],
)
def test_what_cannot_be_shown(ask: Callable, words: tuple[str, ...], told: str) -> None:
    result = ask("runs", *words)
    assert result.code == 2
    assert told in result.err


def test_a_missing_extra_names_its_pip_line(ask: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    for name in ("matplotlib", "wandb"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "textmill[plots]" in ask("runs", "plot", "main", "--out", tmp_path / "a.png").err
    assert "textmill[wandb]" in ask("runs", "export", "main", "--to", "wandb", "--out", tmp_path).err


def test_tensorboard_has_the_curve(ask: Callable, looked_at: Project, tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = ask("runs", "export", "main", "--to", "tensorboard", "--out", tmp_path, "--json").ok().document
    events = reader.EventAccumulator(str(tmp_path / "main")).Reload()
    steps = [e for e in read_events(looked_at.runs / "main") if e["type"] == "step"]
    curve = events.Scalars("train/loss")
    assert [(point.step, point.value) for point in curve] == [(e["step"], pytest.approx(e["loss"])) for e in steps]
    assert [point.wall_time for point in curve] == [pytest.approx(e["time"]) for e in steps]
    assert found["events"] == len(steps) + 2


def test_weights_and_biases_stays_offline(ask: Callable, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    ask("runs", "export", "main", "--to", "wandb", "--out", tmp_path).ok()
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


def test_trackio_keeps_its_database_here(ask: Callable, tmp_path: Path) -> None:
    import sqlite3

    if find_spec("trackio") is None:  # importing it here would have it look for its folder already
        pytest.skip("needs trackio")
    ask("runs", "export", "main", "--to", "trackio", "--out", tmp_path).ok()
    (database,) = tmp_path.rglob("*.db")
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select metrics from metrics where run_name = 'main' order by step").fetchall()
    values = [json.loads(row[0]) for row in rows]
    assert sum("train/loss" in value for value in values) == 8


def test_following_a_run_hands_over_what_comes_later(tmp_path: Path) -> None:
    from textmill.train.exporters import export

    log = EventLog(tmp_path)
    log.write("step", 1, loss=1.0)
    got: list[tuple[int, float]] = []

    class Target:
        def scalars(self, values: dict[str, float], step: int, seconds: float) -> None:
            got.append((step, values["train/loss"]))

        def text(self, name: str, text: str, step: int) -> None:
            raise AssertionError

    def wait(seconds: float) -> None:
        log.write("step", len(got) + 1, loss=2.0)
        if len(got) == 2:
            log.write("end", 3)

    count = export(Record(folder=tmp_path, events=read_events(tmp_path)), Target(), follow=True, wait=wait)
    log.close()
    assert got == [(1, 1.0), (2, 2.0), (3, 2.0)]
    assert count == 3


def test_the_report_is_written_at_the_end_and_stands_alone(ask: Callable, looked_at: Project, tmp_path: Path) -> None:
    page = (looked_at.runs / "main" / "report.html").read_text()
    assert "<svg" in page and "One morning" in page
    assert not re.search(r"(src|href)=\"(?!#)", page)
    words = ("report", "run", "main", "--out", tmp_path / "r.html", "--watts", "100", "--price-per-kwh", "0.5")
    found = ask(*words, "--json", "--ui-language", "zh").ok().document
    assert "训练报告" in (tmp_path / "r.html").read_text()
    assert found["costs"]["cost"] == pytest.approx(found["seconds"] / 3600 * 0.1 * 0.5)
    assert not found["costs"]["guessed"]
    used = found["utilisation"]
    assert used["mfu"] == pytest.approx(used["rate"] * used["flops_a_token"] / used["peak"])
    assert ask("report", "run", "--watts", "-1").code == 2


def test_costs_and_smoothing() -> None:
    found = costs(7200.0, {"device": "cpu", "threads": 4}, Prices(an_hour=1.5))
    assert found["guessed"] and found["watts"] == 40.0
    assert found["kilowatt_hours"] == pytest.approx(0.08)
    assert found["cost"] == pytest.approx(3.0)
    assert costs(60.0, {"device": "cuda", "name": "NVIDIA H100"}, Prices())["watts"] == 700
    assert costs(60.0, {}, Prices())["cost"] is None
    assert smoothed([(0.0, 2.0), (1.0, 2.0), (2.0, 2.0)], 0.9) == [(x, pytest.approx(2.0)) for x in (0.0, 1.0, 2.0)]


def test_a_run_that_has_just_begun_can_be_looked_at(tmp_path: Path, looked_at: Project) -> None:
    events = read_events(looked_at.runs / "main")
    for count in (1, 2, 5):
        found = gather(Record(folder=tmp_path / "new", events=events[:count]), Prices())
        assert found["done"] is False
    from textmill.train.run_report.page import run_page

    assert "new" in run_page(Record(folder=tmp_path / "new", events=events[:1]))
    assert read_record(looked_at.runs, "main").best["bits_per_byte"] > 0
