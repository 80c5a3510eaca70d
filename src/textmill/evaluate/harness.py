"""Tasks of lm-evaluation-harness on our models: its prompts, its metrics, our log-probabilities and our engine.

    task ─▶ requests ─▶ items (a document's choices together) ─▶ scorer or engine ─▶ its metrics ─▶ a result as ours

Texts are cut into tokens by the same rule as ours (see `pairs`), so that a task which both have gets the same scores. A
rolling likelihood goes through windows with half stride (see `bits_per_byte`), not through the harness's own.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.errors import InputError, MissingExtraError
from textmill.evaluate.items import ANSWER, CHOICE, CLOZE, TEXT, Item
from textmill.evaluate.journal import FORMAT_VERSION, items_hash
from textmill.evaluate.metrics import scores_as_dict, summary
from textmill.evaluate.pairs import encoded
from textmill.evaluate.run import about_model, texts
from textmill.evaluate.subject import Subject
from textmill.evaluate.written import write
from textmill.files import write_bytes, write_json

if TYPE_CHECKING:
    from lm_eval.api.model import LM

METRICS = {
    "acc": "accuracy",
    "acc_norm": "accuracy_normalised",
    "acc_bytes": "accuracy_per_byte",
    "exact_match": "exact_match",
}
"""Figures that both have, by their names there."""
NAMED = "harness_"


def harness_model(subject: Subject) -> "LM":
    """Returns the model as the harness calls it; MissingExtraError where lm-eval is not installed."""
    try:
        from lm_eval.api.model import LM
    except ImportError:
        raise MissingExtraError("evaluate.missing_extra", what="lm-evaluation-harness", package="lm-eval") from None

    class HarnessModel(LM):
        """Answers the harness's three kinds of requests."""

        def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
            return likelihoods(subject, [request.args for request in requests])

        def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
            items = [Item(name="", kind=TEXT, prompts=(request.args[0],)) for request in requests]
            return [-record["bits"] * math.log(2) for _, record in texts(subject, items)]

        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            return [generated(subject, *request.args) for request in requests]

    return HarnessModel()


def likelihoods(subject: Subject, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, bool]]:
    """Returns (ln p, greedy) of each (context, continuation); neighbours with the same context are one item."""
    items: list[Item] = []
    for context, continuation in pairs:
        if items and items[-1].prompts[0] == context:
            items[-1] = replace(items[-1], choices=(*items[-1].choices, continuation))
        else:
            items.append(Item(name="", kind=CHOICE, prompts=(context,), choices=(continuation,)))
    whole = list(encoded(items, subject.loaded.tokenizer, subject.context))
    found = dict(subject.scorer.score(whole))
    answers: list[tuple[float, bool]] = []
    for place, item in enumerate(items):
        if place in found:
            answers += zip(found[place].sums, found[place].greedy, strict=True)
        else:  # a choice longer than the context, or without a token: nothing is known of it
            answers += [(-math.inf, False)] * len(item.choices)
    return answers


def generated(subject: Subject, context: str, options: dict[str, Any]) -> str:
    """Returns what the model writes, by the likeliest token, up to one of the harness's stops."""
    until = options.get("until") or ()
    stop = (until,) if isinstance(until, str) else tuple(until)
    item = Item(name="", kind=ANSWER, prompts=(context,))
    most = int(options.get("max_gen_toks") or 256)
    ((_, record),) = write(subject, [item], stop=stop, max_tokens=most)
    return record["text"]


def evaluate_tasks(
    subject: Subject, tasks: Sequence[str], folder: Path, *, place: Path | None, limit: int
) -> Iterator[dict[str, Any]]:
    """Runs tasks of the harness and yields a result for each, written as `evaluate` writes its own.

    `place`: a folder with task files of the user's own; InputError for a task that neither knows.
    """
    model = harness_model(subject)
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(place) if place else None, include_defaults=place is None)
    unknown = [task for task in tasks if not manager.match_tasks([task])]
    if unknown:
        raise InputError("evaluate.no_task", name=unknown[0], place=place or "lm-eval")
    began = time.perf_counter()
    told: Any = simple_evaluate(
        model=model, tasks=list(tasks), task_manager=manager, limit=limit or None, bootstrap_iters=0, log_samples=True
    )
    seconds = time.perf_counter() - began
    for name, samples in told["samples"].items():
        result, lines = result_of(subject, name, told["results"][name], samples, seconds, limit)
        write_bytes(folder / f"{NAMED}{name}.jsonl", lines)
        write_json(folder / f"{NAMED}{name}.json", result)
        yield result


def result_of(
    subject: Subject, name: str, told: dict[str, Any], samples: Sequence[dict[str, Any]], seconds: float, limit: int
) -> tuple[dict[str, Any], bytes]:
    """Returns a task's result in our form, and its lines."""
    import json

    items = [item_of(name, sample) for sample in samples]
    figures = [{METRICS[key]: float(sample[key]) for key in METRICS if key in sample} for sample in samples]
    kind = items[0].kind if items else CHOICE
    metric = next((METRICS[key] for key in ("acc_norm", "acc", "exact_match") if items and key in samples[0]), "")
    identity = {"format_version": FORMAT_VERSION, "model": subject.hash, "items": items_hash(items)}
    lines = [json.dumps({"identity": identity})]
    for place, (item, sample, figure) in enumerate(zip(items, samples, figures, strict=True)):
        record = {"place": place, "item": item.as_dict(), **said(item, sample), "figures": figure}
        lines.append(json.dumps(record, ensure_ascii=False))
    result = {
        "format_version": FORMAT_VERSION,
        "model": about_model(subject),
        "path": subject.engine.runner.path if kind == ANSWER else subject.scorer.path,
        "suite": {
            **{"name": f"{NAMED}{name}", "kind": kind, "metric": metric, "rule": f"lm-evaluation-harness: {name}"},
            **{"shots": "0", "language": "", "source": "lm-evaluation-harness", "limit": limit, "part_of": ""},
            "chance": mean_chance(items),
        },
        "n": len(items),
        "problems": {"not_items": {}, "first_not_item": "", "equal_choices": 0, "cut": 0, "too_long": 0},
        "scores": scores_as_dict(summary(figures, [""] * len(items))),
        "groups": {},
        "baseline": None,
        "contamination": None,
        "seconds": seconds,
        "items_per_second": len(items) / seconds,
        "done_before": 0,
        "time": time.time(),
        "harness": {key: value for key, value in told.items() if isinstance(value, str | int | float)},
        "identity": identity,
    }
    return result, ("\n".join(lines) + "\n").encode()


def mean_chance(items: Sequence[Item]) -> float | None:
    """Returns the share of right answers of one who guesses."""
    chances = [item.chance for item in items if item.chance is not None]
    return sum(chances) / len(chances) if chances else None


def item_of(name: str, sample: dict[str, Any]) -> Item:
    """Returns a sample of the harness as an item."""
    asked: list[Sequence[Any]] = [
        arguments if isinstance(arguments, tuple | list) else (arguments,) for arguments in sample["arguments"]
    ]
    contexts = tuple(dict.fromkeys(str(each[0]) for each in asked))
    title = f"{name}:{sample['doc_id']}"
    if len(asked[0]) > 1 and isinstance(asked[0][1], str):
        target = str(sample.get("target"))
        answer = int(target) if target.isdigit() and int(target) < len(asked) else 0
        choices = tuple(str(each[1]) for each in asked)
        prompts = contexts if len(contexts) in (1, len(choices)) else contexts[:1]
        return Item(
            name=title, kind=CHOICE if len(asked) > 1 else CLOZE, prompts=prompts, choices=choices, answer=answer
        )
    return Item(name=title, kind=ANSWER, prompts=contexts[:1], references=(str(sample.get("target", "")),))


def said(item: Item, sample: dict[str, Any]) -> dict[str, Any]:
    """Returns what the model said of a sample."""
    answers = [answer[0] if isinstance(answer, list) else answer for answer in sample["resps"]]
    if item.kind == ANSWER:
        return {"text": str(answers[0])}
    return {"log_probabilities": [float(each[0]) for each in answers], "greedy": [bool(each[1]) for each in answers]}
