"""How often each document is trained on: weights by source, language and quality, chosen by rules.

A rule is ``FIELD:WHAT=WEIGHT``:

    language:zh=2            documents in Chinese twice
    source:forum/*=0.5       half of the documents of these files or folders (* and ? as in file names)
    quality:0.8-1=1.5        documents with such a score in their meta (`clean.quality_model`), the upper end counted
                             only if it is 1; those without a score match no such rule

Of each field the first rule that matches counts, and the fields' weights are multiplied; what no rule matches weighs 1.
A weight of w gives ⌊w⌋ copies an epoch and one more for the share w − ⌊w⌋ of the documents: a document of id d has

    copies(d) = ⌊w + u⌋      u = hash(seed, d) / 2^64

a pure function of the seed and the id. A larger weight never takes a copy away, and what other documents there are does
not matter. The corpus and its tokens stay whole: another mixture costs nothing but the next run.
"""

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from textmill.config import MixSettings
from textmill.data.corpus import Corpus
from textmill.data.duplicates.shingles import mix
from textmill.errors import SettingsError

FIELDS = ("source", "language", "quality")
LARGEST_WEIGHT = 1000.0
MOST_SHARES = 20
Shares = dict[str, list[dict[str, Any]]]
"""For "source" and "language": name, share before (`before`) and in the mixture (`mixed`); the largest first."""


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
    return np.array(
        [next((rule.weight for rule in own if rule.matches(name)), 1.0) for name in names], dtype=np.float64
    )


def quality_weights(scores: np.ndarray, rules: list[Rule]) -> np.ndarray:
    """Returns the weight (float64) that the rules of "quality" give to each score; NaN is none."""
    weights = np.ones(len(scores))
    for rule in reversed([rule for rule in rules if rule.field == "quality"]):
        inside = (scores >= rule.low) & ((scores < rule.high) | ((scores == 1) & (rule.high == 1)))
        weights[inside] = rule.weight
    return weights


def copies(ids: np.ndarray, weights: np.ndarray, seed: int) -> np.ndarray:
    """Returns how often each document of ids (documents, 16) uint8 and weights (documents,) is in an epoch (int64)."""
    numbers = np.ascontiguousarray(ids).view("<u8").reshape(-1, 2)
    start = mix(np.array([seed], dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    chance = (mix(mix(numbers[:, 0] ^ start) ^ numbers[:, 1]) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.floor(weights + chance).astype(np.int64)


def weights_of(
    names: dict[str, list[str]], places: dict[str, np.ndarray], quality: np.ndarray, rules: list[Rule]
) -> np.ndarray:
    """Returns the weight (float64) of documents whose "source" and "language" stand at `places` among the `names`."""
    weights = quality_weights(quality, rules)
    for field in ("source", "language"):
        weights = weights * name_weights(names[field], field, rules)[places[field]]
    return weights


def shares_of(names: list[str], places: np.ndarray, before: np.ndarray, after: np.ndarray) -> list[dict[str, Any]]:
    """Returns each name's share of the sizes before and in the mixture, the largest before first."""
    was, now = (np.bincount(places, weights=sizes, minlength=len(names)) for sizes in (before, after))
    order = [number for number in np.argsort(-was, kind="stable")[:MOST_SHARES] if was[number]]
    total = max(now.sum(), 1)
    return [{"name": names[n], "before": float(was[n] / was.sum()), "mixed": float(now[n] / total)} for n in order]


def corpus_shares(corpus: Corpus, settings: MixSettings) -> Shares:
    """Returns what a corpus's training part would be mixed to, by bytes; {} where all documents weigh the same."""
    rules = rules_of(settings)
    if not rules:
        return {}
    names: dict[str, dict[str, int]] = {"source": {}, "language": {}}
    places: dict[str, list[int]] = {"source": [], "language": []}
    ids, sizes, quality = bytearray(), [], []
    for document in corpus.documents("train", ("source", "language", "meta")):
        for field, name in (("source", group_of(document.source)), ("language", document.language)):
            places[field].append(names[field].setdefault(name, len(names[field])))
        ids += bytes.fromhex(document.id)
        sizes.append(len(document.text.encode()))
        quality.append(quality_of(document.meta))
    known = {field: list(found) for field, found in names.items()}
    where = {field: np.array(found, dtype=np.int64) for field, found in places.items()}
    weights = weights_of(known, where, np.array(quality), rules)
    before = np.array(sizes, dtype=np.int64)
    after = before * copies(np.frombuffer(bytes(ids), dtype=np.uint8).reshape(-1, 16), weights, settings.seed)
    return {field: shares_of(known[field], where[field], before, after) for field in known}


def shares_text(shares: list[dict[str, Any]], most: int = 8) -> str:
    """Returns shares for people: name, share before → in the mixture."""
    return ", ".join(f"{part['name'] or '-'} {part['before']:.1%} → {part['mixed']:.1%}" for part in shares[:most])


def quality_of(meta: dict[str, Any]) -> float:
    """Returns the score that cleaning left in a document's meta, NaN where there is none."""
    score = meta.get("quality")
    return float(score) if isinstance(score, int | float) else math.nan


def group_of(source: str) -> str:
    """Returns what a document's source is counted under: the file of a record, the folder of a whole file."""
    file, _, position = source.rpartition(":")
    if file and position.isdigit():
        return file
    return source.rpartition("/")[0]
