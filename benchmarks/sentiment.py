"""Judging texts: accuracy, calibration, coverage, eight rows a label, documents a second.

    python sentiment.py [CASE] --data DIR [--model FOLDER | --judge FOLDER] [--limit N] [--draws N] [--json]

    sst2, chnsenticorp   trained and calibrated on the training part, and only then read against dev: words alone; with
                         --model a head on the frozen model, words or both, as the rows choose; or with --judge what a
                         run of `textmill tune sentiment` is worth
    eight                eight rows a label, the mean over draws of accuracy on dev (SST-2)
    speed                documents a second from texts to scores, beside transformers' pipeline on the same model

DIR holds `sst2/` and `chnsenticorp/` with `train.tsv` and `dev.tsv`. Dev is read only to report.
"""

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import common

CASES = ("sst2", "chnsenticorp", "eight", "speed")
SPEED_TEXTS = 512


def read(data: Path, case: str, part: str) -> tuple[list[str], np.ndarray]:
    """Returns texts and labels of a part of a set."""
    lines = (data / case / f"{part}.tsv").read_text(encoding="utf-8").splitlines()
    if case == "sst2":
        pairs = [line.rsplit("\t", 1) for line in lines if "\t" in line]
    else:
        pairs = [line.split("\t", 1)[::-1] for line in lines[1:] if "\t" in line]
    return [text for text, _ in pairs], np.array([int(label) for _, label in pairs], dtype=np.int64)


def rows_of(case: str, way: str, judge: Any, texts: list[str], right: np.ndarray, seconds: float) -> list[common.Row]:
    """Returns accuracy, calibration error, coverage and −ln p of a judge on a reported part."""
    from textmill.apps.sentiment.calibration import calibration_error, negative_log_likelihood, softmax
    from textmill.evaluate.intervals import wilson

    scores = np.concatenate([judge.label_scores(texts[at : at + 256]) for at in range(0, len(texts), 256)])
    chances = softmax(scores)
    accuracy = wilson(int((chances.argmax(axis=1) == right).sum()), len(right))
    held = chances[np.arange(len(right)), right] >= (judge.form.threshold or 0.0)
    coverage = wilson(int(held.sum()), len(right))
    size = float((chances >= (judge.form.threshold or 0.0)).sum(axis=1).mean())
    given: dict[str, Any] = {"n": len(right), "seconds": seconds}
    return [
        common.row(case, f"{way}: accuracy", accuracy.value, accuracy.low, accuracy.high, **given),
        common.row(case, f"{way}: calibration error", calibration_error(chances, right), **given),
        common.row(
            case, f"{way}: coverage at {judge.form.coverage}", coverage.value, coverage.low, coverage.high, **given
        ),
        common.row(case, f"{way}: labels a set", size, **given),
        common.row(case, f"{way}: nats", negative_log_likelihood(scores, right), **given),
    ]


def trained(case: str, words: Any) -> list[common.Row]:
    """Trains on the training part and reports dev."""
    from textmill.apps.sentiment.judge import Judge, open_judge
    from textmill.apps.sentiment.labels import form_of
    from textmill.apps.sentiment.making import made_of_words
    from textmill.apps.sentiment.tuning import Labelled
    from textmill.config import SentimentSettings

    texts, right = read(words.data, case, "dev")
    if words.judge:
        judge = open_judge(words.judge, None)
        return rows_of(case, f"judge ({judge.form.use})", judge, texts, right, 0.0)
    given, labels = read(words.data, case, "train")
    given, labels = given[: words.limit or None], labels[: words.limit or None]
    rows = Labelled(texts=tuple(given), labels=labels)
    form = form_of(("0", "1"), SentimentSettings())
    began = time.perf_counter()
    made = made_of_words(form, rows)
    found = rows_of(case, "words", Judge(made.form, words=made.words), texts, right, time.perf_counter() - began)
    if words.model:
        found += with_head(case, words.model, rows, texts, right)
    return found


def with_head(case: str, model: str, rows: Any, texts: list[str], right: np.ndarray) -> list[common.Row]:
    """Returns the same of a frozen model with a head, in the way that the rows choose."""
    began = time.perf_counter()
    judge = headed(model, rows)
    return rows_of(case, f"frozen model ({judge.form.use})", judge, texts, right, time.perf_counter() - began)


def headed(model: str, rows: Any, reader: Any = None) -> Any:
    """Returns the judge that rows make of a frozen model."""
    from textmill.apps.sentiment.head import Head
    from textmill.apps.sentiment.judge import Judge
    from textmill.apps.sentiment.making import made_of_few

    form, reader = reader if reader is not None else reader_of(model)
    made = made_of_few(form, reader, rows)
    return Judge(made.form, reader=reader, words=made.words, head=Head.of(made.tensors))


def reader_of(model: str) -> Any:
    """Returns a form and what reads for it."""
    from textmill.apps.sentiment.labels import form_of, told_apart
    from textmill.apps.sentiment.reading import LabelReader
    from textmill.config import SentimentSettings
    from textmill.infer.resolve import load

    loaded = load(model, None)
    form = told_apart(form_of(("0", "1"), SentimentSettings()), loaded.tokenizer)
    return form, LabelReader(loaded, form)


def eight(words: Any) -> list[common.Row]:
    """Returns the mean accuracy of judges of eight rows a label."""
    from textmill.apps.sentiment.tuning import Labelled

    texts, right = read(words.data, "sst2", "dev")
    texts, right = texts[: words.limit or None], right[: words.limit or None]
    given, labels = read(words.data, "sst2", "train")
    reader, found = reader_of(words.model), []
    began = time.perf_counter()
    for draw in range(words.draws):
        lot = np.random.default_rng(draw)
        chosen = np.concatenate([lot.permutation(np.flatnonzero(labels == label))[:8] for label in (0, 1)])
        rows = Labelled(texts=tuple(given[place] for place in chosen), labels=labels[chosen])
        judge = headed(words.model, rows, reader)
        scores = np.concatenate([judge.label_scores(texts[at : at + 256]) for at in range(0, len(texts), 256)])
        found.append(float((scores.argmax(axis=1) == right).mean()))
    mean, spread = float(np.mean(found)), float(np.std(found, ddof=1)) if len(found) > 1 else 0.0
    reach = 1.96 * spread / len(found) ** 0.5
    seconds = time.perf_counter() - began
    return [common.row("eight", "accuracy, mean over draws", mean, mean - reach, mean + reach, len(found), seconds)]


def speed(words: Any) -> list[common.Row]:
    """Returns documents a second, beside a classification pipeline of the same size."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    texts = read(words.data, "sst2", "train")[0][: words.limit or SPEED_TEXTS]
    _, reader = reader_of(words.model)
    tokenizer = AutoTokenizer.from_pretrained(words.model)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    rows = [rate("textmill", lambda: reader.scores(texts), len(texts), words.rounds)]
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        model = AutoModelForSequenceClassification.from_pretrained(words.model, num_labels=2, dtype=dtype)
        model.config.pad_token_id = tokenizer.pad_token_id
        pipe = pipeline("text-classification", model=model, tokenizer=tokenizer)
        for batch in (1, 32):
            work = partial(pipe, texts, batch_size=batch)
            rows.append(rate(f"transformers {name} batch {batch}", work, len(texts), words.rounds))
    best = max(rows[1:], key=lambda row: row["value"])
    return [common.beside(rows[0], best, best["metric"]), *rows[1:]]


def rate(name: str, work: Any, count: int, rounds: int) -> common.Row:
    """Returns documents a second."""
    seconds = common.timed(work, repeats=rounds)
    middle, low, high = common.median([count / each for each in seconds])
    return common.row("speed", f"{name}: documents a second", middle, low, high, len(seconds), sum(seconds))


def main() -> None:
    """Runs the cases."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--model", default="", help="a model in the Hugging Face layout")
    words.add_argument("--judge", default="", help="the folder of a run of textmill tune sentiment")
    words.add_argument("--limit", type=int, default=0, help="texts; 0: all")
    words.add_argument("--draws", type=int, default=10)
    words.add_argument("--rounds", type=int, default=3)
    given = words.parse_args()
    runs = {"sst2": lambda: trained("sst2", given), "chnsenticorp": lambda: trained("chnsenticorp", given)}
    runs |= {"eight": lambda: eight(given), "speed": lambda: speed(given)}
    chosen = [given.case] if given.case else list(CASES)
    common.report([row for case in chosen for row in runs[case]()], given.json)


if __name__ == "__main__":
    main()
