"""Naming, listing and verifying checkpoints."""

import json
from pathlib import Path

import pytest

from textmill.checkpoints import (
    checkpoint_folder,
    checkpoint_name,
    list_checkpoints,
    newest_good_checkpoint,
    read_checksums,
    step_of,
    verify_checksums,
    write_checksums,
)
from textmill.errors import CheckpointError


def make(run: Path, step: int) -> Path:
    folder = checkpoint_folder(run, step)
    (folder / "optimizer").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 8)
    (folder / "optimizer" / "shard.safetensors").write_bytes(b"momentum")
    (folder / "config.json").write_text("{}")
    write_checksums(folder)
    return folder


def flip(path: Path, position: int = 7) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(bytes(content))


def test_names_and_steps() -> None:
    assert checkpoint_name(1000) == "step-00001000"
    assert step_of(Path("step-00001000")) == 1000
    assert step_of(Path("step-123456789")) == 123456789
    for other in ("step-10", "step-0000100x", ".tmp-step-00001000-ab12", "step-00001000-old"):
        assert step_of(Path(other)) is None


def test_list_is_by_step_and_leaves_out_what_is_half_written(tmp_path: Path) -> None:
    for step in (500, 20, 100_000_000, 1000):
        make(tmp_path / "main", step)
    (tmp_path / "main" / "checkpoints" / ".tmp-step-00002000-12345678").mkdir()
    (tmp_path / "main" / "checkpoints" / "step-00003000").write_text("a file")
    checkpoints = list_checkpoints(tmp_path / "main")
    assert [checkpoint.step for checkpoint in checkpoints] == [20, 500, 1000, 100_000_000]
    assert checkpoints[0].run == "main"
    assert list_checkpoints(tmp_path / "nothing") == []


def test_whole_checkpoint_passes(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    assert set(read_checksums(folder)) == {"config.json", "model.safetensors", "optimizer/shard.safetensors"}
    verify_checksums(folder)
    (folder / "notes.txt").write_text("a file that a person put here changes nothing")
    verify_checksums(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "optimizer/shard.safetensors"])
def test_one_changed_byte_names_the_file_and_both_sums(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path, 1)
    flip(folder / name, position=0)
    with pytest.raises(CheckpointError) as caught:
        verify_checksums(folder)
    parts = caught.value.parts()
    assert name in parts["what"]
    assert str(folder) in parts["what"]
    assert parts["expected"] != parts["got"]
    assert "next" in parts


def test_missing_file_and_missing_or_broken_list(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json"):
        verify_checksums(folder)
    for broken in ("{", "[]", "{}", '{"../../secret": "' + "0" * 64 + '"}', '{"config.json": 3}', "\x80"):
        (folder / "checksums.json").write_bytes(broken.encode("latin-1"))
        with pytest.raises(CheckpointError) as caught:
            verify_checksums(folder)
        assert caught.value.key == "checkpoints.bad_checksums"
    (folder / "checksums.json").unlink()
    with pytest.raises(CheckpointError) as caught:
        verify_checksums(folder)
    assert caught.value.key == "checkpoints.no_checksums"


def test_every_byte_of_the_list_counts(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    path = folder / "checksums.json"
    content = path.read_bytes()
    harmless = 0
    for position in range(len(content)):
        flip(path, position)
        try:
            verify_checksums(folder)
        except CheckpointError:
            pass
        else:
            changed = path.read_bytes()
            assert json.loads(changed) == json.loads(content), "only white space may change unseen"
            harmless += 1
        path.write_bytes(content)
    assert harmless < 20


def test_newest_good_one_skips_damaged_ones(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        make(tmp_path, step)
    seen: list[int] = []
    flip(checkpoint_folder(tmp_path, 30) / "model.safetensors")
    good = newest_good_checkpoint(tmp_path, lambda checkpoint, error: seen.append(checkpoint.step))
    assert good is not None
    assert good.step == 20
    assert seen == [30]
    for step in (10, 20):
        flip(checkpoint_folder(tmp_path, step) / "config.json", 0)
    with pytest.raises(CheckpointError, match="step-00000030"):
        newest_good_checkpoint(tmp_path)
    assert newest_good_checkpoint(tmp_path / "none") is None
