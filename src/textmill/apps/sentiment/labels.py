"""Labels: the usual four, the user's own, ratings; and the word by which a model tells each.

A model has an idea of "negative", none of "0". What a file calls its labels stays what it is told; only the word behind
the prompt is chosen. Labels whose words do not differ in their first token are told by letters when a model is tuned.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from textmill.apps.sentiment.form import Form
from textmill.apps.sentiment.reading import prompt_of
from textmill.config_sentiment import SentimentSettings
from textmill.errors import InputError
from textmill.tokenizer.tokenizer import Tokenizer

LABELS = ("negative", "neutral", "positive", "mixed")
WORDS = (
    ("negative", ("negative", "neg", "bad", "负面", "消极", "差评", "负")),  # text data
    ("neutral", ("neutral", "neu", "中性", "中评", "中立")),  # text data
    ("positive", ("positive", "pos", "good", "正面", "积极", "好评", "正")),  # text data
    ("mixed", ("mixed", "both", "褒贬不一", "混合")),  # text data
)
STARS = {
    2: ("negative", "positive"),
    3: ("negative", "neutral", "positive"),
    5: ("terrible", "bad", "okay", "good", "great"),
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Returns different labels in order: numbers by size, the usual words from negative to mixed, else by name."""
    unique = list(dict.fromkeys(labels))
    if all(NUMBER.fullmatch(label) for label in unique):
        return tuple(sorted(unique, key=float))
    ranks = {label: rank for rank, label in enumerate(usual(label) for label in unique) if label}
    if len(ranks) == len(unique):
        return tuple(sorted(unique, key=lambda label: LABELS.index(usual(label))))
    return tuple(sorted(unique))


def usual(label: str) -> str:
    """Returns the usual word for a label, "" where there is none."""
    lowered = label.strip().lower()
    return next((word for word, names in WORDS if lowered in names), "")


def answers_of(labels: Sequence[str]) -> tuple[str, ...]:
    """Returns the word by which a model tells each label, with the blank before it."""
    if all(NUMBER.fullmatch(label) for label in labels) and len(labels) in STARS:
        words: Sequence[str] = STARS[len(labels)]
    else:
        words = [usual(label) or label.strip() for label in labels]
        words = words if len(set(words)) == len(words) else list(labels)
    return tuple(f" {word}" for word in words)


def form_of(labels: Sequence[str], settings: SentimentSettings) -> Form:
    """Returns the form of a judge of these labels, in the order given; InputError for fewer than two, or empty ones."""
    unique = tuple(dict.fromkeys(label.strip() for label in labels))
    if len(unique) < 2 or "" in unique:
        raise InputError("sentiment.few_labels", labels=", ".join(unique) or "–")
    return Form(
        labels=unique,
        answers=answers_of(unique),
        prefix=settings.instruction,
        suffix=settings.question,
        window=settings.window,
        languages=settings.languages,
        coverage=settings.coverage,
    )


def told_apart(form: Form, tokenizer: Tokenizer) -> Form:
    """Returns the form with answers whose first tokens differ, as tuning needs them."""
    if prompt_of(form, tokenizer).one_token:
        return form
    if len(form.labels) > len(LETTERS):
        raise InputError("sentiment.many_labels", count=len(form.labels), most=len(LETTERS))
    return replace(form, answers=tuple(f" {letter}" for letter in LETTERS[: len(form.labels)]))
