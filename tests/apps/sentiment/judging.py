"""What tests of sentiment share: reviews made of words that say how they are meant, and a project with a tiny model."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

from small_tuning import model_folder

from textmill.cli.new import make_project
from textmill.config import Settings
from textmill.project import Project

GOOD = ("lovely", "great", "friendly", "clean", "tasty")
BAD = ("awful", "rude", "dirty", "cold", "boring")
THINGS = ("room", "staff", "breakfast", "film", "hotel")


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Returns different (text, label), as many of each label."""
    draw = random.Random(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        label, words = (("negative", BAD), ("positive", GOOD))[len(found) % 2]
        said = [f"the {draw.choice(THINGS)} was {draw.choice(words)}" for _ in range(draw.randint(1, 3))]
        found.setdefault(f"{', and '.join(said)} ({draw.randint(1, 999)})", label)
    return list(found.items())


def write_csv(file: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = ("text", "label")) -> Path:
    """Writes a table."""
    with open(file, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return file


def project_with_model(folder: Path) -> Project:
    """Returns a project whose models/tiny is a random model."""
    project = make_project(folder, Settings())
    model_folder(project.models / "tiny")
    return project
