"""One small Little World, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from textmill.data.little_world import Summary, World, build_world, make_little_world


@pytest.fixture(scope="session")
def world() -> World:
    return build_world(0)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("little") / "world", workers=1).folder


def made(out: Path, *, workers: int, megabytes: float = 1.0, seed: int = 0) -> Summary:
    return make_little_world(out, seed=seed, megabytes=megabytes, workers=workers)
