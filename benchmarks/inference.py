"""Generating text on the CPU: the compiled runner beside llama.cpp and transformers, the same model, in turn.

    python benchmarks/inference.py [CASE] --model FOLDER --gguf NAME-{}.gguf [--peer-python PYTHON] [--data FILE]

FOLDER is a model as `textmill import` writes it, NAME-bf16.gguf, NAME-q8_0.gguf and NAME-q4_0.gguf what `textmill
export --to gguf --quantize …` makes of it. Every contender is a process of its own that waits while another works; they
take turns, and what is shown is the median over turns. llama-cpp-python is looked for in PYTHON (by default this one).

decode1      tokens/s of one text after a prompt of 64 tokens, and the bytes of weights read a second as a share of what
             this machine's memory gives (goal: 180 at int8, 300 at int4)
decode16     tokens/s of 16 texts together (goal: 1,000)
prefill512   tokens/s of a prompt of 512 (goal: 5,000)
first_token  milliseconds to the first token after that prompt (goal: 150)
ready        seconds from starting the process to the first token after a prompt of four (goal: 3)
quality      bits per byte of --data in each precision, over that of fp32
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import common
from inference_contenders import LONG, MANY, WORK

CASES = (*WORK, "ready", "quality")
PROGRAM = Path(__file__).with_name("inference_contenders.py")


class Who(NamedTuple):
    """A contender, and the peer that it stands beside."""

    kind: str
    weights: str
    beside: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """Both, for a row."""
        return f"{self.kind} {self.weights}"


CONTENDERS = (
    Who("textmill", "bf16", ("llama.cpp", "bf16")),
    Who("textmill", "int8", ("llama.cpp", "q8_0")),
    Who("textmill", "int4", ("llama.cpp", "q4_0")),
    Who("llama.cpp", "bf16"),
    Who("llama.cpp", "q8_0"),
    Who("llama.cpp", "q4_0"),
    Who("transformers", "bf16"),
)


class Worker:
    """A contender's process; raises OSError with its last words where it cannot be."""

    def __init__(self, who: Who, given: argparse.Namespace) -> None:
        python = given.peer_python if who.kind == "llama.cpp" else sys.executable
        place = str(given.gguf).format(who.weights) if who.kind == "llama.cpp" else str(given.model)
        words = [python, "-W", "ignore", str(PROGRAM), who.kind, place, who.weights, str(given.threads)]
        began = time.perf_counter()
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.facts: dict[str, Any] = self._answer()
        self.ready = time.perf_counter() - began

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = self.process.stdout.readline()
        if not line:
            last = self.process.stderr.read().strip().splitlines()[-1:]
            raise OSError(last[0] if last else "it ended without a word")
        return json.loads(line)

    def run(self, case: str) -> list[float]:
        """Returns a case's seconds, one turn."""
        assert self.process.stdin is not None
        print(case, file=self.process.stdin, flush=True)
        return self._answer()

    def end(self) -> None:
        """Closes its input, on which it ends."""
        self.process.communicate()


def start(given: argparse.Namespace) -> dict[Who, Worker]:
    """Returns the contenders that can be had; says which cannot, and why."""
    workers: dict[Who, Worker] = {}
    for who in CONTENDERS:
        if who.kind == "llama.cpp" and given.gguf is None:
            print(f"{who.name}: left out, --gguf names no file", file=sys.stderr)
            continue
        try:
            workers[who] = Worker(who, given)
        except OSError as error:
            if who.kind == "textmill":
                raise SystemExit(f"{who.name}: {error}") from error
            print(f"{who.name}: left out, {error}", file=sys.stderr)
    return workers


def figure(case: str, seconds: list[float]) -> float:
    """Returns a turn's figure: tokens a second, or milliseconds."""
    value, _, _ = common.median(seconds)
    if case == "first_token":
        return 1000 * value
    return {"decode1": 1, "decode16": MANY, "prefill512": LONG}[case] / value


def timed_rows(case: str, workers: dict[Who, Worker], rounds: int, threads: int) -> list[common.Row]:
    """Returns the rows of a case that the workers run."""
    from textmill.infer.native.bandwidth import read_bandwidth

    figures: dict[Who, list[float]] = {who: [] for who in workers}
    spent = dict.fromkeys(workers, 0.0)
    bandwidths: list[float] = []
    for turn in range(rounds + 1):
        if case == "decode1":
            bandwidths.append(read_bandwidth(threads=threads))
        for who, worker in workers.items():
            seconds = worker.run(case)
            if turn:  # the first one warms up
                figures[who].append(figure(case, seconds))
                spent[who] += sum(seconds)
    metric = "milliseconds" if case == "first_token" else "tokens_per_second"
    rows = {
        who: common.row(f"{case} {who.name}", metric, *common.median(found), len(found), spent[who])
        for who, found in figures.items()
    }
    found_rows = together(rows)
    if bandwidths:
        found_rows.append(common.row(f"{case} memory", "bytes_read_per_second", *common.median(bandwidths), rounds + 1))
    for who, worker in workers.items():
        if case == "decode1" and "weight_bytes" in worker.facts:
            share = rows[who]["value"] * worker.facts["weight_bytes"] / common.median(bandwidths)[0]
            found_rows.append(common.row(f"{case} {who.name}", "share_of_bandwidth", share, n=rounds))
    return found_rows


def together(rows: dict[Who, common.Row]) -> list[common.Row]:
    """Returns all rows, ours beside their peers' where those ran."""
    by_name = {(who.kind, who.weights): row for who, row in rows.items()}
    out = []
    for who, row in rows.items():
        peers = [peer for peer in (who.beside, ("transformers", "bf16")) if who.beside and peer in by_name]
        out += [common.beside(row, by_name[peer], " ".join(peer)) for peer in peers] or [row]
    return out


def ready_rows(given: argparse.Namespace) -> list[common.Row]:
    """Returns the seconds from each process' start to its first token."""
    found: dict[Who, list[float]] = {}
    for turn in range(given.rounds + 1):
        workers = start(given)
        for who, worker in workers.items():
            if turn:
                found.setdefault(who, []).append(worker.ready)
            worker.end()
    return together(
        {
            who: common.row(f"ready {who.name}", "seconds", *common.median(values), len(values), sum(values))
            for who, values in found.items()
        }
    )


def quality_rows(given: argparse.Namespace) -> list[common.Row]:
    """Returns bits per byte of the text in each precision."""
    import torch

    from textmill.evaluate.bits_per_byte import bits_per_byte
    from textmill.infer.engine.runner import Part
    from textmill.infer.native.runner import NativeRunner, build_native_runner
    from textmill.model.hub import load_model
    from textmill.tokenizer.tokenizer import Tokenizer

    model, tokenizer = load_model(given.model), Tokenizer.load(given.model)
    pieces = [piece for piece in given.data.read_text("utf-8").splitlines() if len(piece) > 200][: given.documents]
    documents = [(tokenizer.encode(piece), len(piece.encode())) for piece in pieces]

    def scores(runner: NativeRunner, ids_BT: torch.Tensor) -> torch.Tensor:
        rows = [
            runner.forward([Part(ids=ids, past=0, pages=range(len(ids) // 32 + 1), wanted=range(len(ids)))])
            for ids in ids_BT.tolist()
        ]
        return torch.stack(rows)

    found: dict[str, common.Row] = {}
    for weights in ("fp32", "bf16", "int8", "int4"):
        began = time.perf_counter()
        runner = build_native_runner(model, weights=weights, page_count=64, threads=given.threads)
        score = bits_per_byte(
            lambda ids_BT, runner=runner: scores(runner, ids_BT),
            documents, end_of_text_id=tokenizer.end_of_text_id, context=512, device="cpu",
        )  # fmt: skip
        spent = time.perf_counter() - began
        found[weights] = common.row(
            f"quality {weights}", "bits_per_byte", score.value, score.low, score.high, score.documents, spent
        )
    return [common.beside(row, found["fp32"], "fp32") for row in found.values()]


def main() -> None:
    """Runs the cases that the words ask for."""
    parser = common.parser(__doc__ or "", CASES)
    parser.add_argument("--model", type=Path, required=True, help="the model's folder")
    parser.add_argument("--gguf", help="its files for llama.cpp, {} for bf16, q8_0, q4_0")
    parser.add_argument("--peer-python", default=sys.executable, help="the interpreter that has llama-cpp-python")
    parser.add_argument("--threads", type=int, default=0, help="0: one a physical core")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--documents", type=int, default=200, help="pieces of --data that are scored")
    given = parser.parse_args()
    from textmill.hardware import default_threads

    given.threads = given.threads or default_threads()
    cases = [given.case] if given.case else list(CASES)
    rows: list[common.Row] = []
    if any(case in WORK for case in cases):
        workers = start(given)
        for case in cases:
            if case in WORK:
                rows += timed_rows(case, workers, given.rounds, given.threads)
        for worker in workers.values():
            worker.end()
    if "ready" in cases:
        rows += ready_rows(given)
    if "quality" in cases and given.data:
        rows += quality_rows(given)
    elif "quality" in cases:
        print("quality: left out, --data names no text", file=sys.stderr)
    common.report(rows, given.json)


if __name__ == "__main__":
    main()
