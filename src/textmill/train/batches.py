"""Which tokens a step sees: a pure function of (seed, global token index).

The training documents, in an order drawn anew for each epoch from (seed, epoch), form one endless stream of tokens;
with `copies`, which a mixture gives (tokenizer.mixture), each stands so many times in an epoch, or not at all. Row
r of the run reads stream[r·T : r·T + T + 1], the last T of them as targets. Nothing here has a state that a checkpoint
must hold, and the same tokens come whatever the micro-batch, the number of processes and the restarts.

With `masking` a share of the tokens that are read gives way to others, drawn as often as they stand in the text; what
is to be predicted stays (unigram noising, https://arxiv.org/abs/1703.02573). It keeps a model that reads the same text
many times from learning it by heart.

Shapes: B rows, T context.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from textmill.data.duplicates.shingles import mix
from textmill.tokenizer.tokens import TokenSplit

IGNORED = -100
"""A target that counts in no loss: a token that is read but not learned, or padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One micro-batch of packed rows.

    `inputs_BT`, `targets_BT`: token ids, int64, of targets also IGNORED. `documents_BT`: the index of each input
    token's document in its row, int64; attention stays inside a document.
    """

    inputs_BT: Int[Tensor, "B T"]
    targets_BT: Int[Tensor, "B T"]
    documents_BT: Int[Tensor, "B T"]
    counts: bool = True
    """False for rows that are only there so that all processes do the same number of micro-batches."""
    masked: bool = False
    """True where some targets may be `IGNORED`."""
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    """What else an objective needs: log-probabilities of a reference by pair, advantages by token, …"""

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
            masked=self.masked,
            extra={name: tensor.to(device) for name, tensor in self.extra.items()},
        )


@runtime_checkable
class Stream(Protocol):
    """Rows without end. Which ones a step reads is a function of how many were read before: no state to save."""

    @property
    def epoch_tokens(self) -> int:
        """Tokens until everything was read once."""
        ...

    def batch(self, row: int, rows: int, context: int) -> Batch:
        """Returns the rows `row` … `row + rows - 1` of the run, of `context` tokens at most."""
        ...

    def count(self, row: int, rows: int, context: int) -> tuple[int, int]:
        """Returns how many tokens these rows have to read, and how many units the objective counts in them."""
        ...


@dataclass(frozen=True, slots=True)
class _Order:
    """One epoch's order: which documents, and where each begins in the epoch's stretch of the stream."""

    documents: np.ndarray
    starts: np.ndarray


class TokenStream:
    """The endless stream of training tokens."""

    def __init__(
        self,
        split: TokenSplit,
        *,
        seed: int,
        end_of_text_id: int,
        copies: np.ndarray | None = None,
        masking: float = 0.0,
    ) -> None:
        self.array, self.offsets = split.array, np.asarray(split.offsets, dtype=np.int64)
        self.seed, self.end_of_text_id, self.masking = seed, end_of_text_id, masking
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
        documents_BT = (inputs_BT == self.end_of_text_id).long().cumsum(dim=1)
        if self.masking:
            inputs_BT = torch.from_numpy(self._masked(inputs_BT.numpy(), row * context))
        return Batch(inputs_BT=inputs_BT, targets_BT=torch.from_numpy(spans[:, 1:].copy()), documents_BT=documents_BT)

    def count(self, row: int, rows: int, context: int) -> tuple[int, int]:
        """Returns the tokens of some rows, all of which are predicted."""
        return rows * context, rows * context

    def _masked(self, inputs_BT: np.ndarray, first: int) -> np.ndarray:
        """Returns tokens, of which the first stands at the global index `first`, with some replaced; no boundary is."""
        start = mix(np.array([self.seed + 1], dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        index_BT = np.arange(first, first + inputs_BT.size, dtype=np.uint64).reshape(inputs_BT.shape)
        chance_BT = mix(index_BT ^ start)
        place_BT = mix(chance_BT ^ np.uint64(0x5851F42D4C957F2D)) % np.uint64(len(self.array))
        other_BT = self.array[place_BT.astype(np.int64)].astype(np.int64)
        masked_BT = (chance_BT >> np.uint64(11)).astype(np.float64) * 2.0**-53 < self.masking
        masked_BT &= (inputs_BT != self.end_of_text_id) & (other_BT != self.end_of_text_id)
        return np.where(masked_BT, other_BT, inputs_BT)


class StagedStream:
    """Two streams, one after the other: from the token index `later_from` on the mixture of the second is read."""

    def __init__(self, first: TokenStream, later: TokenStream, *, later_from: int) -> None:
        self.first, self.later, self.later_from = first, later, later_from

    @property
    def documents(self) -> np.ndarray:
        """The documents of the first stage's epoch."""
        return self.first.documents

    @property
    def epoch_tokens(self) -> int:
        """The tokens of the first stage's epoch."""
        return self.first.epoch_tokens

    def count(self, row: int, rows: int, context: int) -> tuple[int, int]:
        """Returns the tokens of some rows, all of which are predicted."""
        return rows * context, rows * context

    def batch(self, row: int, rows: int, context: int) -> Batch:
        """Returns the rows of the run as `TokenStream.batch` does."""
        border = -(-self.later_from // context)
        before = max(0, min(rows, border - row))
        if before == rows:
            return self.first.batch(row, rows, context)
        later = self.later.batch(row + before - border, rows - before, context)
        if not before:
            return later
        parts = (self.first.batch(row, before, context), later)
        return Batch(
            inputs_BT=torch.cat([part.inputs_BT for part in parts]),
            targets_BT=torch.cat([part.targets_BT for part in parts]),
            documents_BT=torch.cat([part.documents_BT for part in parts]),
        )
