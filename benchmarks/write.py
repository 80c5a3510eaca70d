"""Writing: what holds of articles from a source, ours beside plain prompting of the same model; a watermark's curve.

    python write.py [CASE] --data DIR --model FOLDER --work DIR [--tasks N] [--pairs N] [--weights auto] [--json]

    en, zh       N tasks each (default 200): the outline followed, length within a tenth, the required word, citations
                 of no source, sentences (cited, and all) that their source does not support by `apps.write.support`,
                 how many of ours are quotations, repetition and distinct-3 beside the sources' own
    watermark    marked articles without sources, cut to lengths in tokens: how many are found at p < .001; human texts
                 of the same lengths under many keys: how many are found wrongly

What is written goes to DIR/write.jsonl as it is written: the same command goes on behind the last line. `--pairs`
prints so many pairs in an order drawn by lot, and at the end which is whose. The support rules are ours: they decide
what we write as well as what is counted here, so the count of unsupported sentences favours us; read the pairs.
"""

import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import common
from write_contenders import HEADINGS, WORDS, Ours, Plain, Task, tasks

CASES = ("en", "zh", "watermark")
LENGTHS = (25, 50, 100, 200)
KEYS = 20
LEVEL = 0.001
MARKED_WORDS = {"en": 170, "zh": 260}
MARKED_TASKS = 20
"""Articles in each language for the curve."""
KEY = "benchmark key of the curve"
Figures = dict[str, float]


def main() -> None:
    """Writes, counts, prints."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--model", required=True, help="folder of the model, in Hugging Face's layout")
    words.add_argument("--weights", default="auto")
    words.add_argument("--work", type=Path, required=True, help="folder in which what is written is kept")
    words.add_argument("--tasks", type=int, default=200)
    words.add_argument("--pairs", type=int, default=10)
    given = words.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    kept = Kept(given.work / "write.jsonl")
    rows: list[common.Row] = []
    ours = Ours(given.model, given.weights)
    for case in [given.case] if given.case else CASES:
        if case == "watermark":
            rows += curve(ours, kept, given)
            continue
        wanted = tasks(given.data, case, given.tasks)
        for task in wanted:
            kept.one(case, task, ours.name, lambda task=task: ours.write(task))
        plain = Plain(given.model)
        for task in wanted:
            kept.one(case, task, plain.name, lambda task=task, plain=plain: plain.write(task))
        del plain
        rows += compared(case, wanted, kept)
        show_pairs(case, wanted[: given.pairs], kept)
    common.report(rows, given.json)


class Kept:
    """What was written so far, a line each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        found = [json.loads(line) for line in lines if line.endswith("}")]
        self.known: dict[tuple[str, ...], dict[str, Any]] = {tuple(each["key"]): each for each in found}

    def one(self, case: str, task: Task, system: str, write: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Returns what a system wrote for a task, written now where it is not there."""
        said = hashlib.sha256(f"{task.title} {task.source}".encode()).hexdigest()[:12]
        key = (case, said, system)
        if key not in self.known:
            self.known[key] = {"key": list(key), **write()}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.known[key], ensure_ascii=False) + "\n")
            print(f"{case} {task.number} {system} {self.known[key]['seconds']:.0f} s", file=sys.stderr)
        return self.known[key]


def figures(task: Task, written: dict[str, Any]) -> Figures:
    """Returns what holds of one article."""
    from textmill.apps.write.order import CITATION, has_word, length
    from textmill.apps.write.sources import Finder, text_sources
    from textmill.data.sentences import sentences
    from textmill.evaluate.text_quality import repetition

    text = re.split(r"\n## (?:Sources|资料来源)\n", written["text"])[0]  # text data
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    headings = [line.strip("#* ") for line in lines if line.startswith(("#", "**"))]
    body = " ".join(line for line in lines if not line.startswith("#"))
    said = [each.strip() for each in sentences(body) if length(each) > 1]
    finder = Finder(text_sources([(task.title, task.source)], task.language))
    held = [supported(each, task, finder) for each in said]
    cited = [ok for each, ok in zip(said, held, strict=True) if re.search(r"\[\d+\]", each)]
    wanted = list(HEADINGS[task.language])
    return {
        "outline followed": float([each for each in headings if each in wanted] == wanted),
        "length within a tenth": float(0.9 <= length(body) / WORDS[task.language] <= 1.1),
        "required word": float(has_word(body, task.word)),
        "dangling citations": sum(mark != "[1]" for mark in re.findall(r"\[\d+\]", body)),
        "sentences": len(said),
        "cited": len(cited),
        "cited, not supported": len(cited) - sum(cited),
        "not supported": len(said) - sum(held),
        "quoted": written["quoted"],
        "repetition": repetition(CITATION.sub("", body)),
        "seconds": written["seconds"],
    }


def supported(sentence: str, task: Task, finder: Any) -> bool:
    """True where a passage of the source supports a sentence, as it stands or quoted."""
    from textmill.apps.write.candidates import HELD_AGAINST
    from textmill.apps.write.order import CITATION
    from textmill.apps.write.support import support

    bare = re.sub(r"[\"“”]", "", CITATION.sub("", sentence))
    return any(support(bare, each.text, task.title).supported for each in finder.best(bare, HELD_AGAINST))


def compared(case: str, wanted: Sequence[Task], kept: Kept) -> list[common.Row]:
    """Returns the rows of both systems, and of human text where it can be counted."""
    from textmill.evaluate.intervals import resampled_mean, wilson
    from textmill.evaluate.text_quality import distinct, repetition

    rows: list[common.Row] = []
    for name in (Ours.name, Plain.name):
        written = [kept.one(case, task, name, dict) for task in wanted]
        found = [figures(task, each) for task, each in zip(wanted, written, strict=True)]
        n, seconds = len(found), sum(each["seconds"] for each in found)
        for metric in ("outline followed", "length within a tenth", "required word"):
            score = wilson(int(sum(each[metric] for each in found)), n)
            rows.append(common.row(case, f"{name}: {metric}", score.value, score.low, score.high, n, seconds))
        total = {metric: sum(each[metric] for each in found) for metric in found[0]}
        rows.append(common.row(case, f"{name}: dangling citations", total["dangling citations"], n=n))
        for metric, whole in (("cited", "sentences"), ("cited, not supported", "cited"), ("not supported", "sentences"),
                              ("quoted", "sentences")):  # fmt: skip
            score = wilson(int(total[metric]), max(1, int(total[whole])))
            rows.append(
                common.row(case, f"{name}: {metric} of {whole}", score.value, score.low, score.high, int(total[whole]))
            )
        mean = resampled_mean([each["repetition"] for each in found])
        rows.append(common.row(case, f"{name}: rep-4", mean.value, mean.low, mean.high, n))
        rows.append(common.row(case, f"{name}: distinct-3", distinct([each["text"] for each in written], 3), n=n))
    human = [task.source for task in wanted]
    mean = resampled_mean([repetition(text) for text in human])
    rows.append(common.row(case, "human: rep-4", mean.value, mean.low, mean.high, len(human)))
    rows.append(common.row(case, "human: distinct-3", distinct(human, 3), n=len(human)))
    return rows


def show_pairs(case: str, wanted: Sequence[Task], kept: Kept) -> None:
    """Prints pairs in an order drawn by lot, and then which is whose."""
    key = []
    for task in wanted:
        names = [Ours.name, Plain.name]
        if hashlib.sha256(task.title.encode()).digest()[0] % 2:
            names.reverse()
        key.append(f"{task.number}: A {names[0]}, B {names[1]}")
        print(f"\n=== {case} {task.number}: {task.title}\nsource: {task.source}", file=sys.stderr)
        for letter, name in zip("AB", names, strict=True):
            print(f"\n--- {letter}\n{kept.one(case, task, name, dict)['text'].strip()}", file=sys.stderr)
    print("\n".join(["", "Which is whose", *key]), file=sys.stderr)


def curve(ours: Ours, kept: Kept, given: Any) -> list[common.Row]:
    """Returns detection and false positives by length."""
    from textmill.apps.write.watermarked import prose
    from textmill.evaluate.intervals import wilson
    from textmill.infer.watermark import detect

    rows: list[common.Row] = []
    tokenizer = ours.loaded.tokenizer
    for language in ("en", "zh"):
        began = time.perf_counter()
        human = [tokenizer.encode(task.source) for task in tasks(given.data, language, 200)]
        wanted = tasks(given.data, language, min(MARKED_TASKS, given.tasks))

        def write(task: Task) -> dict[str, Any]:
            return ours.write(task, sources=False, watermark=KEY, words=MARKED_WORDS[task.language])

        marked = [
            tokenizer.encode(prose(kept.one("watermark", task, ours.name, lambda task=task: write(task))["text"]))
            for task in wanted
        ]
        for length in LENGTHS:
            for name, texts, keys in (("found", marked, [KEY]), ("found wrongly", human, keys_of(KEYS))):
                long_enough = [ids[:length] for ids in texts if len(ids) >= length]
                hits = [detect(key, ids).p_value < LEVEL for ids in long_enough for key in keys]
                if hits:
                    score = wilson(sum(hits), len(hits))
                    row = (f"{language}, {length} tokens: {name}", score.value, score.low, score.high, len(hits))
                    rows.append(common.row("watermark", *row, time.perf_counter() - began))
    return rows


def keys_of(count: int) -> list[str]:
    """Returns so many keys."""
    return [f"benchmark key number {number}" for number in range(count)]


if __name__ == "__main__":
    main()
