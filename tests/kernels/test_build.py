"""Building the kernels: where they lie, what is missing said with its reason, and training without them."""

import dataclasses
from pathlib import Path

import pytest

from textmill.hardware.detect import Hardware, detect
from textmill.kernels import build


def machine(features: tuple[str, ...] = ("avx512_bf16",), compiler: str | None = "g++") -> Hardware:
    found = detect()
    processor = dataclasses.replace(found.processor, features=features)
    known = (
        type(found.compiler)(path=compiler, version="1", python_headers=False) if compiler and found.compiler else None
    )
    return dataclasses.replace(found, processor=processor, compiler=known)


def test_what_is_missing_is_said() -> None:
    assert build.can_build(machine(features=("avx2",))) == (False, build.Reason("kernels_no_units"))
    possible, reason = build.can_build(machine(compiler=None))
    assert not possible
    assert reason.key == "kernels_no_compiler"


def test_they_are_built_once_under_a_name_that_says_of_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not build.available()[0]:
        pytest.skip(str(build.available()[1]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    build.library.cache_clear()
    build.library()
    (file,) = (tmp_path / "textmill" / "kernels").iterdir()
    written = file.stat().st_mtime_ns
    build.library.cache_clear()
    build.library()
    assert [file.stat().st_mtime_ns] == [path.stat().st_mtime_ns for path in file.parent.iterdir()] == [written]


def test_a_compiler_that_fails_is_a_reason_not_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "detect", lambda: machine(compiler="/bin/false"))
    if not build.can_build()[0]:
        pytest.skip("no compiler here at all")
    build.library.cache_clear()
    here, reason = build.available()
    assert not here
    assert reason.key == "kernels_failed"
    build.library.cache_clear()


def test_a_cache_that_cannot_be_written_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    if not build.can_build()[0]:
        pytest.skip(str(build.can_build()[1]))
    build.library.cache_clear()
    assert build.available()[1].key == "kernels_failed"
    build.library.cache_clear()
