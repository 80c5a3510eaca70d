"""A small project with a corpus, a tokenizer and tokens, made once; tests get copies."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_run import SMALL

from textmill.project import Project


def sentences(seed: int, count: int) -> str:
    """Returns made-up text with some order in it."""
    choose = random.Random(seed).choice
    names, verbs = ["Mina", "Otto", "the cat", "米娜", "小猫"], ["sees", "likes", "finds", "看见了", "喜欢"]
    return " ".join(f"{choose(names)} {choose(verbs)} {choose(names)}." for _ in range(count))


@pytest.fixture(scope="session")
def made_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from textmill.cli.main import main

    root = tmp_path_factory.mktemp("training") / "project"
    texts = root.parent / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": sentences(seed, 30)}) + "\n" for seed in range(60)))
    assert main(["new", str(root)]) == 0
    assert main(["corpus", "build", str(texts), "--project", str(root)]) == 0
    assert main(["tokenizer", "train", "--tokenizer.vocabulary_size=400", "--project", str(root)]) == 0
    return root


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
