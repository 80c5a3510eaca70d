"""SIGKILL at random moments of a tuning: resumed, it ends bit-equal to one never killed."""

import os
import sys
from pathlib import Path

import pytest
from forking import Forker
from test_kills import kill_and_resume

from textmill.project import Project

sys.path.insert(0, str(Path(__file__).parent.parent / "tune"))
STEPS = 24


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
    log = tmp_path / "log.txt"
    with Forker(project.root, log) as forker:
        met = kill_and_resume(project, kills, forker, int(os.environ.get("TEXTMILL_SEED", "0")), words, STEPS)
    assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace")
    fault_table("SIGKILL at random moments of a tuning", kills, met)
