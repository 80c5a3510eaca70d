"""Do the learning rates transfer across width? The best multiple of each group's rate, by width.

DIR holds train.jsonl ({"text": …} a line); a 200th of it is held out and scored, nothing else is read. For each group
of weights (matrices under Muon, the token embedding, the rest) and each width, runs that differ only in that group's
rate; the best multiple is the lowest point of a parabola through the three best, over log₂. Where the parametrisation
transfers, it is the same at every width: the figure to look at is its spread over the widths, in octaves (1 = twice).
A peer without the rule, whose rates are those of the narrowest model at every width, is what the same runs say of
constant rates: its best multiple moves by what the rule would have corrected (½ octave a doubling of the width).

Runs lie in --keep and are not made twice, so that a stopped benchmark goes on.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import common

CASES = ("matrices", "embedding", "rest")
SETTING = {
    "matrices": "train.matrix_learning_rate",
    "embedding": "train.embedding_learning_rate",
    "rest": "train.learning_rate",
}
MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)
WIDTHS = (64, 128, 256)


def main() -> None:
    """Runs what is missing and prints the table."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument(
        "--widths", type=int, nargs="+", default=list(WIDTHS), help="multiples of 64, the width of a head"
    )
    words.add_argument("--steps", type=int, default=300, help="steps of 4,096 tokens each")
    words.add_argument("--keep", type=Path, help="leave the project in this folder, and go on with it")
    given = words.parse_args()
    if given.data is None:
        words.error("--data DIR is needed: the folder with train.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        root = (given.keep or Path(folder)) / "transfer"
        if not root.exists():
            textmill("new", str(root), "--corpus.validation_share", "0.005")
            textmill("corpus", "build", str(given.data / "train.jsonl"), "--project", str(root))
        results = []
        for case in [given.case] if given.case else CASES:
            results += rows(case, {width: curve(root, case, width, given.steps) for width in given.widths})
    common.report(results, given.json)


def textmill(*words: str) -> dict[str, Any]:
    """Runs a command in a process of its own; its messages go to stderr."""
    command = [sys.executable, "-m", "textmill", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def curve(root: Path, case: str, width: int, steps: int) -> dict[float, float]:
    """Returns held-out bits per byte by the multiple of the group's rate."""
    from textmill.config import TrainSettings
    from textmill.train.optimizers import learning_rates

    rates = learning_rates(TrainSettings(), width)
    base = {"matrices": rates.matrix, "embedding": rates.embedding, "rest": rates.rest}[case]
    return {multiple: trial(root, case, width, steps, multiple, base) for multiple in MULTIPLES}


def trial(root: Path, case: str, width: int, steps: int, multiple: float, base: float) -> float:
    """Returns the held-out bits per byte of one run; the run at multiple 1 serves all groups."""
    name = f"{'base' if multiple == 1 else case}-{width}-{multiple:g}-{steps}"
    found = root / "runs" / name / "score.json"
    if not found.is_file():
        settings = {
            SETTING[case]: base * multiple,
            "model.layers": 4,
            "model.width": width,
            "model.heads": width // 64,
            "train.steps": steps,
            "train.batch_tokens": 4096,
            "tokenizer.vocabulary_size": 4096,
            "evaluate.every": 10 * steps,
            "evaluate.sample_every": 0,
            "evaluate.tokens": 65536,
            "checkpoint.every": 10 * steps,
        }
        given = [f"--{key}={value}" for key, value in settings.items()]
        result = textmill("train", "--project", str(root), "--name", name, "--resume", *given)
        found.write_text(json.dumps(result["bits_per_byte"]), encoding="utf-8")
    return float(json.loads(found.read_text(encoding="utf-8")))


def best_octave(scores: dict[float, float]) -> float:
    """Returns log₂ of the best multiple, from the parabola through the lowest point and its neighbours."""
    octaves, values = np.log2(list(scores)), np.array(list(scores.values()))
    lowest = int(np.clip(values.argmin(), 1, len(values) - 2))
    near = slice(lowest - 1, lowest + 2)
    curvature, slope, _ = np.polyfit(octaves[near], values[near], 2)
    if curvature <= 0:
        return float(octaves[values.argmin()])
    return float(np.clip(-slope / (2 * curvature), octaves[0], octaves[-1]))


def rows(case: str, curves: dict[int, dict[float, float]]) -> list[common.Row]:
    """Returns the scores of a group, where each width is best, and how far apart that is."""
    out, found = [], {}
    for width, scores in curves.items():
        for multiple, score in scores.items():
            out.append(common.row(f"{case}, width {width}, rate x {multiple:g}", "bits_per_byte", score))
        found[width] = best_octave(scores)
        out.append(common.row(f"{case}, width {width}", "best_octave", found[width]))
    lost = [scores[1.0] - min(scores.values()) for scores in curves.values()]
    out.append(common.row(case, "spread_octaves", max(found.values()) - min(found.values()), n=len(found)))
    out.append(common.row(case, "most_lost_bits_per_byte", max(lost), n=len(found)))
    return out


if __name__ == "__main__":
    main()
