"""Learning which shapes questions ask for, from lessons: a question, what could be meant, and which of it is.

Minimises the mean of −ln softmax over each lesson's options (see `trained`) by Adam, a part of the n-grams dropped at
random; the epoch that finds held-out lessons likeliest is kept. Seconds for a few thousand lessons.

Shapes: B lessons, K options, D width.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from textmill.apps.ask.candidates import Candidate
from textmill.apps.ask.features import question_features, question_of
from textmill.apps.ask.query import Query
from textmill.apps.ask.trained import LIKENESSES, Weights, known, mean_vectors

WIDTH = 64
BATCH = 64
EPOCHS = 12
RATE = 0.02
DROPPED = 0.15
"""Share of a question's n-grams that a step does not see."""
MOST_NGRAMS = 50_000
PATIENCE = 3
SHUT = -1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A question with its options; the first `right` of them may be what is meant: answers alone do not tell which."""

    question: str
    options: tuple[Candidate, ...]
    likenesses: tuple[tuple[float, ...], ...]
    right: int = 1
    answers: tuple[str, ...] = ()
    """What is to be answered, as it was given."""


@dataclass(slots=True)
class _Tables:
    """Lessons as numbers: rows of n-grams by text, rows of parts by shape, and each lesson's places in both."""

    texts: list[list[int]]
    shapes: list[list[int]]
    text_BK: np.ndarray
    shape_BK: np.ndarray
    alike_BKF: Tensor
    open_BK: Tensor
    right_BK: Tensor


def train(
    lessons: Sequence[Lesson],
    held_out: Sequence[Lesson],
    parts_of: Callable[[Query], list[str]],
    *,
    seed: int = 0,
    epochs: int = EPOCHS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Weights:
    """Returns the weights of the best epoch."""
    weights = begin(lessons, parts_of, seed)
    ours = tables(lessons, weights, parts_of)
    theirs = tables(held_out, weights, parts_of)
    learned = [weights.asked, weights.made, weights.often, weights.alike]
    for tensor in learned:
        tensor.requires_grad_(True)
    optimizer = torch.optim.Adam(learned, lr=RATE)
    generator = random.Random(seed)
    best, kept, since = float("inf"), [tensor.detach().clone() for tensor in learned], 0
    for epoch in range(epochs):
        order = list(range(len(lessons)))
        generator.shuffle(order)
        for at in range(0, len(order), BATCH):
            loss = loss_of(ours, order[at : at + BATCH], weights, generator)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        progress(epoch + 1, epochs)
        with torch.no_grad():
            value = float(loss_of(theirs, list(range(len(held_out))), weights)) if held_out else -float(epoch)
        since = 0 if value < best else since + 1
        if value < best:
            best, kept = value, [tensor.detach().clone() for tensor in learned]
        if since == PATIENCE:
            break
    return Weights(weights.ngrams, weights.parts, *kept)


def begin(lessons: Sequence[Lesson], parts_of: Callable[[Query], list[str]], seed: int) -> Weights:
    """Returns weights that know nothing yet of the n-grams and parts of these lessons."""
    counted: Counter[str] = Counter()
    parts: dict[str, int] = {}
    for lesson in lessons:
        for text in dict.fromkeys(question_of(lesson.question, option.mentions) for option in lesson.options[:1]):
            counted.update(set(question_features(text)))
        for option in lesson.options:
            for part in parts_of(option.shape):
                parts.setdefault(part, len(parts))
    fewest = 1 if len(lessons) < 500 else 2
    chosen = [ngram for ngram, count in counted.most_common(MOST_NGRAMS) if count >= fewest]
    generator = torch.Generator().manual_seed(seed)
    asked, made = (torch.randn(rows, WIDTH, generator=generator) * WIDTH**-0.5 for rows in (len(chosen), len(parts)))
    ngrams = {ngram: place for place, ngram in enumerate(chosen)}
    return Weights(ngrams, parts, asked, made, torch.zeros(len(parts)), torch.ones(LIKENESSES))


def tables(lessons: Sequence[Lesson], weights: Weights, parts_of: Callable[[Query], list[str]]) -> _Tables:
    """Returns lessons as numbers."""
    most = max((len(lesson.options) for lesson in lessons), default=1)
    texts: dict[str, int] = {}
    shapes: dict[Query, int] = {}
    text_BK = np.zeros((len(lessons), most), dtype=np.int64)
    shape_BK = np.zeros((len(lessons), most), dtype=np.int64)
    alike_BKF = torch.zeros(len(lessons), most, LIKENESSES)
    open_BK = torch.zeros(len(lessons), most, dtype=torch.bool)
    right_BK = torch.zeros(len(lessons), most, dtype=torch.bool)
    for row, lesson in enumerate(lessons):
        right_BK[row, : lesson.right] = True
        count = len(lesson.options)
        open_BK[row, :count] = True
        alike_BKF[row, :count] = torch.tensor(lesson.likenesses)
        for place, option in enumerate(lesson.options):
            text = question_of(lesson.question, option.mentions)
            text_BK[row, place] = texts.setdefault(text, len(texts))
            shape_BK[row, place] = shapes.setdefault(option.shape, len(shapes))
    asked = [known(question_features(text), weights.ngrams) for text in texts]
    made = [known(parts_of(shape), weights.parts) for shape in shapes]
    return _Tables(asked, made, text_BK, shape_BK, alike_BKF, open_BK, right_BK)


def loss_of(ours: _Tables, rows: list[int], weights: Weights, drop: random.Random | None = None) -> Tensor:
    """Returns the mean of −ln p of what may be meant."""
    text_BK, shape_BK = ours.text_BK[rows], ours.shape_BK[rows]
    texts, text_at = np.unique(text_BK, return_inverse=True)
    shapes, shape_at = np.unique(shape_BK, return_inverse=True)
    chosen = [ours.texts[place] for place in texts]
    if drop is not None:
        chosen = [[ngram for ngram in row if drop.random() >= DROPPED] for row in chosen]
    asked = mean_vectors(chosen, weights.asked)[torch.from_numpy(text_at.reshape(text_BK.shape))]
    vectors, often = weights.shapes([ours.shapes[place] for place in shapes])
    index = torch.from_numpy(shape_at.reshape(shape_BK.shape))
    alike_BK = ours.alike_BKF[rows] @ weights.alike
    scores_BK = (asked * vectors[index]).sum(2) + often[index] + alike_BK
    every = scores_BK.masked_fill(~ours.open_BK[rows], SHUT).logsumexp(1)
    return (every - scores_BK.masked_fill(~ours.right_BK[rows], SHUT).logsumexp(1)).mean()
