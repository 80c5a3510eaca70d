"""How often each document is trained on: weights by source, language and quality, chosen by rules.

A rule is ``FIELD:WHAT=WEIGHT``:

    language:zh=2            documents in Chinese twice
    source:forum/*=0.5       half of the documents of these files or folders (* and ? as in file names)
    quality:0.8-1=1.5        documents with such a score in their meta (`clean.quality_model`), the upper end not counted
                             but for 1; those without a score match no such rule

Of each field the first rule that matches counts, and the fields' weights are multiplied; what no rule matches weighs 1.
A weight of w gives ⌊w⌋ copies an epoch and one more for the share w − ⌊w⌋ of the documents: a document of id d has

    copies(d) = ⌊w + u⌋      u = hash(seed, d) / 2^64

a pure function of the seed and the id. A larger weight never takes a copy away, and what other documents there are does
not matter. The corpus and its tokens stay whole: another mixture costs nothing but the next run.
"""

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from textmill.config import MixSettings
from textmill.data.duplicates.shingles import mix
from textmill.errors import SettingsError

FIELDS = ("source", "language", "quality")
LARGEST_WEIGHT = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: a pattern for names, or a range of scores."""

    field: str
    pattern: str
    low: float
    high: float
    weight: float

    def matches(self, name: str) -> bool:
        """True when a source or language is meant."""
        return fnmatchcase(name, self.pattern)


def rules_of(settings: MixSettings) -> list[Rule]:
    """Returns the rules; SettingsError for one that is none."""
    return [rule_of(text) for text in settings.weights]


def rule_of(text: str) -> Rule:
    """Returns the rule that `text` writes."""
    head, _, number = text.rpartition("=")
    field, _, pattern = head.partition(":")
    low = high = 0.0
    try:
        weight = float(number)
        if field == "quality":
            first, _, last = pattern.partition("-")
            low, high = float(first), float(last)
    except ValueError:
        weight = math.nan
    if field not in FIELDS or not pattern or not 0 <= weight <= LARGEST_WEIGHT or low > high:
        raise SettingsError("mixing.rule", value=text)
    return Rule(field=field, pattern=pattern, low=low, high=high, weight=weight)


def name_weights(names: list[str], field: str, rules: list[Rule]) -> np.ndarray:
    """Returns the weight (float64) that the rules of "source" or "language" give to each name."""
    own = [rule for rule in rules if rule.field == field]
    return np.array([next((rule.weight for rule in own if rule.matches(name)), 1.0) for name in names], dtype=np.float64)


def quality_weights(scores: np.ndarray, rules: list[Rule]) -> np.ndarray:
    """Returns the weight (float64) that the rules of "quality" give to each score; NaN is none."""
    weights = np.ones(len(scores))
    for rule in reversed([rule for rule in rules if rule.field == "quality"]):
        inside = (scores >= rule.low) & ((scores < rule.high) | ((scores == 1) & (rule.high == 1)))
        weights[inside] = rule.weight
    return weights


def copies(ids: np.ndarray, weights: np.ndarray, seed: int) -> np.ndarray:
    """Returns how often each document stands in an epoch (int64), of ids (documents, 16) uint8 and weights (documents,)."""
    numbers = np.ascontiguousarray(ids).view("<u8").reshape(-1, 2)
    start = mix(np.array([seed], dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    chance = (mix(mix(numbers[:, 0] ^ start) ^ numbers[:, 1]) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.floor(weights + chance).astype(np.int64)


def group_of(source: str) -> str:
    """Returns what a document's source is counted under: the file of a record, the folder of a whole file."""
    file, _, position = source.rpartition(":")
    if file and position.isdigit():
        return file
    return source.rpartition("/")[0]
