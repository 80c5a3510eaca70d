"""The end of the quickstart: conversations are written, the model is tuned on them, and a few turns are shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_run import SMALL, make_project

from textmill.cli import quickstart_chat
from textmill.cli.command import Context
from textmill.config import Settings


@pytest.mark.slow
def test_the_model_learns_to_answer(
    tmp_path: Path,
    run_textmill: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = make_project(tmp_path)
    run_textmill("train", *SMALL, "--model.context", "256", "--train.batch_tokens", "1024", cwd=project.root).ok()
    monkeypatch.setattr(quickstart_chat, "ROWS_A_MINUTE", 80)
    settings = Settings().replace({"train.compile": "off", "train.threads": 1})
    context = Context(settings=settings, project=project)
    chats = quickstart_chat.write_chats(context, project, 1.0)
    assert chats["what"] == {"rows": 80}
    tuned = quickstart_chat.tune(context, project, 15.0)
    assert tuned["what"]["steps"] >= 1
    again = quickstart_chat.tune(context, project, 15.0)
    assert again["what"]["steps"] == tuned["what"]["steps"]
    told = quickstart_chat.talk(project)
    assert [one["language"] for one in told["talks"]] == ["en", "zh"]
    for one in told["talks"]:
        asked = [message["content"] for message in one["messages"] if message["role"] == "user"]
        assert tuple(asked) == quickstart_chat.TALKS[one["language"]]
        assert len(one["messages"]) == 2 * len(asked)
    capsys.readouterr()
    quickstart_chat.show_talks(context, told["talks"])
    assert "> 你好！你会做什么？" in capsys.readouterr().out


def test_little_is_kept_of_little_time() -> None:
    assert quickstart_chat.kept_back(1) < 35
    assert quickstart_chat.kept_back(10) == pytest.approx(105)
