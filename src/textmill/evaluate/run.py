"""One suite for one model: what is left to score is scored and kept, then all of it becomes the result.

    items ─▶ journal (what is there already) ─▶ score or write the rest ─▶ figures ─▶ result.json

The result holds everything that decides the scores: weights' hash, precision, prompt and few-shot rule, sample, chance,
baseline, what was left out and why, and which items the training corpus has.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import textmill
from textmill.evaluate.baselines import baseline
from textmill.evaluate.bits_per_byte import bits_per_byte
from textmill.evaluate.intervals import Score
from textmill.evaluate.items import CHOICE, CLOZE, CODE, TEXT, TRANSLATION, Item
from textmill.evaluate.journal import FORMAT_VERSION, Journal, items_hash
from textmill.evaluate.likelihood import Likelihood
from textmill.evaluate.metrics import by_groups, centred, figures_of, macro_f1, scores_as_dict, summary
from textmill.evaluate.pairs import Encoded, encoded
from textmill.evaluate.subject import Subject
from textmill.evaluate.suites.files import Found
from textmill.evaluate.suites.suite import Suite
from textmill.evaluate.texts import text_scores
from textmill.evaluate.written import figures_of_text, program_of, write
from textmill.files import write_json
from textmill.infer.prompts import document_start
from textmill.progress import Progress, silent
from textmill.sandbox.program import Program
from textmill.sandbox.run import run_programs

TEXTS_AT_ONCE = 64
PROGRAMS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A suite with its items. `source`: where they came from; `limit`: only the first so many (0: all)."""

    suite: Suite
    found: Found
    source: str
    limit: int = 0

    @property
    def items(self) -> Sequence[Item]:
        """What is asked, in order."""
        return self.found.items


def evaluate_suite(
    subject: Subject,
    asked: Asked,
    folder: Path,
    *,
    progress: Progress = silent,
    contamination: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Scores what is not scored yet, writes SUITE.jsonl and SUITE.json in `folder`, and returns the result.

    `contamination`: by item name, which documents of the training corpus have it (see `contamination`).
    """
    began = time.perf_counter()
    journal = Journal(folder / f"{asked.suite.name}.jsonl", identity(subject, asked))
    with journal:
        total = len(asked.items)
        progress(len(journal.records), total)
        for place, record in records(subject, asked, set(journal.records)):
            journal.add(place, record)
            progress(len(journal.records), total)
    seconds = time.perf_counter() - began
    result = result_of(subject, asked, journal, seconds, contamination)
    write_json(folder / f"{asked.suite.name}.json", result)
    return result


def identity(subject: Subject, asked: Asked) -> dict[str, Any]:
    """Returns what decides an evaluation's scores; for the same, lines of an earlier call count."""
    suite = asked.suite
    writes = suite.kind not in (CHOICE, CLOZE, TEXT)
    template = subject.loaded.tokenizer.chat_template
    through = {"chat": hashlib.sha256(template.encode()).hexdigest()[:32]} if subject.chat else {}
    return through | {
        "format_version": FORMAT_VERSION,
        "model": subject.hash,
        "tokenizer": subject.loaded.tokenizer.hash,
        "suite": suite.name,
        "items": items_hash(asked.items),
        "path": subject.engine.runner.path if writes else subject.scorer.path,
        "context": subject.context,
        "stop": list(suite.stop),
        "max_tokens": suite.max_tokens,
    }


def records(subject: Subject, asked: Asked, done: set[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (place, record) of every item that is not `done`, with the item and its figures in the record."""
    left = [place for place in range(len(asked.items)) if place not in done]
    items = [asked.items[place] for place in left]
    kind = asked.suite.kind
    if not items:
        return
    if kind in (CHOICE, CLOZE):
        source = likelihoods(subject, items)
    elif kind == TEXT:
        source = texts(subject, items)
    else:
        source = write(subject, items, stop=asked.suite.stop, max_tokens=asked.suite.max_tokens)
        source = judged(items, source) if kind == CODE else source
    for place, record in source:
        yield left[place], {"item": items[place].as_dict()} | record | figures(items[place], record)


def figures(item: Item, record: dict[str, Any]) -> dict[str, Any]:
    """Returns {"figures": …} of an item, nothing for one that could not be scored."""
    if "left_out" in record or item.kind == TEXT:
        return {}
    if item.kind in (CHOICE, CLOZE):
        likelihood = Likelihood(
            sums=tuple(record["log_probabilities"]), tokens=tuple(record["tokens"]), greedy=tuple(record["greedy"])
        )
        return {"figures": figures_of(item, likelihood)}
    return {"figures": figures_of_text(item, record)}


def likelihoods(subject: Subject, items: Sequence[Item]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields what the scorer says of each item."""
    whole: list[Encoded] = list(encoded(items, subject.loaded.tokenizer, subject.context, chat=subject.chat))
    for place, item in enumerate(whole):
        if not item.pairs:
            yield place, {"left_out": "too_long"}
    for place, likelihood in subject.scorer.score(whole):
        cut = max(pair.cut for pair in whole[place].pairs)
        yield place, likelihood.as_dict() | {"cut": cut}


def texts(subject: Subject, items: Sequence[Item]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the bits of each text."""
    tokenizer, model = subject.loaded.tokenizer, subject.scorer.model
    for start in range(0, len(items), TEXTS_AT_ONCE):
        some = items[start : start + TEXTS_AT_ONCE]
        ids = tokenizer.encode_batch([item.prompts[0] for item in some])
        sizes = [len(item.prompts[0].encode("utf-8", "replace")) for item in some]
        with torch.inference_mode():
            found = bits_per_byte(
                model,
                zip(ids, sizes, strict=True),
                end_of_text_id=document_start(tokenizer),
                context=subject.context,
                keep_documents=True,
            )
        for place, bits in enumerate(found.document_bits):
            yield start + place, {"bits": bits, "bytes": sizes[place], "tokens": len(ids[place])}


def judged(
    items: Sequence[Item], written: Iterator[tuple[int, dict[str, Any]]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the records with how each program ended in the sandbox; the caller has seen that running it is allowed."""
    waiting: list[tuple[int, dict[str, Any]]] = []
    for place, record in written:
        waiting.append((place, record))
        if len(waiting) == PROGRAMS_AT_ONCE or place == len(items) - 1:
            programs = [program_of(items[at], said["text"]) for at, said in waiting]
            outcomes = run_programs([Program(code=code, tests=tests) for code, tests in programs], allowed=True)
            for (at, said), outcome in zip(waiting, outcomes, strict=True):
                yield at, said | {"passed": outcome.passed, "reason": outcome.reason, "detail": outcome.detail[:200]}
            waiting = []


def result_of(
    subject: Subject, asked: Asked, journal: Journal, seconds: float, contamination: dict[str, Any] | None
) -> dict[str, Any]:
    """Returns the result from all records."""
    scored = len(journal.records) - journal.done_before
    ordered = [journal.records[place] for place in range(len(asked.items)) if place in journal.records]
    scores, groups = scores_of(asked, ordered)
    cheap = baseline(asked.items)
    return {
        "format_version": FORMAT_VERSION,
        "model": about_model(subject),
        "path": journal.identity["path"],
        "suite": about_suite(asked),
        "n": len(asked.items),
        "problems": problems(asked, ordered),
        "scores": scores_as_dict(scores),
        "groups": {name: scores_as_dict(of_group) for name, of_group in groups.items()},
        "baseline": {"rule": cheap[0], **cheap[1].as_dict()} if cheap else None,
        "contamination": contaminated_scores(asked, ordered, contamination),
        "seconds": seconds,
        "items_per_second": scored / seconds if scored else None,
        "done_before": journal.done_before,
        "time": time.time(),
        "versions": {"textmill": textmill.__version__, "torch": torch.__version__},
        "identity": journal.identity,
    }


def about_model(subject: Subject) -> dict[str, Any]:
    """Returns what names the model."""
    model = subject.loaded.model
    return {
        "name": subject.name,
        "step": subject.loaded.step,
        "chat": subject.template,
        "hash": subject.hash,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "context": subject.context,
        "vocabulary_size": subject.loaded.tokenizer.vocabulary_size,
    }


def about_suite(asked: Asked) -> dict[str, Any]:
    """Returns the rules of the suite as the result shows them."""
    suite = asked.suite
    chances = [item.chance for item in asked.items if item.chance is not None]
    chance = suite.chance if suite.chance is not None else sum(chances) / len(chances) if chances else None
    return {
        "name": suite.name,
        "kind": suite.kind,
        "metric": suite.metric,
        "rule": suite.rule,
        "shots": suite.shot_rule,
        "language": suite.language,
        "stop": list(suite.stop),
        "max_tokens": suite.max_tokens,
        "source": asked.source,
        "limit": asked.limit,
        "chance": chance,
        "part_of": suite.part_of,
    }


def problems(asked: Asked, ordered: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns how many rows and items there is something to know about, and by what rule they were treated."""
    return {
        "not_items": dict(asked.found.problems),
        "first_not_item": asked.found.first_problem,
        "equal_choices": sum(item.equal_choices for item in asked.items if item.kind == CHOICE),
        "cut": sum(bool(record.get("cut")) for record in ordered),
        "too_long": sum(record.get("left_out") == "too_long" for record in ordered),
    }


def scores_of(asked: Asked, ordered: Sequence[dict[str, Any]]) -> tuple[dict[str, Score], dict[str, dict[str, Score]]]:
    """Returns the scores of all items and by group."""
    suite = asked.suite
    if suite.kind == TEXT:
        return text_scores(ordered)
    whole = [record for record in ordered if "figures" in record]
    values = [record["figures"] for record in whole]
    names = [record["item"].get("group", "") for record in whole]
    scores = summary(values, names, by_group=suite.by_group)
    if suite.labelled and whole:
        said = [max(range(len(r["log_probabilities"])), key=r["log_probabilities"].__getitem__) for r in whole]
        value = macro_f1([record["item"]["answer"] for record in whole], said)
        scores["macro_f1"] = Score(value=value, low=float("nan"), high=float("nan"), n=len(whole))
    if suite.kind == TRANSLATION:
        from textmill.evaluate.translation import corpus_scores

        scores |= corpus_scores([r["text"] for r in whole], [r["item"]["references"] for r in whole])
    if suite.chance is not None and suite.metric in scores and suite.part_of:
        told = scores[suite.metric]
        edges = [centred(value, suite.chance) for value in (told.value, told.low, told.high)]
        scores["centred"] = Score(value=edges[0], low=edges[1], high=edges[2], n=told.n)
    return scores, by_groups(values, names)


def contaminated_scores(
    asked: Asked, ordered: Sequence[dict[str, Any]], contamination: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Returns how many items the corpus has, and the scores of the others alone."""
    if contamination is None:
        return None
    found = contamination["items"]
    rest = [record for record in ordered if record["item"]["name"] not in found and "figures" in record]
    clean = summary([record["figures"] for record in rest], [record["item"].get("group", "") for record in rest])
    counted = Counter(record["item"]["name"] in found for record in ordered)
    return {**contamination, "found": counted[True], "without_them": scores_as_dict(clean)}
