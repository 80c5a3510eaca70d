"""Bits per byte of any texts, over all of them and by language and source, from what each of them costs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textmill.errors import InputError
from textmill.evaluate.bootstrap import ratio_interval
from textmill.evaluate.intervals import Score

BITS_PER_BYTE = "bits_per_byte"


def text_scores(records: Sequence[dict[str, Any]]) -> tuple[dict[str, Score], dict[str, dict[str, Score]]]:
    """Returns bits per byte of all texts, and by "language en" and "source NAME" where there are several."""
    if not records or not any(record["bytes"] for record in records):
        raise InputError("evaluate.no_text", documents=len(records))
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        for kind, field in (("language", "language"), ("source", "group")):
            if record["item"].get(field):
                groups.setdefault(f"{kind} {record['item'][field]}", []).append(record)
    by_group = {name: {BITS_PER_BYTE: score(some)} for name, some in sorted(groups.items()) if len(groups) > 1}
    return {BITS_PER_BYTE: score(records)}, by_group


def score(records: Sequence[dict[str, Any]]) -> Score:
    """Returns Σ bits / Σ bytes with its interval over documents."""
    bits = np.asarray([record["bits"] for record in records], dtype=np.float64)
    sizes = np.asarray([record["bytes"] for record in records], dtype=np.int64)
    low, high = ratio_interval(bits, sizes)
    return Score(value=float(bits.sum()) / max(1, int(sizes.sum())), low=low, high=high, n=len(records))
