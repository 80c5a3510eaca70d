"""Texts that belong together (the two answers of a pair) in rows: each group whole in one row, the rows full.

    groups of `size` texts ──best_fit──▶ rows of `context` positions ──▶ a batch; what else is known of each in `extra`

As `packing`, of which it takes the order: a pure function of (seed, row). What the objective counts is groups. In
`extra` stand texts_BT, the number of each position's text in the micro-batch, tokens_A, how many of its tokens are
learned, and columns of numbers by text that are given here (log-probabilities of a reference, verdicts, …).

Shapes: B rows, T context, A texts of the micro-batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from textmill.train.batches import IGNORED, Batch
from textmill.tune.encoded import Encoded, EncodedSet
from textmill.tune.packing import PackedStream

TEXTS, TOKENS = "texts_BT", "tokens_A"
GROUPS, LEARNED = "groups", "learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedSet(EncodedSet):
    """Texts end to end, of which `size` in turn are a group."""

    size: int
    kept: tuple[int, ...] = ()
    """Which of the groups that were given these are."""

    def __len__(self) -> int:
        return (len(self.offsets) - 1) // self.size

    @property
    def sizes(self) -> np.ndarray:
        """How many positions each group takes in a row."""
        return (np.diff(self.offsets) - 1).reshape(-1, self.size).sum(axis=1)

    @property
    def text_counts(self) -> np.ndarray:
        """How many tokens of each text are learned."""
        sums = np.concatenate(([0], np.cumsum(self.learned)))
        return sums[self.offsets[1:]] - sums[self.offsets[:-1] + 1]

    @property
    def learned_counts(self) -> np.ndarray:
        """How many tokens of each group are learned."""
        return self.text_counts.reshape(-1, self.size).sum(axis=1)

    def text(self, number: int) -> Encoded:
        """Returns one text."""
        part = slice(int(self.offsets[number]), int(self.offsets[number + 1]))
        return Encoded(ids=self.ids[part], learned=self.learned[part], source=self.sources[number])


def grouped_set(groups: Sequence[Sequence[Encoded]], *, context: int, too_long: str = "cut") -> GroupedSet:
    """Returns groups of texts as arrays, none longer than a row of `context` positions.

    `too_long`: "drop" leaves out a group that does not fit; "cut" shortens its texts to equal shares of a row first
    (what a short text leaves, a long one has), and leaves out what then has a text without an answer.
    """
    kept: list[Encoded] = []
    numbers: list[int] = []
    cut = left_out = 0
    size = len(groups[0]) if groups else 1
    for number, group in enumerate(groups):
        long = sum(len(text.ids) - 1 for text in group) > context
        texts = shortened(group, context) if long else list(group)
        if (long and too_long == "drop") or not all(text.learned[1:].any() for text in texts):
            left_out += 1
            continue
        cut += long
        kept += texts
        numbers.append(number)
    lengths = [len(text.ids) for text in kept]
    return GroupedSet(
        ids=np.concatenate([*(np.asarray(text.ids, dtype=np.int32) for text in kept), np.empty(0, np.int32)]),
        learned=np.concatenate([*(text.learned for text in kept), np.empty(0, bool)]),
        offsets=np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64),
        sources=tuple(text.source for text in kept),
        cut=cut,
        left_out=left_out,
        size=size,
        kept=tuple(numbers),
    )


def shortened(group: Sequence[Encoded], context: int) -> list[Encoded]:
    """Returns the texts of a group, the longest of them cut at the end, so that all fit a row together."""
    room, texts = context, [replace(text) for text in group]
    order = sorted(range(len(texts)), key=lambda index: len(texts[index].ids))
    for done, index in enumerate(order):
        most = room // (len(order) - done)
        text = texts[index]
        texts[index] = replace(text, ids=text.ids[: most + 1], learned=text.learned[: most + 1])
        room -= len(texts[index].ids) - 1
    return texts


class GroupedStream(PackedStream):
    """The endless stream of rows of a set of groups."""

    def __init__(
        self,
        groups: GroupedSet,
        *,
        seed: int,
        context: int,
        padding_id: int,
        columns: Mapping[str, np.ndarray] | None = None,
        token_columns: Mapping[str, np.ndarray] | None = None,
        counts: str = GROUPS,
    ) -> None:
        """`columns`: {name: a number for each text}, `token_columns`: {name: what belongs to each token of `ids`}.

        Batches have the first under the same name as float32, the second for the learned tokens, row after row.
        `counts`: what the objective counts, GROUPS or LEARNED tokens.
        """
        super().__init__(groups, seed=seed, context=context, padding_id=padding_id)
        self.counts = counts
        self.groups, self.columns, self.token_columns = groups, dict(columns or {}), dict(token_columns or {})
        self._text_counts, self._sizes_by_group, self._learned_by_group = (
            groups.text_counts,
            groups.sizes,
            groups.learned_counts,
        )

    def count(self, row: int, rows: int, context: int) -> tuple[int, int]:
        """Returns the tokens of some rows, and what the objective counts in them."""
        members = [group for number in range(row, row + rows) for group in self.row_examples(number)]
        units = len(members) if self.counts == GROUPS else int(self._learned_by_group[members].sum())
        return int(self._sizes_by_group[members].sum()), units

    def batch(self, row: int, rows: int, context: int) -> Batch:
        """Returns the rows `row` … `row + rows - 1` of the run."""
        members = [self.row_examples(number) for number in range(row, row + rows)]
        return self.batch_of(members, context)

    def batch_of(self, members: Sequence[Sequence[int]], context: int) -> Batch:
        """Returns a row for each list of groups."""
        size = self.groups.size
        rows = [[group * size + part for group in row for part in range(size)] for row in members]
        batch, texts_BT = packed(self.groups, rows, context, self.padding_id)
        order = np.array([text for row in rows for text in row], dtype=np.int64)
        extra = {TEXTS: texts_BT, TOKENS: torch.from_numpy(self._text_counts[order])}
        extra |= {name: torch.from_numpy(column[order]).float() for name, column in self.columns.items()}
        if self.token_columns:
            places = learned_places(self.groups, order)
            extra |= {name: torch.from_numpy(column[places]) for name, column in self.token_columns.items()}
        return replace(batch, masked=True, extra=extra)


def learned_places(texts: GroupedSet, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
    """Returns where in `ids` the learned tokens of some texts stand, text after text."""
    found = []
    for number in numbers:
        start, end = int(texts.offsets[number]), int(texts.offsets[number + 1])
        found.append(start + 1 + np.flatnonzero(texts.learned[start + 1 : end]))
    return np.concatenate([*found, np.empty(0, np.int64)]).astype(np.int64)


def packed(texts: GroupedSet, rows: Sequence[Sequence[int]], context: int, padding_id: int) -> tuple[Batch, Tensor]:
    """Returns a row for each list of texts, and the number of each position's text, counted through the batch."""
    shape = (len(rows), context)
    inputs_BT = torch.full(shape, padding_id, dtype=torch.long)
    targets_BT = torch.full(shape, IGNORED, dtype=torch.long)
    documents_BT, texts_BT = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    number = 0
    for row, members in enumerate(rows):
        place = 0
        for index, member in enumerate(members):
            text = texts.text(member)
            ids_T, learned_T = torch.from_numpy(text.ids.astype(np.int64)), torch.from_numpy(text.learned)
            end = place + len(ids_T) - 1
            inputs_BT[row, place:end] = ids_T[:-1]
            targets_BT[row, place:end] = ids_T[1:].masked_fill(~learned_T[1:], IGNORED)
            texts_BT[row, place:end] = number
            documents_BT[row, end:] = index + 1
            place, number = end, number + 1
    return Batch(inputs_BT=inputs_BT, targets_BT=targets_BT, documents_BT=documents_BT), texts_BT
