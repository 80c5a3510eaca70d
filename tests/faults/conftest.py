"""What the tests of faults share: a project ready to train, and the table of what was done and what came of it."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_run import SMALL, make_project

from textmill.project import Project

TABLE: list[tuple[str, str, str]] = []


@pytest.fixture
def fault_table() -> Callable[..., None]:
    """Notes a row of the table: what was done, how often, what came of it."""

    def note(fault: str, count: int, outcome: object) -> None:
        shown = outcome if isinstance(outcome, str) else json.dumps(outcome, ensure_ascii=False)
        TABLE.append((fault, str(count), shown))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TABLE:
        terminalreporter.section("faults")
        for fault, count, outcome in TABLE:
            terminalreporter.write_line(f"{fault} | {count} | {outcome}")


@pytest.fixture(scope="module")
def ready_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with tokens and a run `main` at step 8 of 12, checkpoints at 4 and 8."""
    from textmill.checkpoints import list_checkpoints
    from textmill.cli.main import main

    project = make_project(tmp_path_factory.mktemp("faults"))
    words = ("--train.average=0.9", "--train.steps=12", "--checkpoint.keep=3", "--project", str(project.root))
    assert main(["train", *SMALL, *words]) == 0
    shutil.rmtree(list_checkpoints(project.runs / "main")[-1].folder)
    return project.root


@pytest.fixture
def hurt_project(ready_project: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of it, to be damaged."""
    folder = tmp_path / "hurt"
    shutil.copytree(ready_project, folder)
    yield Project(root=folder)
    shutil.rmtree(folder)
