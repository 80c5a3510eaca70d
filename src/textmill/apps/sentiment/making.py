"""A judge is made of what a model scores, what words score, and held-out rows that say what both are worth.

    few rows    states of a frozen model ─▶ a head by cross-validation; words likewise; the blend on scores out of fold
    many rows   weights tuned on the training part (`tuning`), words too; the blend on the part held out

What is likelier on rows that its own blend had not seen is used: the model, words, or both. So a judge is never worse
than the cheap way by more than chance, and says which it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textmill.apps.sentiment.calibration import (
    calibration_error,
    choose,
    negative_log_likelihood,
    softmax,
    threshold_of,
)
from textmill.apps.sentiment.form import TENSORS_FILE, Form
from textmill.apps.sentiment.head import best_head, folds_of
from textmill.apps.sentiment.reading import LabelReader
from textmill.apps.sentiment.tuning import Labelled
from textmill.apps.sentiment.words import WordModel, train_words
from textmill.evaluate.intervals import wilson
from textmill.progress import Progress, silent

AT_ONCE = 256
"""Texts between two reports of progress."""


@dataclass(slots=True, kw_only=True)
class Made:
    """A judge that is ready to be kept: its form, and what stands in its tensors."""

    form: Form
    words: WordModel
    tensors: dict[str, torch.Tensor]

    def write(self, folder: Path) -> None:
        """Writes all files of the judge; the form, which makes it one, last."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.tensors | self.words.write(folder), folder / TENSORS_FILE)
        self.form.write(folder)


def in_parts(
    texts: tuple[str, ...], work: Callable[[tuple[str, ...]], np.ndarray], progress: Progress = silent
) -> np.ndarray:
    """Returns what `work` makes of all texts, some at a time."""
    parts = []
    for start in range(0, len(texts), AT_ONCE):
        parts.append(work(texts[start : start + AT_ONCE]))
        progress(min(len(texts), start + AT_ONCE), len(texts))
    return np.concatenate(parts)


def made_of_few(form: Form, reader: LabelReader, rows: Labelled, *, progress: Progress = silent) -> Made:
    """Returns a judge whose model stays as it is."""
    prior = reader.prior()
    form = replace(form, prior=prior)
    states = in_parts(rows.texts, lambda texts: reader.states(texts)[0], progress)
    own = reader.logits(torch.from_numpy(states)) - np.array(prior)
    head, model_scores = best_head(states, own, rows.labels)
    classes = len(form.labels)
    words = train_words(rows.texts, rows.labels, classes)
    form = finished(form, model_scores, words_out_of_fold(rows, classes), rows.labels)
    return Made(form=replace(form, head=True), words=words, tensors=head.tensors())


def words_out_of_fold(rows: Labelled, classes: int) -> np.ndarray:
    """Returns each row's scores (N, C) from words that had not seen its fold."""
    folds, found = folds_of(rows.labels), np.zeros((len(rows), classes))
    for fold in np.unique(folds):
        inside, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        part = rows.rows(rest)
        found[inside] = train_words(part.texts, part.labels, classes).scores(rows.rows(inside).texts)
    return found


def made_of_words(form: Form, rows: Labelled) -> Made:
    """Returns a judge that needs no model."""
    classes = len(form.labels)
    words = train_words(rows.texts, rows.labels, classes)
    return Made(form=finished(form, None, words_out_of_fold(rows, classes), rows.labels), words=words, tensors={})


def made_of_many(
    form: Form, reader: LabelReader, training: Labelled, held_out: Labelled, *, progress: Progress = silent
) -> Made:
    """Returns a judge whose model was tuned on `training`."""
    words = train_words(training.texts, training.labels, len(form.labels))
    model_scores = in_parts(held_out.texts, lambda texts: reader.scores(texts)[0], progress)
    form = finished(form, model_scores, words.scores(held_out.texts), held_out.labels)
    return Made(form=form, words=words, tensors={})


def finished(form: Form, model_scores: np.ndarray | None, word_scores: np.ndarray, right: np.ndarray) -> Form:
    """Returns the form with what is used, its blend, its threshold, and figures of every way."""
    use, blend, found = choose(model_scores, word_scores, right)
    chances = softmax(found[use])
    return replace(
        form,
        use=use,
        blend=blend,
        threshold=threshold_of(chances, right, form.coverage),
        calibrated_on=len(right),
        figures={way: figures(scores, right) for way, scores in found.items()},
    )


def figures(scores: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Returns accuracy with its 95% interval, mean −ln p and calibration error, on rows that fitted none of it."""
    chances = softmax(scores)
    accuracy = wilson(int((chances.argmax(axis=1) == right).sum()), len(right))
    return {
        "accuracy": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
        "rows": len(right),
        "negative_log_likelihood": negative_log_likelihood(scores, right),
        "calibration_error": calibration_error(chances, right),
    }
