"""Items a second of evaluation by likelihood, beside lm-evaluation-harness with its transformers backend.

    python evaluate.py [CASE] --data DIR --model FOLDER [--peer-python PYTHON] [--limit N] [--rounds N] [--json]

The same items, prompts and tokens on both sides: each is a process of its own that has the model loaded and is given
the same (prompt, continuation) pairs, in turn with the other; seconds are from texts to sums of log-probabilities. The
peer runs in each of its precisions with each of its batch sizes; ratios are to the fastest of the same precision.
Beside the speed stands how far the sums are apart.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import common

CASES = ("piqa", "arc_easy", "lambada", "blimp")
OURS = ("bf16", "fp32")
PEERS = (("bf16", 8), ("bf16", 32), ("fp32", 8))


class Contender:
    """A process that has the model and answers with the seconds and sums of a file of items."""

    def __init__(self, python: str, kind: str, model: Path, precision: str, batch: int, threads: int) -> None:
        script = Path(__file__).with_name("evaluate_contenders.py")
        words = [python, str(script), kind, str(model), precision, str(batch), str(threads)]
        self.precision, self.batch = precision, batch
        self.name = f"textmill {precision}" if kind == "textmill" else f"lm-eval hf {precision} batch {batch}"
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, file: Path) -> dict[str, Any]:
        """Returns {"seconds", "sums"} for a file of items."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{file}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended")
        return json.loads(line)

    def end(self) -> None:
        """Ends the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def pairs_file(case: str, data: Path, limit: int, folder: Path) -> tuple[Path, int]:
    """Writes the pairs of a suite's first items; returns the file and how many items it has."""
    from textmill.evaluate.suites.files import local_sources, suite_items
    from textmill.evaluate.suites.registry import SUITES

    items = suite_items(SUITES[case], local_sources(data), limit=limit).items
    file = folder / f"{case}.jsonl"
    file.write_text("".join(json.dumps(item.pairs) + "\n" for item in items), encoding="utf-8")
    return file, len(items)


def rows_of(case: str, contenders: list[Contender], file: Path, items: int, rounds: int) -> list[common.Row]:
    """Returns the rows of one case, the contenders taking turns."""
    seconds: dict[str, list[float]] = {who.name: [] for who in contenders}
    sums: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        for who in contenders:
            told = who.ask(file)
            sums[who.name] = told["sums"]
            if turn:
                seconds[who.name].append(told["seconds"])
    made: dict[str, common.Row] = {}
    for who in contenders:
        rates = [items / spent for spent in seconds[who.name]]
        named = f"{case} {who.name}"
        made[who.name] = common.row(named, "items/s", *common.median(rates), rounds, sum(seconds[who.name]))
    rows = list(made.values())
    for who in (who for who in contenders if not who.batch):
        rivals = [peer for peer in contenders if peer.batch and peer.precision == who.precision]
        best = max(rivals, key=lambda peer: made[peer.name]["value"], default=None)
        if best is None:
            continue
        ratios = [theirs / ours for ours, theirs in zip(seconds[who.name], seconds[best.name], strict=True)]
        rows.append(
            common.row(f"{case} {who.precision}", "times the peer", *common.median(ratios), rounds, peer=best.name)
        )
        apart = [abs(one - other) for one, other in zip(sums[who.name], sums[best.name], strict=True)]
        rows.append(common.row(f"{case} {who.precision}", "median |Δ ln p|", statistics.median(apart), n=len(apart)))
    return rows


def main() -> None:
    """Runs the cases that the words ask for."""
    parser = common.parser(__doc__ or "", CASES)
    parser.add_argument("--model", type=Path, required=True, help="the model's folder, which both load")
    parser.add_argument("--peer-python", default=sys.executable, help="the interpreter that has lm-eval")
    parser.add_argument("--limit", type=int, default=100, help="items of each suite")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender, after one that is not counted")
    parser.add_argument("--threads", type=int, default=0, help="0: one a physical core")
    parser.add_argument("--precisions", nargs="+", default=list(OURS), choices=OURS)
    given = parser.parse_args()
    if given.data is None:
        parser.error("--data DIR: where the suites' files are")
    common.report(run(given), given.json)


def run(given: argparse.Namespace) -> list[common.Row]:
    """Returns the rows of all cases."""
    from textmill.hardware import default_threads

    threads = given.threads or default_threads()
    contenders = [
        *(Contender(sys.executable, "textmill", given.model, name, 0, threads) for name in given.precisions),
        *(
            Contender(given.peer_python, "lm-eval", given.model, name, batch, threads)
            for name, batch in PEERS
            if name in given.precisions
        ),
    ]
    rows: list[common.Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in [given.case] if given.case else CASES:
            file, items = pairs_file(case, given.data, given.limit, Path(folder))
            rows += rows_of(case, contenders, file, items, given.rounds)
    for who in contenders:
        who.end()
    return rows


if __name__ == "__main__":
    main()
