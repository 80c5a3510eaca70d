"""From what came of each item to figures: right or wrong by item first, so that models can be compared item by item.

accuracy              the right choice has the largest ln p
accuracy_normalised   … the largest ln p a character (lm-evaluation-harness's acc_norm)
accuracy_per_byte     … a byte of UTF-8
accuracy_per_token    … a token (DCLM's rule)
probability           of the right choice among the choices
perplexity            exp(−mean ln p) of the ends of cloze items
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from textmill.evaluate.intervals import Score, grouped_mean, resampled_mean, wilson
from textmill.evaluate.items import CHOICE, CLOZE, Item
from textmill.evaluate.likelihood import Likelihood

RULES = ("accuracy", "accuracy_normalised", "accuracy_per_byte", "accuracy_per_token")
SHARES = (*RULES, "exact_match", "pass_at_1", "contains")
"""Figures that are shares of items."""


def lengths(item: Item, likelihood: Likelihood) -> dict[str, list[float]]:
    """Returns what each rule divides the choices' logarithms by: the text itself, without the space before it."""
    texts = [continuation.removeprefix(" ") for _, continuation in item.pairs]
    return {
        "accuracy": [1.0] * len(texts),
        "accuracy_normalised": [float(max(1, len(text))) for text in texts],
        "accuracy_per_byte": [float(max(1, len(text.encode()))) for text in texts],
        "accuracy_per_token": [float(count) for count in likelihood.tokens],
    }


def chosen(item: Item, likelihood: Likelihood, rule: str) -> int:
    """Returns the choice that the rule takes; of equals the first."""
    values = [total / length for total, length in zip(likelihood.sums, lengths(item, likelihood)[rule], strict=True)]
    return values.index(max(values))


def shares_of_choices(likelihood: Likelihood) -> list[float]:
    """Returns each choice's probability among the choices."""
    most = max(likelihood.sums)
    weights = [math.exp(total - most) for total in likelihood.sums]
    return [weight / sum(weights) for weight in weights]


def figures_of(item: Item, likelihood: Likelihood) -> dict[str, float]:
    """Returns an item's figures: 1 and 0 for right and wrong, and numbers."""
    if item.kind == CHOICE:
        right = {rule: float(chosen(item, likelihood, rule) == item.answer) for rule in RULES}
        return right | {"probability": shares_of_choices(likelihood)[item.answer]}
    if item.kind == CLOZE:
        return {"accuracy": float(likelihood.greedy[0]), "log_probability": likelihood.sums[0]}
    raise ValueError(item.kind)


def summary(figures: Sequence[dict[str, float]], groups: Sequence[str], *, by_group: bool = False) -> dict[str, Score]:
    """Returns each figure over all items, with its interval."""
    made: dict[str, Score] = {}
    for name in figures[0] if figures else ():
        values = [item[name] for item in figures]
        if name == "log_probability":
            mean = resampled_mean(values)
            made["perplexity"] = Score(
                value=safe_exp(-mean.value), low=safe_exp(-mean.high), high=safe_exp(-mean.low), n=mean.n
            )
        elif by_group:
            made[name] = grouped_mean(values, groups)
        elif name in SHARES:
            made[name] = wilson(round(sum(values)), len(values))
        else:
            made[name] = resampled_mean(values)
    return made


def safe_exp(value: float) -> float:
    """Returns e^value, infinity where that is past all numbers."""
    return math.exp(value) if value < 700 else math.inf


def by_groups(figures: Sequence[dict[str, float]], groups: Sequence[str]) -> dict[str, dict[str, Score]]:
    """Returns the figures of each group, where there is more than one."""
    names = list(dict.fromkeys(groups))
    if len(names) < 2:
        return {}
    return {
        name: summary([figure for figure, group in zip(figures, groups, strict=True) if group == name], [name])
        for name in names
    }


def centred(value: float, chance: float) -> float:
    """Returns a score counted from chance: 0 is guessing, 1 everything right."""
    return (value - chance) / (1 - chance)


def macro_f1(truth: Sequence[int], said: Sequence[int]) -> float:
    """Returns the mean of the classes' F1 = 2·TP / (2·TP + FP + FN)."""
    values = []
    for label in sorted(set(truth) | set(said)):
        hit = sum(t == s == label for t, s in zip(truth, said, strict=True))
        wrong = sum((t == label) != (s == label) for t, s in zip(truth, said, strict=True))
        values.append(2 * hit / (2 * hit + wrong) if hit or wrong else 0.0)
    return float(np.mean(values)) if values else math.nan


def scores_as_dict(scores: dict[str, Score]) -> dict[str, Any]:
    """Returns scores for JSON."""
    return {name: score.as_dict() for name, score in scores.items()}
