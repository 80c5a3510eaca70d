"""Suites on the way: events with intervals, the same weights as without them, errors before the first step."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from textmill.checkpoints import list_checkpoints
from textmill.project import Project
from textmill.train.events import read_events

SUITES = ("--evaluate.suites=piqa,lambada", "--evaluate.suite_every=4", "--evaluate.suite_items=5")


@pytest.fixture
def with_suites(small_project: Project) -> Project:
    folder = small_project.root / "suites"
    folder.mkdir()
    rows = [{"goal": f"g{n}", "sol1": "see", "sol2": "finds it", "label": n % 2} for n in range(9)]
    (folder / "piqa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rows = [{"context": f"Mina sees {n}", "continuation": "Otto"} for n in range(4)]
    (folder / "lambada.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return small_project


def weights(project: Project, name: str) -> dict[str, torch.Tensor]:
    return load_file(list_checkpoints(project.runs / name)[-1].folder / "model.safetensors")


@pytest.mark.parametrize("more", [(), ("--train.average=0.9", "--model.dropout=0.2")], ids=["plain", "averaged"])
def test_they_change_nothing(with_suites: Project, train: Callable, more: tuple[str, ...]) -> None:
    train("--name=without", *more).ok()
    done = train("--name=with", *SUITES, *more).ok()
    one, other = weights(with_suites, "without"), weights(with_suites, "with")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    told = [event for event in read_events(with_suites.runs / "with") if event["type"] == "suite"]
    assert [(event["step"], event["suite"], event["n"]) for event in told] == [
        *((4, "piqa", 5), (4, "lambada", 4)),
        *((8, "piqa", 5), (8, "lambada", 4)),
    ]
    assert all(0 <= event["low"] <= event["value"] <= event["high"] <= 1 for event in told)
    assert "piqa" in done.err
    assert "piqa" in Path(with_suites.runs / "with" / "report.html").read_text(encoding="utf-8")


def test_what_is_missing_is_told_before_the_first_step(small_project: Project, train: Callable) -> None:
    for suite, code in (("piqa", "evaluate.suite_missing"), ("gsm8k", "evaluate.no_training_suite")):
        done = train(f"--evaluate.suites={suite}", "--json")
        assert (done.code, done.document["error"]["code"]) == (2, code)
    assert not (small_project.runs / "main").exists() or not list_checkpoints(small_project.runs / "main")
