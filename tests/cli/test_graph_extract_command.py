"""textmill graph extract and graph merge from the command line, with a tiny model."""

from collections.abc import Callable
from typing import Any

import pytest
from extracting import TOWN
from small_tuning import model_folder

from textmill.project import Project

Run = Callable[..., Any]


@pytest.fixture
def notes(project: Project) -> Project:
    (project.root / "notes").mkdir()
    (project.root / "notes/a.md").write_text("Riverton was founded in 1820.\n")
    (project.root / "town.toml").write_text(TOWN, encoding="utf-8")
    model_folder(project.models / "tiny")
    return project


def test_documents_are_read_kept_and_forgotten(notes: Project, run_textmill: Run) -> None:
    words = ("graph", "extract", "notes", "--json", "--model", "models/tiny")
    assert run_textmill(*words, cwd=notes.root).code == 2, "no schema yet"
    done = run_textmill(*words, "--schema", "town.toml", cwd=notes.root).ok().document
    assert (done["read"], done["stored"], done["asked"]) == (1, 1, 1)
    again = run_textmill("graph", "extract", "notes", "--model", "nowhere", "--json", cwd=notes.root).ok().document
    assert (again["read"], again["asked"]) == (0, 0), "nothing changed, so no model is opened"
    unsure = run_textmill(*words, "--confidence", "1", cwd=notes.root).ok().document
    assert (unsure["asked"], unsure["statements"]) == (0, 0)
    (notes.root / "notes/a.md").unlink()
    assert run_textmill(*words, "--forget", cwd=notes.root).ok().document["gone"] == 1
    assert "1 个文件" not in run_textmill("graph", "extract", "notes", "--ui-language", "zh", cwd=notes.root).ok().out
    assert run_textmill(*words, "--confidence", "7", cwd=notes.root).code == 2


def test_merges_are_listed_and_wrong_ones_refused(notes: Project, run_textmill: Run) -> None:
    assert run_textmill("graph", "merge", cwd=notes.root).code == 2
    run_textmill("graph", "extract", "notes", "--schema", "town.toml", "--model", "models/tiny", cwd=notes.root).ok()
    assert run_textmill("graph", "merge", "--json", cwd=notes.root).ok().document["merges"] == []
    for wrong in (("only one",), ("--undo", "3"), ("a", "b", "--all")):
        assert run_textmill("graph", "merge", *wrong, cwd=notes.root).code == 2
