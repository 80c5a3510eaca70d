"""Examples as tokens: ids and which of them are learned, one after another in flat arrays.

    Encoded   one text: ids (tokens,) int32, learned (tokens,) bool
    EncodedSet    ids and learned of all texts end to end, offsets (texts + 1)

A learned token is predicted from what stands before it, so the first of a text is never one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One text of an example as tokens; `place` and `source` are the example's."""

    ids: np.ndarray
    learned: np.ndarray
    place: str = ""
    source: str = ""
    turns: int = 0
    """How many answers it holds."""
    endless: int = 0
    """Of these, how many nothing ends, so that a model never learns to stop."""
    departs: int = 0
    """Of these, how many the template writes down otherwise than it asks for them."""

    @property
    def learned_tokens(self) -> int:
        """How many tokens are predicted and count in the loss."""
        return int(self.learned[1:].sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedSet:
    """Texts end to end, and how they came to fit: how many were cut, and how many left out."""

    ids: np.ndarray
    learned: np.ndarray
    offsets: np.ndarray
    sources: tuple[str, ...]
    """The source of each text."""
    cut: int = 0
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Encoded:
        part = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return Encoded(ids=self.ids[part], learned=self.learned[part], source=self.sources[index])

    @property
    def sizes(self) -> np.ndarray:
        """How many positions each text takes in a row: one less than its tokens, as the last only is a target."""
        return np.diff(self.offsets) - 1

    @property
    def learned_counts(self) -> np.ndarray:
        """How many tokens of each text count in the loss."""
        sums = np.concatenate(([0], np.cumsum(self.learned)))
        return sums[self.offsets[1:]] - sums[self.offsets[:-1] + 1]

    @property
    def learned_tokens(self) -> int:
        """How many tokens of all texts count in the loss."""
        return int(self.learned_counts.sum())


def encoded_set(texts: Iterable[Encoded], *, context: int, too_long: str = "cut") -> EncodedSet:
    """Returns the texts as arrays, none longer than a row of `context` positions.

    `too_long`: "cut" keeps the first `context` + 1 tokens, "drop" leaves the text out. What then has no token to learn
    is left out too, and counted.
    """
    ids: list[np.ndarray] = []
    learned: list[np.ndarray] = []
    sources: list[str] = []
    cut = left_out = 0
    for text in texts:
        long = len(text.ids) > context + 1
        kept = text.learned[: context + 1].copy()
        kept[:1] = False
        if (long and too_long == "drop") or not kept.any():
            left_out += 1
            continue
        cut += long
        ids.append(np.asarray(text.ids[: context + 1], dtype=np.int32))
        learned.append(kept)
        sources.append(text.source)
    lengths = [len(each) for each in ids]
    return EncodedSet(
        ids=np.concatenate([*ids, np.empty(0, np.int32)]),
        learned=np.concatenate([*learned, np.empty(0, bool)]),
        offsets=np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64),
        sources=tuple(sources),
        cut=cut,
        left_out=left_out,
    )
