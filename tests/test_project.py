import pytest

from textmill.errors import ProjectError
from textmill.project import SETTINGS_FILE, Project, find_project, require_project


def test_found_from_any_folder_inside(tmp_path):
    (tmp_path / SETTINGS_FILE).write_text("")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_project(deep) == find_project(tmp_path) == Project(root=tmp_path)


def test_the_nearest_one_wins(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    for folder in (tmp_path, inner):
        (folder / SETTINGS_FILE).write_text("")
    assert find_project(inner) == Project(root=inner)


def test_a_folder_of_that_name_is_no_project(tmp_path):
    (tmp_path / SETTINGS_FILE).mkdir()
    assert find_project(tmp_path) is None


def test_none_here_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError) as caught:
        require_project(find_project(tmp_path))
    assert "textmill new" in caught.value.parts()["next"]
    assert str(tmp_path) in caught.value.parts()["expected"]


def test_each_stage_has_its_folder(tmp_path):
    project = Project(root=tmp_path)
    stages = ("corpus", "tokenizer", "tokens", "runs", "models", "exports")
    assert [getattr(project, stage) for stage in stages] == [tmp_path / stage for stage in stages]
    assert not list(tmp_path.iterdir())
