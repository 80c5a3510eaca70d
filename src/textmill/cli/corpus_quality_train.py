"""`textmill corpus quality train`: a small model that tells good documents from bad ones, from a few hundred labels.

The document of ``--json``: ``file, good, bad, folds, auc, auc_low, auc_high, accuracy, accuracy_low, accuracy_high,
accuracy_of_guessing, brier, seconds``.
"""

import time
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.errors import UsageError
from textmill.i18n import t


def run(
    context: Context, *, labels: tuple[Path, ...], good: tuple[Path, ...], bad: tuple[Path, ...], out: Path
) -> dict[str, Any]:
    """Trains the model on what `labels`, `good` and `bad` name and writes it to `out`."""
    from textmill.data.cleaning.labels import gathered
    from textmill.data.cleaning.quality import save
    from textmill.data.cleaning.quality_training import train

    if not labels and not (good and bad):
        raise UsageError("cli_corpus_quality_train.nothing")
    began = time.monotonic()
    texts, marks = gathered(labels, good, bad)
    with context.progress(t("cli_corpus_quality_train.progress")) as progress:
        model = train(texts, marks, progress)
    save(model, out)
    facts = model.facts
    context.print(t("cli_corpus_quality_train.learned", good=facts["good"], bad=facts["bad"]))
    context.print(t("cli_corpus_quality_train.auc", folds=facts["folds"], **shown(facts, "auc")))
    guess = f"{facts['accuracy_of_guessing']:.3f}"
    context.print(t("cli_corpus_quality_train.accuracy", guess=guess, **shown(facts, "accuracy")))
    context.print(t("cli_corpus_quality_train.saved", file=out))
    return {"file": out, **facts, "seconds": round(time.monotonic() - began, 2)}


def shown(facts: dict[str, Any], name: str) -> dict[str, str]:
    """Returns a figure and its interval as texts."""
    values = {"value": facts[name], "low": facts[f"{name}_low"], "high": facts[f"{name}_high"]}
    return {key: f"{value:.3f}" for key, value in values.items()}


COMMAND = Command(
    words=("corpus", "quality", "train"),
    run=run,
    example="textmill corpus quality train labels.jsonl\ntextmill corpus quality train --good chosen/ --bad refused/",
    arguments=(
        Argument(name="labels", kind=Path, many="*", metavar="LABELS.jsonl"),
        Argument(name="--good", kind=Path, many="*", metavar="PATH"),
        Argument(name="--bad", kind=Path, many="*", metavar="PATH"),
        Argument(name="--out", kind=Path, default=Path("quality.safetensors"), metavar="FILE"),
    ),
    reads_project=False,
)
