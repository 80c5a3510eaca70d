"""The sum of the code in a checkpoint: all that decides what a step computes is in it, native sources too."""

import shutil
from pathlib import Path

import pytest

import textmill
from textmill.train.versions import COMPUTES, code_sum, differences, versions


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the parts that compute."""
    source = Path(textmill.__file__).parent
    for part in COMPUTES:
        shutil.copytree(source / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize(
    "name", ["model/gpt.py", "train/step.py", "tokenizer/tokens.py", "kernels/attention.cpp", "kernels/common.hpp",
             "kernels/operations.py", "train/parallel/world.py"],
)  # fmt: skip
def test_every_source_counts(name: str, package: Path) -> None:
    before = code_sum(package)
    assert before == versions()["code"]
    path = package / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert code_sum(package) != before


def test_a_moved_or_split_source_counts_and_what_is_no_source_does_not(package: Path) -> None:
    before = code_sum(package)
    (package / "kernels" / "notes.txt").write_text("nothing")
    assert code_sum(package) == before
    (package / "kernels" / "common.hpp").rename(package / "kernels" / "shared.hpp")
    assert code_sum(package) != before


def test_what_differs_is_told() -> None:
    here = versions()
    assert differences(here | {"code": "other", "unknown": "1"}) == {"code": ("other", here["code"])}
