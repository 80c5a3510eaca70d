"""Ten minutes of wall time, tokenizer and training together, on a folder of text.

DIR holds train.jsonl and val.jsonl ({"text": …} a line). For each preset: a new project, a corpus of train.jsonl (not
on the clock: it is only a copy), then `textmill train --budget`, which makes tokenizer, tokens and model in that time,
in a process of its own; then bits per byte on all of val.jsonl, which nothing before has read.

Peers (nanochat's trainer set to bf16, a nanoGPT-style loop) are fetched and run by the user on the same two files;
their checkpoint, loaded as anything that maps ids to logits, goes through textmill.evaluate.bits_per_byte.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common

CASES = ("modern", "classic")


def main() -> None:
    """Runs the cases and prints the table."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--minutes", type=float, default=10.0, help="wall time of tokenizer and training")
    words.add_argument("--keep", type=Path, help="leave the projects in this folder")
    words.add_argument("--setting", action="append", default=[], help="section.name=value, passed on to train")
    given = words.parse_args()
    if given.data is None:
        words.error("--data DIR is needed: the folder with train.jsonl and val.jsonl")
    data = given.data
    results = []
    for case in [given.case] if given.case else CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = (given.keep or Path(folder)) / case
            results += one(case, root, data, given.minutes, given.setting)
    common.report(results, given.json)


def textmill(*words: str) -> dict[str, Any]:
    """Runs a command in a process of its own; its messages go to stderr."""
    command = [sys.executable, "-m", "textmill", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def one(case: str, root: Path, data: Path, minutes: float, settings: list[str]) -> list[common.Row]:
    """Returns the rows of one preset."""
    textmill("new", str(root), "--model.preset", case, "--corpus.validation_share", "0.005")
    project = ("--project", str(root))
    textmill("corpus", "build", str(data / "train.jsonl"), *project)
    began = time.monotonic()
    given = [f"--{setting}" for setting in settings]
    result = textmill("train", "--budget", f"{minutes * 60:.0f}s", *project, *given)
    seconds = time.monotonic() - began
    score = held_out(root, data / "val.jsonl")
    return [
        common.row(case, "bits_per_byte", score.value, score.low, score.high, score.documents, seconds),
        common.row(case, "wall_minutes", seconds / 60),
        common.row(case, "training_tokens", result["tokens"]),
        common.row(case, "parameters", result["parameters"]),
        common.row(case, "tokens_per_second", result["tokens"] / result["seconds"]),
    ]


def held_out(root: Path, file: Path, run: str = "main") -> Any:
    """Returns a run's bits per byte on every document of `file`."""
    from textmill.evaluate.bits_per_byte import bits_per_byte
    from textmill.infer.resolve import load
    from textmill.project import Project

    loaded = load(run, Project(root=root))
    texts = [json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()]
    documents = [(loaded.tokenizer.encode(text), len(text.encode())) for text in texts]
    return bits_per_byte(
        loaded.model,
        documents,
        end_of_text_id=loaded.tokenizer.end_of_text_id,
        context=loaded.model.config.context,
    )


if __name__ == "__main__":
    main()
