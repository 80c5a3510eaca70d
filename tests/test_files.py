import errno
import hashlib
import json
import os

import pytest

from textmill import files
from textmill.errors import ResourceError
from textmill.files import TEMPORARY_PREFIX, atomic_folder, sha256_file, write_bytes, write_json


def leftovers(folder):
    return [path.name for path in folder.rglob("*") if path.name.startswith(TEMPORARY_PREFIX)]


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_appears_whole(tmp_path):
    write_bytes(tmp_path / "deep" / "file", b"one")
    write_bytes(tmp_path / "deep" / "file", b"two")
    assert (tmp_path / "deep" / "file").read_bytes() == b"two"
    write_json(tmp_path / "x.json", {"text": "中文"})
    assert json.loads((tmp_path / "x.json").read_text("utf-8")) == {"text": "中文"}
    assert "中文" in (tmp_path / "x.json").read_text("utf-8")
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("broken", ["fsync", "open"])
def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch, broken):
    file = tmp_path / "file"
    write_bytes(file, b"old")
    if broken == "fsync":
        monkeypatch.setattr(os, "fsync", full_disk)
    else:
        monkeypatch.setattr(files, "open", full_disk, raising=False)
    with pytest.raises(ResourceError) as caught:
        write_bytes(file, b"new")
    assert (caught.value.key, caught.value.values["path"]) == ("files.disk_full", file)
    assert file.read_bytes() == b"old"
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_place_that_cannot_be_written(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(ResourceError) as caught:
        write_bytes(tmp_path / "file", b"new")
    assert caught.value.key == "files.not_writable"
    assert not list(tmp_path.iterdir())


def test_other_errors_stay_what_they_are(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="input/output"):
        write_bytes(tmp_path / "file", b"new")
    assert not leftovers(tmp_path)


def test_a_folder_appears_whole_and_replaces_the_old_one(tmp_path):
    target = tmp_path / "folder"
    with atomic_folder(target) as fresh:
        (fresh / "a").write_text("1")
        assert not target.exists()
    with atomic_folder(target) as fresh:
        (fresh / "deep").mkdir()
        (fresh / "deep" / "b").write_text("2")
        assert (target / "a").exists()
    assert [path.relative_to(target).as_posix() for path in sorted(target.rglob("*"))] == ["deep", "deep/b"]
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_keeps_the_old_folder(tmp_path, error):
    target = tmp_path / "folder"
    with atomic_folder(target) as fresh:
        (fresh / "a").write_text("1")
    with pytest.raises(error), atomic_folder(target) as fresh:
        (fresh / "a").write_text("2")
        raise error
    assert (target / "a").read_text() == "1"
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("moment", ["inside", "sync", "last rename"])
def test_a_full_disk_keeps_the_old_folder(tmp_path, monkeypatch, moment):
    target = tmp_path / "folder"
    with atomic_folder(target) as fresh:
        (fresh / "a").write_text("1")
    rename = type(target).rename

    def rename_fails_for_the_fresh_one(path, goal):
        if path.name.startswith(f"{TEMPORARY_PREFIX}folder-"):
            full_disk()
        return rename(path, goal)

    with pytest.raises(ResourceError) as caught, atomic_folder(target) as fresh:
        (fresh / "a").write_text("2")
        if moment == "inside":
            full_disk()
        elif moment == "sync":
            monkeypatch.setattr(os, "fsync", full_disk)
        else:
            monkeypatch.setattr(type(target), "rename", rename_fails_for_the_fresh_one)
    assert caught.value.key == "files.disk_full"
    assert (target / "a").read_text() == "1"
    assert not leftovers(tmp_path)


def test_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    assert sha256_file(tmp_path / "file") == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_what_a_killed_process_left_is_swept_and_what_is_being_written_stays(tmp_path):
    target = tmp_path / "corpus"
    dead = tmp_path / f"{TEMPORARY_PREFIX}corpus-01234567"
    other = tmp_path / f"{TEMPORARY_PREFIX}corpus-of-another-01234567"
    for folder in (dead, other):
        folder.mkdir()
        (folder / "part").write_text("x")
    with atomic_folder(target) as fresh:
        assert not dead.exists()
        with atomic_folder(target) as second:  # as a second process would
            (second / "file").write_text("second")
            assert fresh.is_dir()
        (fresh / "file").write_text("first")
    assert (target / "file").read_text() == "first"
    assert leftovers(tmp_path) == [other.name]


def test_a_death_between_the_two_renames_loses_nothing(tmp_path):
    target = tmp_path / "corpus"
    old = tmp_path / f"{TEMPORARY_PREFIX}old-corpus-01234567"
    old.mkdir()
    (old / "file").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_folder(target):
        assert (target / "file").read_text() == "old"
        raise ZeroDivisionError
    assert (target / "file").read_text() == "old"
    assert not leftovers(tmp_path)
