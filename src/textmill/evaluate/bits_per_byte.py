"""Bits per byte: −log2 of the probability of all the text's tokens, over the text's UTF-8 bytes.

    value = Σ_documents Σ_t −log2 p(token_t | <|endoftext|>, token_1 … token_{t-1})  /  Σ_documents bytes

Each document begins from an empty context, which is the end-of-text token alone. Special tokens are not counted, and
neither is the end-of-text that would end a document. Documents longer than the training context go through windows of
that length with half stride: each token is scored once, and past the first window with at least half a window of text
before it. Bytes, because they do not depend on the tokenizer: models with other tokenizers are scored by this function
too and their values compare.

Shapes: B windows, T tokens of a window, N scored tokens, D width, V vocabulary.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from textmill.errors import InputError
from textmill.evaluate.bootstrap import ratio_interval
from textmill.model.gpt import GPT
from textmill.model.modes import evaluating
from textmill.progress import Progress, silent

LOGIT_ELEMENTS = 2**25
"""Logits that are held at a time: 128 MiB in float32."""

LogitsOf = Callable[[Tensor], Tensor]
"""Token ids (B T) to logits (B T V), causal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BitsPerByte:
    """A score with its sample and its 95% interval (bootstrap over documents)."""

    bits: float
    tokens: int
    documents: int
    bytes: int
    value: float
    low: float
    high: float
    document_bits: tuple[float, ...] = ()
    """Bits of each document in the order given, where they were asked for."""

    def as_dict(self) -> dict[str, Any]:
        """Returns the score for JSON, without the single documents."""
        names = ("value", "low", "high", "bits", "bytes", "tokens", "documents")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Window:
    """Inputs `start` … `end`-1 of a document, of which those from `first` on predict tokens that are not yet scored."""

    document: int
    start: int
    end: int
    first: int


def document_windows(length: int, context: int) -> list[tuple[int, int, int]]:
    """Returns (start, end, first scored) of the windows over `length` inputs; the scored parts tile 0 … length-1."""
    stride = max(1, context // 2)
    windows, start, scored = [], 0, 0
    while scored < length:
        end = min(start + context, length)
        windows.append((start, end, scored))
        start, scored = start + stride, end
    return windows


def bits_per_byte(
    model: GPT | LogitsOf,
    documents: Iterable[tuple[Sequence[int] | np.ndarray, int]],
    *,
    end_of_text_id: int,
    context: int,
    batch_tokens: int = 8192,
    autocast: torch.dtype | None = None,
    device: torch.device | str | None = None,
    progress: Progress = silent,
    keep_documents: bool = False,
    seed: int = 0,
) -> BitsPerByte:
    """Scores `documents`, pairs of ids without special tokens and the number of UTF-8 bytes that they stand for.

    `model`: our GPT, or anything that maps ids to causal logits. `batch_tokens` only decides speed and memory.
    """
    inputs, sizes = _inputs(documents, end_of_text_id)
    place = torch.device(device or (next(model.parameters()).device if isinstance(model, torch.nn.Module) else "cpu"))
    windows = [Window(index, *w) for index, ids in enumerate(inputs) for w in document_windows(len(ids) - 1, context)]
    bits, done, total = np.zeros(len(inputs)), 0, sum(window.end - window.first for window in windows)
    casting = torch.autocast(place.type, dtype=autocast, enabled=autocast is not None)
    with evaluating(model), torch.no_grad(), casting:
        if not isinstance(model, GPT):  # its logits come whole, so the batch must be small enough for them
            vocabulary = model(torch.tensor([[end_of_text_id]], device=place)).shape[-1]
            batch_tokens = min(batch_tokens, LOGIT_ELEMENTS // vocabulary)
        for batch in _batches(windows, batch_tokens):
            owner_N, bits_N = _score(model, batch, inputs, end_of_text_id, place)
            bits += np.bincount(owner_N, weights=bits_N, minlength=len(bits))
            done += len(owner_N)
            progress(done, total)
    return summarise(bits, sizes, tokens=total, keep_documents=keep_documents, seed=seed)


def summarise(
    bits: np.ndarray, sizes: np.ndarray, *, tokens: int, keep_documents: bool = False, seed: int = 0
) -> BitsPerByte:
    """Returns the score of documents with the given bits and bytes."""
    total = int(sizes.sum())
    if not total:
        raise InputError("evaluate.no_text", documents=len(sizes))
    low, high = ratio_interval(bits, sizes, seed=seed)
    return BitsPerByte(
        bits=float(bits.sum()),
        tokens=tokens,
        documents=len(sizes),
        bytes=total,
        value=float(bits.sum()) / total,
        low=low,
        high=high,
        document_bits=tuple(bits.tolist()) if keep_documents else (),
    )


def _inputs(
    documents: Iterable[tuple[Sequence[int] | np.ndarray, int]], end_of_text_id: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns each document's ids behind the end-of-text token, and the bytes of each."""
    inputs, sizes = [], []
    for ids, size in documents:
        inputs.append(np.concatenate(([end_of_text_id], np.asarray(ids, dtype=np.int64))))
        sizes.append(size)
    return inputs, np.asarray(sizes, dtype=np.int64)


def _batches(windows: list[Window], batch_tokens: int) -> Iterator[list[Window]]:
    """Yields windows of about equal length together, at most `batch_tokens` with their padding; the longest first."""
    ordered = sorted(windows, key=lambda window: window.start - window.end)
    start = 0
    while start < len(ordered):
        rows = max(1, batch_tokens // (ordered[start].end - ordered[start].start))
        yield ordered[start : start + rows]
        start += rows


def _score(
    model: GPT | LogitsOf, batch: list[Window], inputs: list[np.ndarray], padding_id: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each token scored in the batch its document and its bits."""
    longest = max(window.end - window.start for window in batch)
    ids_BT = np.full((len(batch), longest), padding_id)  # behind the text, where causal attention does not look
    target_BT = np.full((len(batch), longest), -1)
    for row, window in enumerate(batch):
        ids, size = inputs[window.document], window.end - window.start
        ids_BT[row, :size] = ids[window.start : window.end]
        target_BT[row, window.first - window.start : size] = ids[window.first + 1 : window.end + 1]
    scored_BT = target_BT >= 0
    owner_N = np.repeat([window.document for window in batch], scored_BT.sum(axis=1))
    chosen_BT = torch.from_numpy(scored_BT).to(device)
    target_N = torch.from_numpy(target_BT[scored_BT]).to(device)
    if isinstance(model, GPT):
        states_N, logits_of = model.hidden(torch.from_numpy(ids_BT).to(device))[chosen_BT], model.logits
        rows = max(1, LOGIT_ELEMENTS // model.config.vocabulary_size)
    else:
        states_N, logits_of = model(torch.from_numpy(ids_BT).to(device))[chosen_BT], lambda logits_NV: logits_NV
        rows = max(1, LOGIT_ELEMENTS // states_N.shape[-1])
    parts = [
        F.cross_entropy(logits_of(states).float(), target, reduction="none")
        for states, target in zip(states_N.split(rows), target_N.split(rows), strict=True)
    ]
    return owner_N, torch.cat(parts).double().cpu().numpy() / math.log(2)
