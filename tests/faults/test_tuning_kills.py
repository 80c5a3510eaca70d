"""SIGKILL at random moments of a tuning: resumed, it ends bit-equal to one never killed."""

import os
import random
import sys
from pathlib import Path

import pytest
import torch
from forking import Forker
from safetensors.torch import load_file
from test_kills import kill

from textmill.checkpoints import list_checkpoints
from textmill.project import Project
from textmill.train.events import read_events

sys.path.insert(0, str(Path(__file__).parent.parent / "tune"))
STEPS = 24


def state(project: Project, name: str) -> tuple[dict[str, torch.Tensor], list[float]]:
    newest = list_checkpoints(project.runs / name)[-1]
    assert newest.step == STEPS
    found = newest.folder.glob("*.safetensors")
    tensors = {f"{file.name}/{key}": value for file in found for key, value in load_file(file).items()}
    return tensors, [event["loss"] for event in read_events(project.runs / name) if event["type"] == "step"]


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.long)], ids=["few_kills", "all_kills"])
def test_killed_tunings_end_bit_equal(kills: int, tmp_path: Path, project: Project, fault_table) -> None:
    from small_tuning import chat, model_folder, write_rows

    model_folder(tmp_path / "base")
    rows = [chat(f"What is {n} plus one?", f"It is {n + 1}.") for n in range(60)]
    write_rows(tmp_path / "chats.jsonl", rows)
    words = (
        *("tune", "sft", "--model", str(tmp_path / "base"), "--data", str(tmp_path / "chats.jsonl"), "--method=lora"),
        *(f"--train.steps={STEPS}", "--train.batch_tokens=96", "--checkpoint.every=2", "--evaluate.every=10"),
        *("--evaluate.sample_every=0", "--tune.dropout=0.1", "--train.compile=off", "--train.threads=1"),
    )
    chance, met = random.Random(int(os.environ.get("TEXTMILL_SEED", "0"))), {"kills": 0, "runs": 0}
    met |= {"in_a_save": 0, "before_the_first_step": 0}
    log = tmp_path / "log.txt"
    with Forker(project.root, log) as forker:
        forker.start(*words, "--name=whole")
        assert forker.wait() == 0, log.read_text()
        tensors, losses = state(project, "whole")
        while met["kills"] < kills:
            name = f"victim{met['runs']}"
            met["runs"] += 1
            while True:
                pid = forker.start(*words, f"--name={name}", "--resume")
                if met["kills"] < kills:
                    kill(project.runs / name, pid, chance, met)
                if (code := forker.wait()) >= 0:
                    break
            assert code == 0, log.read_text()
            again, losses_again = state(project, name)
            assert losses_again == losses
            assert again.keys() == tensors.keys()
            assert [key for key, value in tensors.items() if not torch.equal(again[key], value)] == []
    assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace")
    fault_table("SIGKILL at random moments of a tuning", kills, met)
