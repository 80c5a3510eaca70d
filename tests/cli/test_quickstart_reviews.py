"""The quickstart's last stage: a judge of Little World's reviews, on the model of a short run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_run import SMALL, make_project

from textmill.cli import quickstart_reviews
from textmill.cli.command import Context
from textmill.config import Settings
from textmill.data.little_world import make_little_world


@pytest.mark.slow
def test_held_out_reviews_are_judged(
    tmp_path: Path,
    run_textmill: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = make_project(tmp_path)
    run_textmill("train", *SMALL, cwd=project.root).ok()
    make_little_world(project.root / "raw", seed=0, megabytes=1.0)
    monkeypatch.setattr(quickstart_reviews, "ROWS", 60)
    monkeypatch.setattr(quickstart_reviews, "HELD_OUT", 40)
    context = Context(settings=Settings(), project=project)
    told = quickstart_reviews.judge(context, project)
    assert told["what"]["rows"] <= 40 and told["what"]["right"] > 0.4  # three labels
    assert {"label", "probabilities", "set", "right"} <= set(told["reviews"][0])
    assert quickstart_reviews.judge(context, project)["what"] == told["what"]
    capsys.readouterr()
    quickstart_reviews.show(context, told)
    shown = capsys.readouterr().out
    assert shown.count(">") >= len(told["reviews"]) and "%" in shown
