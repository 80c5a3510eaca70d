"""Does tuning do what it is for? The order of held-out pairs after DPO, held-out sums solved after GRPO.

    python benchmarks/tune_quality.py dpo --model FOLDER --data DIR --work DIR [--seeds 0 1 2] [--steps N]
    python benchmarks/tune_quality.py grpo --work DIR [--seeds 0 1 2] [--steps N]

The runs are those of `textmill tune` with its defaults but for what `WORDS` says, in a project at --work: a run that is
done is only read again, one that was stopped goes on. Held out is the fifth of all problems with
int(sha256(prompt), 16) % 5 == 0, the same for every seed; a seed changes the order and the answers that are drawn.

dpo     instruct/instruction-data-with-preference.json, 1,100 pairs in which one answer is polite and one is not
grpo    a + b for a and b from 0 to 99, rewarded where the answer's number is right; the start is a model of two
        layers of 128 that was tuned, one seed for all, on the answers to a quarter of the sums that are not held out,
        and stopped early. GRPO is asked the others, and never sees an answer.
"""

import hashlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import common

CASES = ("dpo", "grpo")
PAIRS = "instruction-data-with-preference.json"
SUMS = range(100)
SMALL: dict[str, Any] = {"layers": 2, "width": 128, "heads": 4, "context": 64}
START = "start"
START_STEPS = 600
START_WORDS = (
    *("--tune.method", "full", "--train.learning_rate", "0.002", "--train.batch_tokens", "2048"),
    *("--train.threads", "1"),
)
WORDS = {
    "dpo": ("--tune.method", "lora", "--tune.test_rows", "drop", "--evaluate.every", "26", "--checkpoint.every", "13"),
    "grpo": (
        *("--tune.method", "full", "--reward", "exact", "--grpo.max_tokens", "6", "--grpo.held_out", "500"),
        *("--grpo.questions", "32", "--grpo.samples", "16", "--grpo.at_once", "128", "--train.threads", "1"),
    ),
}
TOLD = {"dpo": ("compared", ("accuracy", "likelihood")), "grpo": ("solved", ("reward",))}
"""The event with the figures of what was held out, and the figures."""


def main() -> None:
    """Tunes, reads the events, prints."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--model", type=Path, help="folder of the model that dpo tunes")
    words.add_argument("--work", type=Path, required=True, help="a project for the runs, made where there is none")
    words.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    words.add_argument("--steps", type=int, default=0, help="0: as many as the command takes by itself")
    words.add_argument("--rate", type=float, default=0.0, help="learning rate; 0: the command's own")
    words.add_argument("--threads", type=int, default=0, help="0: one a physical core")
    words.add_argument("--start-steps", type=int, default=START_STEPS, help="of the model that grpo begins with")
    given = words.parse_args()
    if not (given.work / "textmill.toml").is_file():
        textmill(given.work.resolve().parent, "new", given.work.name)
    results = [row for case in CASES if given.case in (None, case) for row in measured(case, given)]
    common.report(results, given.json)


def measured(case: str, given: Any) -> list[common.Row]:
    """Returns the rows of a method: before and after of each seed, and over the seeds."""
    kind, figures = TOLD[case]
    told = [[event for event in tuned(case, seed, given) if event["type"] == kind] for seed in given.seeds]
    rows = []
    for figure in figures:
        for seed, events in zip(given.seeds, told, strict=True):
            for when, event in (("before", events[0]), ("after", events[-1])):
                low, high = (event.get(f"{figure}_{edge}", event[edge]) for edge in ("low", "high"))
                named = f"{case} seed {seed} {when}, step {event['step']}"
                rows.append(common.row(named, figure, event[figure], low, high, event["count"]))
        gains = [events[-1][figure] - events[0][figure] for events in told]
        rows.append(common.row(f"{case} {len(gains)} seeds", f"{figure} gained", *spread(gains), n=len(gains)))
    return rows


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Returns the mean, and the least and the largest value."""
    return statistics.fmean(values), min(values), max(values)


def tuned(case: str, seed: int, given: Any) -> list[dict[str, Any]]:
    """Returns the events of a run, made, finished or only read."""
    training, held_out = files(case, given)
    model = started(given) if case == "grpo" else str(given.model.resolve())
    chosen = [*(["--train.steps", str(given.steps)] if given.steps else [])]
    chosen += ["--train.learning_rate", str(given.rate)] if given.rate else []
    chosen += ["--train.threads", str(given.threads)] if given.threads else []
    named = "-".join([case, f"seed{seed}", *(word.removeprefix("--") for word in chosen)]).replace(".", "_")
    textmill(
        given.work,
        *("tune", case, "--model", model, "--name", named, "--resume"),
        *("--data", str(training), "--validation", str(held_out), "--train.seed", str(seed)),
        *WORDS[case],
        *chosen,
    )
    from textmill.train.events import read_events

    return read_events(given.work / "runs" / named)


def started(given: Any) -> str:
    """Returns the name of the run with the model that grpo begins with, made where it is missing."""
    from textmill.config import TokenizerSettings
    from textmill.model.config import modern
    from textmill.model.gpt import GPT
    from textmill.model.hub.folder import save_model
    from textmill.tokenizer.train import train_tokenizer

    folder, name = given.work.resolve() / "untuned", f"{START}-{given.start_steps}"
    if not folder.is_dir():
        import torch

        texts = [f"{row['prompt']} {row['answer']} user assistant" for row in sums()]
        tokenizer = train_tokenizer(texts, settings=TokenizerSettings(), vocabulary_size=360)
        model = GPT(modern(vocabulary_size=tokenizer.vocabulary_size, **SMALL))
        model.initialise(torch.Generator().manual_seed(0))
        tokenizer.save(folder)
        save_model(model, folder)
    taught = str(given.work.resolve() / "problems" / "sums-taught.jsonl")
    words = ("--train.steps", str(given.start_steps), "--train.seed", "0", "--tune.context", str(SMALL["context"]))
    named = ("--model", str(folder), "--name", name, "--data", taught, "--resume")
    textmill(given.work, "tune", "sft", *named, *START_WORDS, *words)
    return name


def textmill(folder: Path, *words: str) -> None:
    """Runs a command in a folder; what it says goes to stderr."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TEXTMILL_UI_LANGUAGE": "en"}
    subprocess.run(
        [sys.executable, "-m", "textmill", *words], check=True, cwd=folder, env=environment, stdout=sys.stderr
    )


def files(case: str, given: Any) -> tuple[Path, Path]:
    """Writes the problems to learn from and those held out; returns the files."""
    problems = list(sums() if case == "grpo" else pairs(given.data))
    folder = given.work.resolve() / "problems"
    folder.mkdir(exist_ok=True)
    parts = [[row for row in problems if held_out(row) == wanted] for wanted in (False, True)]
    if case == "grpo":
        parts[0] = sorted(parts[0], key=lambda row: digest(row["prompt"] + "order"))
        taught, parts[0] = parts[0][: len(parts[0]) // 4], parts[0][len(parts[0]) // 4 :]
        write(folder / "sums-taught.jsonl", [told(row) for row in taught])
    training, measured = folder / f"{case}-train.jsonl", folder / f"{case}-held-out.jsonl"
    write(training, parts[0])
    write(measured, sorted(parts[1], key=lambda row: digest(row["prompt"])))
    return training, measured


def told(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a sum and its answer as the conversation that a problem is asked in."""
    said = (("user", row["prompt"]), ("assistant", row["answer"]))
    return {"messages": [{"role": role, "content": text} for role, text in said]}


def write(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows as JSON lines."""
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def held_out(row: dict[str, Any]) -> bool:
    """True for a fifth of all prompts."""
    return digest(row["prompt"]) % 5 == 0


def digest(text: str) -> int:
    """Returns a text's SHA-256 as a number."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


def sums() -> Iterator[dict[str, Any]]:
    """Yields all sums."""
    for one in SUMS:
        for other in SUMS:
            yield {"prompt": f"{one} + {other} = ?", "answer": str(one + other)}


def pairs(data: Path | None) -> Iterator[dict[str, Any]]:
    """Yields the pairs of the file."""
    if data is None:
        raise SystemExit("--data DIR: where instruct/ lies")
    for row in json.loads((data / "instruct" / PAIRS).read_text(encoding="utf-8")):
        prompt = "\n\n".join(part for part in (row["instruction"], row["input"]) if part)
        yield {"prompt": prompt, "chosen": row["chosen"], "rejected": row["rejected"]}


if __name__ == "__main__":
    main()
