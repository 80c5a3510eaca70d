"""Evaluation suites while a run trains: the settings' suites every so many steps, as events of the type "suite".

The model is only read: it stays in its precision, mode and on its device, and the random state is put back
(`undisturbed`), so a run with suites trains the same weights as one without. Items are read once, when the run starts:
what is missing is told before the first step.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from textmill.config import EvaluateSettings
from textmill.errors import InputError
from textmill.evaluate.items import CHOICE, CLOZE
from textmill.evaluate.likelihood import Scorer
from textmill.evaluate.metrics import figures_of, summary
from textmill.evaluate.packed import can_pack
from textmill.evaluate.pairs import encoded
from textmill.evaluate.run import Asked
from textmill.evaluate.suites.files import local_sources, suite_items
from textmill.evaluate.suites.registry import SUITES
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.train.evaluation import undisturbed

if TYPE_CHECKING:
    from textmill.train.run import Run

FOLDER = "suites"


def asked_suites(settings: EvaluateSettings, project: Path) -> list[Asked]:
    """Returns the suites of the settings with their items; InputError for one that is not there or is not scored."""
    asked = []
    folder = Path(settings.suite_files).expanduser() if settings.suite_files else project / FOLDER
    sources = local_sources(folder) if settings.suites and folder.exists() else []
    for name in settings.suites:
        suite = SUITES.get(name)
        if suite is None or suite.kind not in (CHOICE, CLOZE):
            known = ", ".join(name for name, suite in SUITES.items() if suite.kind in (CHOICE, CLOZE))
            raise InputError("evaluate.no_training_suite", name=name, known=known)
        found = suite_items(suite, sources, limit=settings.suite_items)
        if not found.items:
            raise InputError(
                "evaluate.suite_missing",
                name=name,
                place=folder,
                files=", ".join(suite.files),
                command=f"textmill evaluate --suite {name} --download",
            )
        asked.append(Asked(suite=suite, found=found, source=str(folder), limit=settings.suite_items))
    return asked


def score_suites(run: "Run") -> None:
    """Scores the run's suites, if it has any, and writes an event for each."""
    if not run.suites:
        return
    with run.shown(), run.looked_at() as model:
        if model is None:
            return
        scores = suite_scores(model, run.tokenizer, run.suites, dtype=run.dtype)
    for score in scores:
        run.event("suite", **score)


def suite_scores(
    model: GPT, tokenizer: Tokenizer, asked: Sequence[Asked], *, dtype: torch.dtype
) -> list[dict[str, Any]]:
    """Returns {"suite", "figure", "value", "low", "high", "n", "path"} of each suite."""
    scores = []
    with undisturbed(model):
        # in bf16 only where that leaves the weights as they are
        scorer = Scorer(model, precision="bf16" if dtype == torch.bfloat16 and can_pack(model) else "fp32")
        for each in asked:
            whole = list(encoded(each.items, tokenizer, model.config.context))
            found = sorted(scorer.score(whole))
            figures = [figures_of(each.items[place], likelihood) for place, likelihood in found]
            groups = [each.items[place].group for place, _ in found]
            score = summary(figures, groups, by_group=each.suite.by_group)[each.suite.metric]
            about = {"suite": each.suite.name, "figure": each.suite.metric, "path": scorer.path}
            scores.append(about | score.as_dict())
    return scores
