"""Supervised tuning beside TRL and PEFT: tokens a second, memory and the loss of the same examples step by step.

Both get the same tokens and the same mask, `A_STEP` examples a step in the same order, of instruct/alpaca_en_demo.json;
the model is a folder that both load (SmolLM2-135M-Instruct, here as its Q4_1 file dequantised:
`textmill import FILE.gguf`). Processes take turns, A B A B; tokens are those of the examples, padding not counted, so
that packing shows.

    python benchmarks/tune.py [full|lora] --model FOLDER --data DIR --peer PYTHON_WITH_TRL
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import common

CASES = ("full", "lora")
HERE = Path(__file__).resolve().parent
RATES = {"full": 1e-4, "lora": 5e-4}
WARM = 2
"""Steps at the beginning that do not count: kernels are chosen, memory is asked for."""


def main() -> None:
    """Measures and prints."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--model", type=Path, required=True, help="folder of the model")
    words.add_argument("--peer", default=sys.executable, help="the interpreter that has trl and peft")
    words.add_argument("--steps", type=int, default=10)
    words.add_argument("--a-step", type=int, default=16, help="examples a step; a multiple of 8")
    words.add_argument("--rounds", type=int, default=2)
    words.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "examples.json"
        file.write_text(json.dumps(examples(given.model, given.data, given.steps * given.a_step)), encoding="utf-8")
        results = [row for case in CASES if given.case in (None, case) for row in compare(case, file, given)]
    common.report(results, given.json)


def examples(model: Path, data: Path, count: int) -> dict[str, Any]:
    """Returns ids and masks as Textmill's template and masks make them."""
    from textmill.config import Settings
    from textmill.tokenizer.tokenizer import Tokenizer
    from textmill.tune.prepare import prepare

    rows = prepare(
        [data / "instruct" / "alpaca_en_demo.json"], Tokenizer.load(model), Settings(), context=1024
    ).training
    texts = [text for row in rows for text in row.texts][:count]
    return {"ids": [text.ids.tolist() for text in texts], "learned": [text.learned.tolist() for text in texts]}


def compare(case: str, file: Path, given: Any) -> list[common.Row]:
    """Returns the rows of one method: both contenders in turn."""
    answers: dict[str, list[dict[str, Any]]] = {"textmill": [], "trl": []}
    for _ in range(given.rounds):
        for who, interpreter in (("textmill", sys.executable), ("trl", given.peer)):
            answers[who].append(ask(who, interpreter, case, file, given))
    rates, paces = (
        {who: [rate for answer in found for rate in rates_of(answer, clock)] for who, found in answers.items()}
        for clock in ("seconds", "cpu_seconds")
    )
    peaks = {who: [answer["peak_bytes"] / 1e9 for answer in found] for who, found in answers.items()}
    rows = []
    measured = {"tokens_per_second": rates, "tokens_per_cpu_second": paces, "peak_gigabytes": peaks}
    for metric, values in measured.items():
        one, two = (
            common.row(f"{who} {case}", metric, *common.median(values[who]), n=len(values[who]))
            for who in ("textmill", "trl")
        )
        rows += [common.beside(one, two, "trl"), two]
    ours, theirs = (answers[who][0]["losses"] for who in ("textmill", "trl"))
    apart = [abs(a - b) / b for a, b in zip(ours, theirs, strict=False)]
    rows.append(common.row(f"textmill {case}", "first_loss", ours[0], peer="trl", ratio_to_peer=ours[0] / theirs[0]))
    rows.append(common.row(f"textmill {case}", "last_loss", ours[-1], peer="trl", ratio_to_peer=ours[-1] / theirs[-1]))
    rows.append(
        common.row(f"textmill {case}", "loss_apart", statistics.fmean(apart), min(apart), max(apart), len(apart))
    )
    return rows


def rates_of(answer: dict[str, Any], clock: str) -> list[float]:
    """Returns tokens a second of each step that counts, by the wall or by what the processor worked."""
    pairs = list(zip(answer["tokens"], answer[clock], strict=True))[WARM:]
    return [tokens / seconds for tokens, seconds in pairs]


def ask(who: str, interpreter: str, case: str, file: Path, given: Any) -> dict[str, Any]:
    """Returns a contender's answer."""
    words = [who, str(given.model), str(file), case, *map(str, (given.steps, given.a_step, given.threads, RATES[case]))]
    environment = os.environ | {"OMP_NUM_THREADS": str(given.threads), "HF_HUB_OFFLINE": "1"}
    command = [interpreter, str(HERE / "tune_contenders.py"), *words]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    if done.returncode:
        raise SystemExit(f"{who}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
