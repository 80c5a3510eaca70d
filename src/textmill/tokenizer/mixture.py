"""The mixture that a run trains on: how often each document of the tokens stands in an epoch, and the shares of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from textmill.config import MixSettings
from textmill.data.mixing import copies, name_weights, quality_weights, rules_of
from textmill.errors import CorpusError
from textmill.tokenizer.tokens import Tokens

MOST_SHARES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Copies of each training document in an epoch (documents,) int64, and the epoch's length in tokens."""

    copies: np.ndarray
    tokens: int
    shares: dict[str, list[dict[str, Any]]]
    """For "source" and "language": name, share of the tokens before, share in the mixture; the largest first."""


def mixture(tokens: Tokens, settings: MixSettings) -> Mixture | None:
    """Returns the mixture of the training documents, None where all weigh the same.

    Raises SettingsError for a rule that is none, CorpusError when no document is left.
    """
    rules = rules_of(settings)
    if not rules:
        return None
    split, origins = tokens.split("train"), tokens.origins("train")
    lengths = np.diff(split.offsets).astype(np.int64)
    by_source = name_weights(tokens.sources, "source", rules)
    by_language = name_weights(tokens.languages, "language", rules)
    weights = by_source[origins.sources] * by_language[split.document_languages]
    weights = weights * quality_weights(origins.quality, rules)
    wanted = copies(split.document_ids, weights, settings.seed)
    mixed = wanted * lengths
    if not mixed.sum():
        raise CorpusError("mixing.nothing_left", weights=", ".join(settings.weights))
    shares = {
        "source": shares_of(tokens.sources, origins.sources, lengths, mixed),
        "language": shares_of(tokens.languages, split.document_languages, lengths, mixed),
    }
    return Mixture(copies=wanted, tokens=int(mixed.sum()), shares=shares)


def shares_of(names: list[str], places: np.ndarray, before: np.ndarray, after: np.ndarray) -> list[dict[str, Any]]:
    """Returns each name's share of the tokens before and in the mixture, the largest before first."""
    was, now = (np.bincount(places, weights=sizes, minlength=len(names)) for sizes in (before, after))
    order = np.argsort(-was, kind="stable")[:MOST_SHARES]
    return [
        {"name": names[n], "before": float(was[n] / was.sum()), "mixed": float(now[n] / now.sum())}
        for n in order
        if was[n]
    ]
