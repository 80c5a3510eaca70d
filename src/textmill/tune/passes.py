"""Log-probabilities of a whole set of texts, without a gradient: of a reference, or of the weights before an update."""

from collections.abc import Callable

import numpy as np
import torch

from textmill.model.gpt import GPT
from textmill.progress import Progress, silent
from textmill.train.batches import Batch
from textmill.tune.grouped import GroupedSet, GroupedStream, learned_places
from textmill.tune.sums import learned_tokens


def token_pass(
    model: GPT,
    stream: GroupedStream,
    *,
    dtype: torch.dtype,
    device: str,
    rows_at_a_time: int,
    temperature: float = 1.0,
    leave: Callable[[], None] = lambda: None,
    progress: Progress = silent,
) -> np.ndarray:
    """Returns ln p of every learned token of the stream's texts, float32, as `ids` has them; 0 for all others.

    `leave` is called between batches and may raise.
    """
    groups = stream.groups
    logs = np.zeros(len(groups.ids), dtype=np.float32)
    training = model.training
    model.train(model.native)  # the compiled kernels serve training alone; without them there is no dropout
    try:
        for first in range(0, stream.epoch_rows, rows_at_a_time):
            leave()
            rows = range(first, min(first + rows_at_a_time, stream.epoch_rows))
            members = [stream.row_examples(row) for row in rows]
            batch: Batch = stream.batch_of(members, stream.context).to(device)
            with torch.no_grad():
                log_N, _ = learned_tokens(model, batch, dtype, temperature=temperature)
            logs[places_of(groups, members)] = log_N.float().cpu().numpy()
            progress(rows.stop, stream.epoch_rows)
    finally:
        model.train(training)
    return logs


def rows_of_a_pass(device: str, context: int) -> int:
    """Returns rows at a time: what keeps a layer's activations near the cache on a CPU, many on a GPU."""
    return max(1, (4096 if device == "cpu" else 65_536) // context)


def places_of(groups: GroupedSet, members: list[list[int]]) -> np.ndarray:
    """Returns where the learned tokens of some rows of groups stand in `ids`."""
    numbers = [group * groups.size + part for row in members for group in row for part in range(groups.size)]
    return learned_places(groups, numbers)


def sums_by_text(groups: GroupedSet, logs: np.ndarray) -> np.ndarray:
    """Returns the sums of a pass by text, float64."""
    running = np.concatenate(([0.0], np.cumsum(np.where(groups.learned, logs, 0.0), dtype=np.float64)))
    return running[groups.offsets[1:]] - running[groups.offsets[:-1]]
