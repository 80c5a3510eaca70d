"""What MODEL means, and what happens when it is damaged or not there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from textmill.checkpoints import checkpoint_folder
from textmill.errors import CheckpointError, ModelError
from textmill.infer.generate import generate
from textmill.infer.resolve import load, resolve
from textmill.infer.sampling import SamplingSettings
from textmill.project import Project

MakeCheckpoint = Callable[..., Path]


def touch(folder: Path, seconds: int) -> None:
    os.utime(folder, (seconds, seconds))


def flip(path: Path, position: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(bytes(content))


@pytest.fixture
def home(tmp_path: Path, make_checkpoint: MakeCheckpoint) -> Project:
    """A project with the runs main (steps 10 and 20), older than story (step 5), an empty run, an imported model."""
    project = Project(root=tmp_path / "home")
    touch(make_checkpoint(project.runs / "main", 10), 1000)
    touch(make_checkpoint(project.runs / "main", 20), 2000)
    touch(make_checkpoint(project.runs / "story", 5), 3000)
    (project.runs / "empty").mkdir()
    make_checkpoint(tmp_path / "elsewhere", 1).rename(project.root / "plain")
    project.models.mkdir()
    (project.root / "plain").rename(project.models / "imported")
    (project.models / "imported" / "checksums.json").unlink()
    return project


def test_what_each_reference_means(home: Project) -> None:
    main, story = home.runs / "main", home.runs / "story"
    table = {
        None: (checkpoint_folder(story, 5), "story", 5),
        "": (checkpoint_folder(story, 5), "story", 5),
        "main": (checkpoint_folder(main, 20), "main", 20),
        "main@10": (checkpoint_folder(main, 10), "main", 10),
        "main@00020": (checkpoint_folder(main, 20), "main", 20),
        "imported": (home.models / "imported", "imported", None),
        str(main): (checkpoint_folder(main, 20), "main", 20),
        str(checkpoint_folder(main, 10)): (checkpoint_folder(main, 10), str(checkpoint_folder(main, 10)), 10),
        str(home.models / "imported"): (home.models / "imported", str(home.models / "imported"), None),
    }
    for reference, expected in table.items():
        place = resolve(reference, home)
        assert (place.folder, place.name, place.step) == expected, reference
        assert place.notes == ()


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("mian", "infer.unknown_model"),
        ("nowhere@3", "infer.unknown_model"),
        ("main@15", "infer.no_step"),
        ("empty", "infer.no_checkpoint"),
        ("empty@1", "infer.no_checkpoint"),
        ("hf:Qwen/Qwen3-0.6B", "hub.offline"),
        ("hf:Qwen", "hub.reference"),
        ("some/model.GGUF", "infer.no_such_model"),
        ("../main", "infer.unknown_model"),
        (".", "infer.not_a_model"),
    ],
)
def test_what_is_not_there(
    reference: str, key: str, home: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError) as caught:
        resolve(reference, home)
    assert caught.value.key == key
    parts = caught.value.parts()
    assert "next" in parts
    if reference == "mian":
        assert parts["next"] == "--model main"
        assert "main, story, imported" in parts["got"]
    if reference == "main@15":
        assert parts["expected"] == "one of: 10, 20"


def test_outside_of_a_project(home: Project, tmp_path: Path) -> None:
    assert resolve(str(home.models / "imported"), None).folder == home.models / "imported"
    empty = Project(root=tmp_path / "empty")
    for reference, project, key in (
        (None, None, "infer.no_model"),
        ("main", None, "infer.no_such_model"),
        (None, empty, "infer.no_runs"),
        ("main", empty, "infer.no_such_model"),
    ):
        with pytest.raises(ModelError) as caught:
            resolve(reference, project)
        assert caught.value.key == key


def test_a_damaged_newest_checkpoint_is_passed_over_with_a_note(home: Project) -> None:
    flip(checkpoint_folder(home.runs / "main", 20) / "model.safetensors")
    place = resolve("main", home)
    assert place.step == 10
    assert len(place.notes) == 1
    assert "20" in place.notes[0]
    assert "model.safetensors" in place.notes[0]
    assert resolve("main", home, verify=False).step == 20
    assert checkpoint_folder(home.runs / "main", 20).is_dir(), "nothing is moved or deleted"


def test_a_damaged_checkpoint_asked_for_by_name_is_an_error(home: Project) -> None:
    folder = checkpoint_folder(home.runs / "main", 20)
    flip(folder / "model.safetensors")
    for reference in ("main@20", str(folder)):
        with pytest.raises(CheckpointError) as caught:
            resolve(reference, home)
        parts = caught.value.parts()
        assert "model.safetensors" in parts["what"]
        assert parts["expected"] != parts["got"]
        assert "next" in parts
    (checkpoint_folder(home.runs / "main", 10) / "checksums.json").unlink()
    with pytest.raises(CheckpointError):
        resolve("main", home)
    with pytest.raises(CheckpointError):
        resolve(str(checkpoint_folder(home.runs / "main", 10)), home)


def test_every_file_of_a_checkpoint_is_held_to_its_sum(home: Project) -> None:
    folder = checkpoint_folder(home.runs / "story", 5)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        if path.name != "checksums.json" and whole:
            flip(path, len(whole) // 2)
            with pytest.raises(CheckpointError, match=path.name.replace(".", r"\.")):
                load("story", home)
            path.write_bytes(whole)


def test_loaded_models_write(home: Project) -> None:
    loaded = load("main", home)
    assert (loaded.name, loaded.step, loaded.folder) == ("main", 20, checkpoint_folder(home.runs / "main", 20))
    assert not loaded.model.training
    settings = SamplingSettings(temperature=0, max_tokens=5)
    first = generate(loaded.model, loaded.tokenizer, "the", settings)[0]
    again = load("main@20", home)
    assert generate(again.model, again.tokenizer, "the", settings)[0].ids == first.ids
    half = load("imported", home, dtype=torch.bfloat16)
    assert half.model.token_embedding.weight.dtype == torch.bfloat16


def test_a_foreign_tokenizer_is_refused(home: Project, tokenizer_folder: Path) -> None:
    from textmill.config import TokenizerSettings
    from textmill.tokenizer.train import train_tokenizer

    text = " ".join(f"word{number} {'abcdefgh'[number % 8] * 3}" for number in range(3000))
    larger = train_tokenizer([text], settings=TokenizerSettings(), vocabulary_size=600)
    larger.write_files(home.models / "imported")
    with pytest.raises(ModelError) as caught:
        load("imported", home)
    assert caught.value.key == "infer.foreign_tokenizer"
