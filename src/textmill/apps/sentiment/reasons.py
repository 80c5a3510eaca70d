"""Why a judge says what it says: the words without which it would be less sure.

    effect of a piece = margin(text) − margin(text without it),   margin = ln p(label) − ln(1 − p(label))

Occlusion asks the judge itself, so it holds for every judge, a model or a regression on words, and needs nothing of its
inside. A long text is first searched by its parts, then by runs of pieces in the part that decides most, so that no
text costs more than about two hundred readings. `faithfulness` measures whether it is true: leaving out the highlighted
words must move the judge further than leaving out as many others by lot.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from textmill.apps.sentiment.clauses import Span, merged, parts, pieces, without
from textmill.evaluate.intervals import Score, resampled_mean, wilson

LONGEST = 1200
"""Characters of the part that is searched."""
RUNS = 40
"""A text of more pieces is first searched by so many runs of them."""
BEST_RUNS = 6
MOST_REASONS = 6
HIGHLIGHTED = 0.2
"""Of the pieces at most."""
LEAST_OF_BEST = 0.2
"""What has less than this of the strongest effect is no reason."""
BATCH = 512


class Scores(Protocol):
    """What is needed of a judge."""

    @property
    def labels(self) -> Sequence[str]:
        """The labels in their order."""
        ...

    def label_scores(self, texts: Sequence[str]) -> np.ndarray:
        """Returns the log-odds of each label, (N, C)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Words of the text, and by how much the margin falls without them."""

    start: int
    end: int
    text: str
    effect: float

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {"start": self.start, "end": self.end, "text": self.text, "effect": round(self.effect, 4)}


def margins(judge: Scores, texts: Sequence[str], labels: Sequence[int]) -> np.ndarray:
    """Returns the margin of one label for each text."""
    found = np.zeros(len(texts))
    for low in range(0, len(texts), BATCH):
        scores = judge.label_scores(texts[low : low + BATCH])
        for place, row in enumerate(scores):
            label = labels[low + place]
            others = np.delete(row, label)
            found[low + place] = row[label] - np.logaddexp.reduce(others)
    return found


def likeliest(judge: Scores, texts: Sequence[str]) -> list[int]:
    """Returns the number of the likeliest label of each text."""
    if not texts:
        return []
    return [int(label) for label in judge.label_scores(texts).argmax(axis=1)]


def reasons(judge: Scores, texts: Sequence[str], labels: Sequence[str] | None = None) -> list[list[Reason]]:
    """Returns the reasons of each text, in its order; `labels`: for which label, by default the likeliest."""
    if not texts:
        return []
    named = list(judge.labels)
    wanted = likeliest(judge, texts) if labels is None else [named.index(label) for label in labels]
    searched = [decisive_part(judge, text, label) for text, label in zip(texts, wanted, strict=True)]
    inner = [text[low:high] for text, (low, high) in zip(texts, searched, strict=True)]
    candidates = narrowed(judge, inner, wanted, [pieces(text) for text in inner])
    effects = effects_of(judge, inner, wanted, candidates)
    return [
        chosen(text, low, list(zip(spans, found, strict=True)))
        for text, (low, _), spans, found in zip(texts, searched, candidates, effects, strict=True)
    ]


def decisive_part(judge: Scores, text: str, label: int) -> Span:
    """Returns the part of a long text that speaks most clearly for the label."""
    if len(text) <= LONGEST:
        return 0, len(text)
    cut = parts(text, LONGEST)
    found = margins(judge, [text[low:high] for low, high in cut], [label] * len(cut))
    return cut[int(found.argmax())]


def effects_of(
    judge: Scores, texts: Sequence[str], labels: Sequence[int], spans: Sequence[Sequence[Span]]
) -> list[list[float]]:
    """Returns for each span of each text how far the margin falls without it."""
    variants, owners = [], []
    for place, (text, found) in enumerate(zip(texts, spans, strict=True)):
        variants += [text, *(without(text, [span]) for span in found)]
        owners += [labels[place]] * (len(found) + 1)
    values = iter(margins(judge, variants, owners).tolist())
    told = []
    for found in spans:
        whole = next(values)
        told.append([whole - next(values) for _ in found])
    return told


def narrowed(
    judge: Scores, texts: Sequence[str], labels: Sequence[int], spans: Sequence[list[Span]]
) -> list[list[Span]]:
    """Returns the pieces that are worth asking for, of a text with many those in its strongest runs."""
    long = [place for place, found in enumerate(spans) if len(found) > 2 * RUNS]
    groups = [list(runs(spans[place])) for place in long]
    bounds = [[(run[0][0], run[-1][1]) for run in found] for found in groups]
    effects = effects_of(judge, [texts[place] for place in long], [labels[place] for place in long], bounds)
    made = list(spans)
    for place, found, told in zip(long, groups, effects, strict=True):
        best = sorted(sorted(range(len(found)), key=lambda number: -told[number])[:BEST_RUNS])
        made[place] = [span for number in best for span in found[number]]
    return made


def runs(spans: Sequence[Span]) -> Iterator[list[Span]]:
    """Yields the spans in RUNS runs of about equal length."""
    borders = [round(len(spans) * place / RUNS) for place in range(RUNS + 1)]
    for low, high in pairwise(borders):
        yield list(spans[low:high])


def chosen(text: str, offset: int, found: Sequence[tuple[Span, float]]) -> list[Reason]:
    """Returns the strongest pieces, neighbours made one."""
    if not found:
        return []
    strongest = max(effect for _, effect in found)
    most = max(1, min(MOST_REASONS, round(HIGHLIGHTED * len(found))))
    taken: list[tuple[Span, float]] = []
    for span, effect in sorted(found, key=lambda pair: -pair[1]):
        if len(taken) == most or effect <= 0 or effect < LEAST_OF_BEST * strongest:
            break
        if all(span[1] <= low or high <= span[0] for (low, high), _ in taken):
            taken.append((span, effect))
    whole = merged(text, [(low + offset, high + offset) for (low, high), _ in taken])
    return [
        Reason(
            start=low,
            end=high,
            text=text[low:high],
            effect=sum(effect for (start, _), effect in taken if low <= start + offset < high),
        )
        for low, high in whole
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faithfulness:
    """How far the margin falls without the highlighted words, without as many drawn by lot, and how often further."""

    highlighted: Score
    by_lot: Score
    difference: Score
    further: Score

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        names = ("highlighted", "by_lot", "difference", "further")
        return {name: getattr(self, name).as_dict() for name in names}


def faithfulness(judge: Scores, texts: Iterable[str], *, seed: int = 0) -> Faithfulness:
    """Measures it on texts that have reasons; the words drawn by lot are other ones wherever there are enough."""
    told = list(texts)
    labels = likeliest(judge, told)
    found = reasons(judge, told, [judge.labels[label] for label in labels])
    lot = random.Random(seed)
    variants, owners = [], []
    for text, label, why in zip(told, labels, found, strict=True):
        if why:
            spans = [(reason.start, reason.end) for reason in why]
            variants += [text, without(text, spans), without(text, drawn(text, spans, lot))]
            owners += [label] * 3
    values = margins(judge, variants, owners).reshape(-1, 3)
    highlighted, by_lot = values[:, 0] - values[:, 1], values[:, 0] - values[:, 2]
    return Faithfulness(
        highlighted=resampled_mean(highlighted.tolist()),
        by_lot=resampled_mean(by_lot.tolist()),
        difference=resampled_mean((highlighted - by_lot).tolist()),
        further=wilson(int((highlighted > by_lot).sum()), len(values)),
    )


def drawn(text: str, spans: Sequence[Span], lot: random.Random) -> list[Span]:
    """Returns pieces by lot that together are about as many characters as the spans."""
    every = pieces(text)
    apart = [span for span in every if all(span[1] <= low or high <= span[0] for low, high in spans)]
    wanted, taken = sum(high - low for low, high in spans), list[Span]()
    pool = apart or every
    lot.shuffle(pool)
    for span in pool:
        if sum(high - low for low, high in taken) >= wanted:
            break
        if all(span[1] <= low or high <= span[0] for low, high in taken):
            taken.append(span)
    return taken
