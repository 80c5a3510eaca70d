"""A judge: from texts to labels, with probabilities, a set at a chosen coverage, and the right to abstain.

    text ─ screened ─▶ scores of a model, of words, or of both ─ blend ─▶ softmax ─▶ label, probabilities, set

A judge lies in the folder of a run that `textmill tune sentiment` made (`form`). Any other model judges as it is: the
labels' words are scored behind the text, and what it would say of a text without content is taken off.

Shapes: N texts, C labels.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from textmill.apps.sentiment.calibration import softmax
from textmill.apps.sentiment.form import BOTH, FORM_FILE, MODEL, WORDS, Form, read_form
from textmill.apps.sentiment.head import Head
from textmill.apps.sentiment.judgement import Judgement, abstention, judgement
from textmill.apps.sentiment.labels import LABELS, form_of
from textmill.apps.sentiment.reading import LabelReader
from textmill.apps.sentiment.screening import screened
from textmill.apps.sentiment.words import WordModel, read_tensors, read_words
from textmill.config_sentiment import SentimentSettings
from textmill.errors import ModelError
from textmill.infer.resolve import LoadedModel, load
from textmill.model.hub.base import fingerprint
from textmill.project import Project


class Judge:
    """Judges texts; make one with `open_judge`."""

    def __init__(
        self,
        form: Form,
        *,
        reader: LabelReader | None = None,
        words: WordModel | None = None,
        head: Head | None = None,
    ) -> None:
        self.form, self.reader, self.words, self.head = form, reader, words, head
        self.labels = form.labels

    def judge(self, texts: Sequence[str]) -> list[Judgement]:
        """Returns what comes of each text."""
        why = [screened(text, self.form.languages) for text in texts]
        asked = [place for place, reason in enumerate(why) if not reason]
        scores, windows = self._scored([texts[place] for place in asked])
        made = [abstention(reason) for reason in why]
        for place, chances, count in zip(asked, softmax(scores), windows, strict=True):
            made[place] = judgement(self.labels, chances.tolist(), self._threshold(chances), int(count))
        return made

    def label_scores(self, texts: Sequence[str]) -> np.ndarray:
        """Returns the log-odds of each label, (N, C): their softmax is the probabilities. Nothing is abstained from."""
        return self._scored(texts)[0]

    def _scored(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the log-odds (N, C) and the number of windows (N)."""
        blend, shape = self.form.blend, (len(texts), len(self.labels))
        scores, windows = np.zeros(shape) + np.array(self.form.with_shift()), np.ones(len(texts), dtype=np.int64)
        if not texts:
            return scores, windows
        if self.reader is not None and self.form.use in (MODEL, BOTH):
            found, windows = self._read(self.reader, texts)
            scores = scores + blend.model * (found - found.mean(axis=1, keepdims=True))
        if self.words is not None and self.form.use in (WORDS, BOTH):
            found = self.words.scores(texts)
            scores = scores + blend.words * (found - found.mean(axis=1, keepdims=True))
        return scores, windows

    def _read(self, reader: LabelReader, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns what the model makes of texts, its prior taken off, through the head where there is one."""
        prior = np.array(self.form.prior or (0.0,))
        if self.head is None:
            found, windows = reader.scores(texts)
            return found - prior, windows
        states, windows = reader.states(texts)
        return self.head.scores(states, reader.logits(torch.from_numpy(states)) - prior), windows

    def _threshold(self, chances: np.ndarray) -> float:
        """Returns from which probability a label is in the set."""
        if self.form.threshold is not None:
            return self.form.threshold
        ordered = np.sort(chances)[::-1]
        enough = int(np.searchsorted(np.cumsum(ordered), self.form.coverage))
        return float(ordered[min(enough, len(ordered) - 1)])


def open_judge(
    reference: str | None,
    project: Project | None,
    *,
    labels: Sequence[str] = LABELS,
    coverage: float | None = None,
    settings: SentimentSettings | None = None,
    device: str = "cpu",
    precision: str = "auto",
) -> Judge:
    """Returns the judge that MODEL means: a run that was tuned to judge, else a model as it is, with `labels`."""
    folder = judge_folder(reference, project)
    if folder is None:
        form = form_of(labels, settings or SentimentSettings())
        loaded = load(reference, project, device)
        return plain_judge(loaded, replace(form, coverage=coverage or form.coverage), precision=precision)
    form = read_form(folder)
    if coverage is not None and abs(coverage - form.coverage) > 1e-9:
        raise ModelError("sentiment.other_coverage", folder=folder, coverage=form.coverage, got=coverage)
    kept = read_tensors(folder)
    words = read_words(folder, kept) if form.use in (WORDS, BOTH) else None
    if form.use == WORDS:
        return Judge(form, words=words)
    reader = LabelReader(model_of(form, folder, project, device), form, precision=precision)
    return Judge(form, reader=reader, words=words, head=Head.of(kept) if form.head else None)


def judge_folder(reference: str | None, project: Project | None) -> Path | None:
    """Returns the folder with the judge that MODEL means; None where it is a model that was not tuned to judge.

    Without a reference it is the project's newest judge.
    """
    if not reference:
        runs = project.runs.glob(f"*/{FORM_FILE}") if project is not None and project.runs.is_dir() else ()
        newest = sorted(runs, key=lambda file: file.stat().st_mtime)
        return newest[-1].parent if newest else None
    name = reference.partition("@")[0]
    places = [Path(reference).expanduser()]
    if project is not None:
        places = [project.runs / name, project.models / name, *places]
    return next((place for place in places if (place / FORM_FILE).is_file()), None)


def model_of(form: Form, folder: Path, project: Project | None, device: str = "cpu") -> LoadedModel:
    """Returns the model that reads for a judge: the run's own, or the one that its form names."""
    loaded = None
    for place in dict.fromkeys((form.model, form.model_folder)) if form.model else (str(folder),):
        try:
            loaded = load(place, project, device)
            break
        except ModelError:
            continue
    if loaded is None:
        raise ModelError("sentiment.no_model", folder=folder, model=form.model or folder)
    if form.fingerprint and fingerprint(loaded.model) != form.fingerprint:
        raise ModelError("sentiment.other_model", folder=folder, model=form.model or folder)
    return loaded


def plain_judge(loaded: LoadedModel, form: Form, *, precision: str = "auto") -> Judge:
    """Returns a judge of a model as it is, with its prior taken off."""
    reader = LabelReader(loaded, form, precision=precision)
    return Judge(replace(form, prior=reader.prior()), reader=reader)
