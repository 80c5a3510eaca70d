"""The settings of a small run, and a project for it."""

import json
import random
from pathlib import Path

from textmill.project import Project

SMALL = (
    "--train.steps=8",
    "--train.batch_tokens=256",
    "--train.compile=off",
    "--train.threads=1",
    "--model.layers=2",
    "--model.width=32",
    "--model.heads=2",
    "--model.context=32",
    "--checkpoint.every=4",
    "--evaluate.every=4",
    "--evaluate.sample_every=0",
    "--evaluate.tokens=512",
)
"""A run that is over in a second or two."""


def sentences(seed: int, count: int) -> str:
    """Returns made-up text with some order in it."""
    choose = random.Random(seed).choice
    names, verbs = ["Mina", "Otto", "the cat", "米娜", "小猫"], ["sees", "likes", "finds", "看见了", "喜欢"]
    return " ".join(f"{choose(names)} {choose(verbs)} {choose(names)}." for _ in range(count))


def make_project(folder: Path) -> Project:
    """Makes a project in `folder` with a corpus and a tokenizer."""
    from textmill.cli.main import main

    root = folder / "project"
    texts = folder / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": sentences(seed, 30)}) + "\n" for seed in range(60)))
    assert main(["new", str(root)]) == 0
    assert main(["corpus", "build", str(texts), "--project", str(root)]) == 0
    assert main(["tokenizer", "train", "--tokenizer.vocabulary_size=400", "--project", str(root)]) == 0
    return Project(root=root)
