"""Which tokens a step sees: a pure function of (seed, global token index).

The training documents, in an order drawn anew for each epoch from (seed, epoch), form one endless stream of tokens;
with `copies`, which a mixture gives (tokenizer.mixture), each stands so many times in an epoch, or not at all. Row
r of the run reads stream[r·T : r·T + T + 1], the last T of them as targets. Nothing here has a state that a checkpoint
must hold, and the same tokens come whatever the micro-batch, the number of processes and the restarts.

Shapes: B rows, T context.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from textmill.tokenizer.tokens import TokenSplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One micro-batch of packed rows.

    `inputs_BT`, `targets_BT`: token ids, int64. `documents_BT`: the index of each input token's document in its row,
    int64; attention stays inside a document.
    """

    inputs_BT: Int[Tensor, "B T"]
    targets_BT: Int[Tensor, "B T"]
    documents_BT: Int[Tensor, "B T"]
    counts: bool = True
    """False for rows that are only there so that all processes do the same number of micro-batches."""

    @property
    def tokens(self) -> int:
        """How many tokens are predicted."""
        return self.inputs_BT.numel()

    def to(self, device: torch.device | str) -> "Batch":
        """Returns the batch on `device`."""
        return Batch(
            inputs_BT=self.inputs_BT.to(device),
            targets_BT=self.targets_BT.to(device),
            documents_BT=self.documents_BT.to(device),
            counts=self.counts,
        )


@dataclass(frozen=True, slots=True)
class _Order:
    """One epoch's order: which documents, and where each begins in the epoch's stretch of the stream."""

    documents: np.ndarray
    starts: np.ndarray


class TokenStream:
    """The endless stream of training tokens."""

    def __init__(self, split: TokenSplit, *, seed: int, end_of_text_id: int, copies: np.ndarray | None = None) -> None:
        self.array, self.offsets = split.array, np.asarray(split.offsets, dtype=np.int64)
        self.seed, self.end_of_text_id = seed, end_of_text_id
        documents = np.arange(len(self.offsets) - 1)
        self.documents = documents if copies is None else np.repeat(documents, copies)
        self.epoch_tokens = int(np.diff(self.offsets)[self.documents].sum())
        self._orders: dict[int, _Order] = {}

    def _order(self, epoch: int) -> _Order:
        if epoch not in self._orders:
            random = np.random.Generator(np.random.Philox(key=np.array([self.seed, epoch], dtype=np.uint64)))
            documents = self.documents[random.permutation(len(self.documents))]
            lengths = np.diff(self.offsets)[documents]
            self._orders = {key: order for key, order in self._orders.items() if key >= epoch - 1}
            self._orders[epoch] = _Order(documents, np.concatenate(([0], np.cumsum(lengths))))
        return self._orders[epoch]

    def read(self, start: int, count: int) -> np.ndarray:
        """Returns `count` tokens (int64) from the global token index `start`."""
        out = np.empty(count, dtype=np.int64)
        filled = 0
        while filled < count:
            epoch, place = divmod(start + filled, self.epoch_tokens)
            order = self._order(epoch)
            index = int(np.searchsorted(order.starts, place, side="right")) - 1
            inside = place - int(order.starts[index])
            first = int(self.offsets[order.documents[index]]) + inside
            last = int(self.offsets[order.documents[index] + 1])
            part = self.array[first : min(last, first + count - filled)]
            out[filled : filled + len(part)] = part
            filled += len(part)
        return out

    def batch(self, row: int, rows: int, context: int) -> Batch:
        """Returns the rows `row` … `row + rows - 1` of the run at `context` tokens each."""
        spans = np.stack([self.read((row + i) * context, context + 1) for i in range(rows)])
        inputs_BT = torch.from_numpy(spans[:, :-1].copy())
        return Batch(
            inputs_BT=inputs_BT,
            targets_BT=torch.from_numpy(spans[:, 1:].copy()),
            documents_BT=(inputs_BT == self.end_of_text_id).long().cumsum(dim=1),
        )
