"""The mixture that a run trains on: how often each document of the tokens stands in an epoch, and the shares of it."""

from dataclasses import dataclass

import numpy as np

from textmill.config import MixSettings
from textmill.data.mixing import Shares, copies, rules_of, shares_of, weights_of
from textmill.errors import CorpusError
from textmill.tokenizer.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Copies of each training document in an epoch (documents,) int64, and the epoch's length in tokens."""

    copies: np.ndarray
    tokens: int
    shares: Shares


def mixture(tokens: Tokens, settings: MixSettings) -> Mixture | None:
    """Returns the mixture of the training documents, None where all weigh the same.

    Raises SettingsError for a rule that is none, CorpusError when no document is left.
    """
    rules = rules_of(settings)
    if not rules:
        return None
    split, origins = tokens.split("train"), tokens.origins("train")
    lengths = np.diff(split.offsets).astype(np.int64)
    names = {"source": tokens.sources, "language": tokens.languages}
    places = {"source": np.asarray(origins.sources), "language": np.asarray(split.document_languages)}
    weights = weights_of(names, places, np.asarray(origins.quality), rules)
    wanted = copies(split.document_ids, weights, settings.seed)
    mixed = wanted * lengths
    if not mixed.sum():
        raise CorpusError("mixing.nothing_left", weights=", ".join(settings.weights))
    shares = {field: shares_of(names[field], places[field], lengths, mixed) for field in names}
    return Mixture(copies=wanted, tokens=int(mixed.sum()), shares=shares)
