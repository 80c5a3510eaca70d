"""A byte flipped, or the end cut off, in each kind of file that a run reads: set aside or made anew or refused by name,
never taken as it is, never a traceback; what goes on ends in the bits of a run that nothing happened to."""

import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import SMALL

from textmill.checkpoints import list_checkpoints
from textmill.project import Project

RUN = ("train", *SMALL, "--train.average=0.9", "--resume", "--train.steps=12")
TIMES, LONG_TIMES = 1, 20
IN_A_CHECKPOINT = (
    "model.safetensors",
    "optimizer.safetensors",
    "trained.safetensors",
    "state.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "checksums.json",
)
ELSEWHERE = {
    "tokens/train.bin": "goes on",
    "tokens/train.offsets.bin": "goes on",
    "tokens/validation.bin": "goes on",
    "tokens/manifest.json": "goes on",
    "runs/main/events.jsonl": "goes on",
    "runs/main/best.json": "goes on",
    "runs/main/lock": "goes on",
    "tokenizer/tokenizer.json": "refused",
    "corpus/manifest.json": "refused or goes on",
    "textmill.toml": "refused or goes on",
}


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))


def cut(path: Path, chance: random.Random) -> None:
    size = path.stat().st_size
    os.truncate(path, chance.randrange(size))


def tensors(root: Path) -> dict[str, torch.Tensor]:
    newest = list_checkpoints(root / "runs" / "main")[-1].folder
    assert newest.name == "step-00000012"
    return {f"{file.name}/{key}": t for file in newest.glob("*.safetensors") for key, t in load_file(file).items()}


@pytest.fixture(scope="module")
def expected(ready_project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """What the run ends in when nothing happens."""
    import shutil

    from textmill.cli.main import main

    root = tmp_path_factory.mktemp("whole") / "project"
    shutil.copytree(ready_project, root)
    assert main([*RUN, "--project", str(root)]) == 0
    return tensors(root)


def differing(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> list[str]:
    """Returns the names of what is not bit-equal."""
    return sorted(
        name
        for name in one.keys() | two.keys()
        if not (name in one and name in two and torch.equal(one[name], two[name]))
    )


times = pytest.mark.parametrize("times", [TIMES, pytest.param(LONG_TIMES, marks=pytest.mark.long)], ids=["few", "all"])
hurting = pytest.mark.parametrize("hurt", [flip, cut])


@times
@hurting
@pytest.mark.parametrize("name", IN_A_CHECKPOINT)
def test_a_damaged_checkpoint_is_set_aside(
    name: str,
    hurt: Callable,
    times: int,
    hurt_project: Project,
    ready_project: Path,
    expected: dict[str, torch.Tensor],
    run_textmill: Callable,
    fault_table: Callable,
) -> None:
    import shutil

    chance = random.Random(f"{name} {os.environ.get('TEXTMILL_SEED', '0')}")
    for _ in range(times):
        shutil.rmtree(hurt_project.runs)
        shutil.copytree(ready_project / "runs", hurt_project.runs)
        newest = list_checkpoints(hurt_project.runs / "main")[-1].folder
        hurt(newest / name, chance)
        result = run_textmill(*RUN, cwd=hurt_project.root).ok()
        assert "set aside" in result.err and "step 4" in result.err
        assert (newest.parent / f"damaged-{newest.name}").is_dir()
        assert differing(tensors(hurt_project.root), expected) == []
    fault_table(
        f"{hurt.__name__} in a checkpoint's {name}", times, "set aside, the one before used, bit-equal at the end"
    )


@times
@hurting
@pytest.mark.parametrize("name", ELSEWHERE)
def test_other_damaged_files_are_noticed(
    name: str,
    hurt: Callable,
    times: int,
    hurt_project: Project,
    ready_project: Path,
    expected: dict[str, torch.Tensor],
    run_textmill: Callable,
    fault_table: Callable,
) -> None:
    import shutil

    chance, outcomes = random.Random(f"{name} {os.environ.get('TEXTMILL_SEED', '0')}"), Counter()
    for _ in range(times):
        shutil.rmtree(hurt_project.root)
        shutil.copytree(ready_project, hurt_project.root)
        hurt(hurt_project.root / name, chance)
        result = run_textmill(*RUN, cwd=hurt_project.root)
        assert result.code in (0, 2), result.err
        assert "Traceback" not in result.err
        outcomes["goes on" if result.code == 0 else "refused"] += 1
        assert ("goes on" if result.code == 0 else "refused") in ELSEWHERE[name], result.err
        if result.code == 0:
            assert differing(tensors(hurt_project.root), expected) == []
        elif hurt is flip and name.startswith("tokens"):
            assert "tokens" in result.err
    fault_table(f"{hurt.__name__} in {name}", times, dict(outcomes))
