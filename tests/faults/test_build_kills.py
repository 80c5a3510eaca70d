"""SIGKILL at random moments of a corpus build: killed and given the same command again, it ends in the same bytes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corpus_helpers import write
from test_corpus import folder_bytes

KILLS, LONG_KILLS = 3, 100
SMALL_STEPS = """
import sys
if __name__ == "__main__":
    from textmill.data import journal, plan, units
    journal.SEGMENT_SECONDS, plan.SLICE_FILES, units.UNIT_FILES = 0.02, 40, 3
    from textmill.cli.main import main
    sys.exit(main(sys.argv[1:]))
"""
"""Runs a command with segments, slices and units so small that many are made of little input."""


def inputs(seed: int) -> dict[str, str | bytes]:
    chance = random.Random(seed)
    words = ["rain", "bridge", "小镇", "bread", "quiet", "key", "猫", "lantern", "winter", "很安静", "river"]
    files: dict[str, str | bytes] = {}
    for number in range(60):
        body = "".join(f"<p>{' '.join(chance.choices(words, k=40))}.</p>" for _ in range(12))
        files[f"{number:03}.html"] = f"<html><head><title>{number}</title></head><body><h1>{number}</h1>{body}</body>"
    files["rows.jsonl"] = "\n".join(
        json.dumps({"text": f"Row {n} " + " ".join(chance.choices(words, k=9))}) for n in range(400)
    )
    return files | {"held_out/h.txt": "This text is held out.", "empty.txt": "", "bad.pdf": b"%PDF-1.4 nothing"}


def start(folder: Path, script: Path, workers: int, log: Path) -> subprocess.Popen[bytes]:
    words = ["corpus", "build", "in", "--out", "out", f"--corpus.workers={workers}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEXTMILL_")}
    environment = kept | {"LANG": "C.UTF-8", "TEXTMILL_UI_LANGUAGE": "en"}
    with open(log, "ab") as file:
        return subprocess.Popen(
            [sys.executable, str(script), *words], cwd=folder, env=environment, stdout=file, stderr=file
        )


def segments(folder: Path) -> set[str]:
    return {path.name for path in folder.glob(".out.building/*.segment")}


def state(folder: Path) -> set[str]:
    """What a build has changed on disk: its segments, and the folder in which the corpus is written."""
    return segments(folder) | {path.name for path in folder.glob(".tmp-out*")}


@pytest.mark.parametrize(
    "kills", [KILLS, pytest.param(LONG_KILLS, marks=pytest.mark.long)], ids=["few_kills", "all_kills"]
)
def test_killed_builds_end_in_the_same_bytes(kills: int, tmp_path: Path, capsys):
    chance = random.Random(int(os.environ.get("TEXTMILL_SEED", "0")))
    write(tmp_path / "in", inputs(0))
    script, log = tmp_path / "small_steps.py", tmp_path / "log.txt"
    script.write_text(SMALL_STEPS)
    assert start(tmp_path, script, 2, log).wait(timeout=120) == 0, log.read_text()
    whole = folder_bytes(tmp_path / "out")
    met = {"kills": 0, "with_segments": 0, "in_a_write": 0, "builds": 0, "went_on": 0}
    while met["kills"] < kills:
        for path in (tmp_path / "out").iterdir():
            path.unlink()
        met["builds"] += 1
        while True:
            before, seen = segments(tmp_path), state(tmp_path)
            process = start(tmp_path, script, chance.choice((1, 2)), log)
            while process.poll() is None and state(tmp_path) == seen:  # before that, there is nothing to kill
                time.sleep(0.002)
            time.sleep(chance.random() ** 2)
            if met["kills"] < kills and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
                met["kills"] += 1
                met["with_segments"] += bool(segments(tmp_path))
                met["in_a_write"] += bool(
                    list(tmp_path.glob(".tmp-out*")) or list(tmp_path.glob(".out.building/.tmp*"))
                )
                assert before <= segments(tmp_path) or not segments(tmp_path)
                continue
            assert process.wait(timeout=120) == 0, log.read_text()
            break
        assert folder_bytes(tmp_path / "out") == whole
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    met["went_on"] = log.read_text().count("Going on with the build")
    with capsys.disabled():
        print(f"\nkills: {json.dumps(met)}")
    assert "Traceback" not in log.read_text()
    assert met["went_on"] > met["kills"] // 4
