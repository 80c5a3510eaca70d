"""Rows of tuning examples: a pure function of (seed, global row index), as pretraining's stream has it.

    examples ──best_fit──▶ rows of `context` positions, each example whole in one of them, the rest padding

Best fit, the longest first: an example goes into the row in which it leaves the least room. How rows are laid out then
depends on lengths alone, so every epoch has as many rows as the first, and only which example of a length stands where,
and the order of the rows, are drawn anew from (seed, epoch). Attention stays inside an example: each has a document
index of its own, and the padding behind them has one too.

Shapes: B rows, T context.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass

import numpy as np
import torch

from textmill.train.batches import IGNORED, Batch
from textmill.tune.encoded import EncodedSet


@dataclass(frozen=True, slots=True)
class Layout:
    """Which places of the examples, sorted by length, share a row: row r has `places[starts[r]:starts[r + 1]]`."""

    places: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class _Order:
    """One epoch: the example at each place of the layout, the layout's rows in turn, learned tokens of each row."""

    examples: np.ndarray
    rows: np.ndarray
    learned: np.ndarray


def best_fit(sizes: np.ndarray, context: int) -> Layout:
    """Returns a layout of examples of these sizes, which fall from one to the next and are at most `context`."""
    members: list[list[int]] = []
    by_room: dict[int, list[int]] = {}
    rooms: list[int] = []  # those that some row has, rising
    for place, size in enumerate(sizes.tolist()):
        at = bisect_left(rooms, size)
        if at < len(rooms):
            room = rooms[at]
            row = by_room[room].pop()
            if not by_room[room]:
                del by_room[room], rooms[at]
        else:
            room, row = context, len(members)
            members.append([])
        members[row].append(place)
        left = room - size
        if left:
            if left not in by_room:
                by_room[left] = []
                insort(rooms, left)
            by_room[left].append(row)
    starts = np.cumsum([0, *map(len, members)])
    return Layout(places=np.array([place for row in members for place in row], dtype=np.int64), starts=starts)


class PackedStream:
    """The endless stream of rows of a set of examples; what a trainer asks of `TokenStream`, and `learned_tokens`."""

    def __init__(
        self,
        examples: EncodedSet,
        *,
        seed: int,
        context: int,
        padding_id: int,
        copies: np.ndarray | None = None,
    ) -> None:
        """`copies`: how often each example stands in an epoch. The examples fit rows of `context` (`encoded_set`)."""
        self.examples, self.seed, self.context, self.padding_id = examples, seed, context, padding_id
        numbers = np.arange(len(examples))
        self.documents = numbers if copies is None else np.repeat(numbers, copies)
        self._sizes, self._learned = examples.sizes[self.documents], examples.learned_counts[self.documents]
        self.layout = best_fit(np.sort(self._sizes)[::-1], context)
        self._orders: dict[int, _Order] = {}

    @property
    def epoch_rows(self) -> int:
        """Rows of an epoch."""
        return len(self.layout)

    @property
    def epoch_tokens(self) -> int:
        """Positions of an epoch, padding counted: rows × context, as a run counts its tokens."""
        return self.epoch_rows * self.context

    @property
    def epoch_learned_tokens(self) -> int:
        """Tokens of an epoch that count in the loss."""
        return int(self._learned.sum())

    @property
    def fill(self) -> float:
        """The share of the positions that hold examples, not padding."""
        return int(self._sizes.sum()) / self.epoch_tokens if self.epoch_rows else 0.0

    def _order(self, epoch: int) -> _Order:
        if epoch not in self._orders:
            random = np.random.Generator(np.random.Philox(key=np.array([self.seed, epoch], dtype=np.uint64)))
            shuffled = random.permutation(len(self.documents))
            places = shuffled[np.argsort(-self._sizes[shuffled], kind="stable")]
            rows = random.permutation(len(self.layout))
            by_row = np.add.reduceat(self._learned[places][self.layout.places], self.layout.starts[:-1])
            self._orders = {key: order for key, order in self._orders.items() if key >= epoch - 1}
            self._orders[epoch] = _Order(self.documents[places], rows, by_row[rows])
        return self._orders[epoch]

    def row_examples(self, row: int) -> list[int]:
        """Returns the examples of the row `row` of the run, as they stand in it."""
        epoch, index = divmod(row, self.epoch_rows)
        order = self._order(epoch)
        place = int(order.rows[index])
        places = self.layout.places[self.layout.starts[place] : self.layout.starts[place + 1]]
        return order.examples[places].tolist()

    def learned_tokens(self, row: int, rows: int) -> int:
        """Returns how many tokens of the rows `row` … `row + rows - 1` count in the loss."""
        total = 0
        while rows:
            epoch, index = divmod(row, self.epoch_rows)
            part = self._order(epoch).learned[index : index + rows]
            total += int(part.sum())
            row, rows = row + len(part), rows - len(part)
        return total

    def count(self, row: int, rows: int, context: int) -> tuple[int, int]:
        """Returns the positions of these rows, padding counted, and how many tokens of them count in the loss."""
        return rows * context, self.learned_tokens(row, rows)

    def batch(self, row: int, rows: int, context: int) -> Batch:
        """Returns the rows `row` … `row + rows - 1` of the run; targets that are not learned are IGNORED."""
        if context != self.context:
            raise ValueError(f"rows were packed for a context of {self.context}, not {context}")
        inputs_BT = torch.full((rows, context), self.padding_id, dtype=torch.long)
        targets_BT = torch.full((rows, context), IGNORED, dtype=torch.long)
        documents_BT = torch.zeros((rows, context), dtype=torch.long)
        for number in range(rows):
            place = 0
            for index, example in enumerate(self.row_examples(row + number)):
                encoded = self.examples[example]
                ids_T, learned_T = torch.from_numpy(encoded.ids.astype(np.int64)), torch.from_numpy(encoded.learned)
                end = place + len(ids_T) - 1
                inputs_BT[number, place:end] = ids_T[:-1]
                targets_BT[number, place:end] = ids_T[1:].masked_fill(~learned_T[1:], IGNORED)
                documents_BT[number, end:] = index + 1
                place = end
        return Batch(inputs_BT=inputs_BT, targets_BT=targets_BT, documents_BT=documents_BT, masked=True)
