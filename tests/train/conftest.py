"""A small project with a corpus, a tokenizer and tokens, made once; tests get copies."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_run import SMALL, make_project

from textmill.project import Project


@pytest.fixture(scope="session")
def made_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("training")).root


@pytest.fixture
def small_project(made_project: Path, tmp_path: Path) -> Project:
    """A project of one's own, ready to train."""
    shutil.copytree(made_project, tmp_path / "small")
    return Project(root=tmp_path / "small")


@pytest.fixture
def train(small_project: Project, run_textmill: Callable) -> Callable:
    """Runs ``textmill train`` with the small settings and the given ones."""

    def run(*words: str, **more):
        return run_textmill("train", *SMALL, *words, cwd=small_project.root, **more)

    return run
