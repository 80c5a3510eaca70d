"""Distillation: a student learns a teacher's whole distribution at every token, not only the token that stands there.

    teacher in memory   bf16, beside the student; all tokens of the vocabulary are compared
    teacher on disk     its `top` most probable tokens at each place, computed once before the first step and kept
                        beside the run; the teacher is not needed any more

Both need the student's own vocabulary. See `divergence` for the formulas.

Shapes: N learned tokens, D width, V vocabulary, k kept.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from textmill.model.gpt import GPT
from textmill.progress import Progress, silent
from textmill.train.batches import IGNORED, Batch
from textmill.train.loss import CHUNK_TOKENS
from textmill.train.objective import Tally
from textmill.train.step import autocast
from textmill.tune.divergence import distillation_loss
from textmill.tune.grouped import GroupedStream
from textmill.tune.passes import places_of

TOP_IDS, TOP_LOGS = "top_ids_Nk", "top_logs_Nk"
NEVER = -1e4
"""The score of a token that the teacher does not have: its vocabulary is padded less."""


class Distill:
    """The divergence from a teacher as an objective, by learned tokens; `teacher` None: batches have its numbers."""

    def __init__(self, *, teacher: GPT | None, temperature: float, text_weight: float) -> None:
        self.teacher, self.temperature, self.text_weight = teacher, temperature, text_weight
        self.name, self.tally = "distill", Tally()

    def loss(self, model: GPT, batch: Batch, dtype: torch.dtype) -> Tensor:
        """Returns the sum over the learned tokens."""
        with autocast(batch.inputs_BT, dtype):
            hidden_BTD = model.hidden(batch.inputs_BT, documents_BT=batch.documents_BT)
        learned_BT = batch.targets_BT != IGNORED
        with torch.autocast(batch.inputs_BT.device.type, enabled=False):
            total, divergence = distillation_loss(
                hidden_BTD[learned_BT],
                model.output.weight,
                batch.targets_BT[learned_BT],
                self._teacher_of(model, batch, learned_BT),
                temperature=self.temperature,
                text_weight=self.text_weight,
                dtype=dtype,
            )
        if batch.counts:
            self.tally.add("divergence", divergence, int(learned_BT.sum()))
        return total

    def _teacher_of(
        self, model: GPT, batch: Batch, learned_BT: Tensor
    ) -> Callable[[slice], Tensor | tuple[Tensor, Tensor]]:
        if self.teacher is None:
            ids_Nk, logs_Nk = batch.extra[TOP_IDS], batch.extra[TOP_LOGS]
            return lambda part: (ids_Nk[part], logs_Nk[part])
        hidden_ND = teacher_hidden(self.teacher, batch)[learned_BT]
        teacher, size = self.teacher, model.config.vocabulary_size

        @torch.no_grad()
        def logits(part: slice) -> Tensor:
            return of_size(teacher.logits(hidden_ND[part]).float(), size)

        return logits


@torch.no_grad()
def teacher_hidden(teacher: GPT, batch: Batch) -> Tensor:
    """Returns the teacher's last states, outside of any autocast but its own weights' type."""
    with torch.autocast(batch.inputs_BT.device.type, enabled=False):
        return teacher.hidden(batch.inputs_BT, documents_BT=batch.documents_BT)


def of_size(logits_nV: Tensor, size: int) -> Tensor:
    """Returns scores of the first `size` tokens; what a padded vocabulary has beyond the tokenizer's is never drawn."""
    missing = size - logits_nV.shape[1]
    return torch.nn.functional.pad(logits_nV, (0, missing), value=NEVER) if missing > 0 else logits_nV[:, :size]


@torch.no_grad()
def top_pass(
    teacher: GPT,
    stream: GroupedStream,
    *,
    top: int,
    size: int,
    temperature: float,
    device: str,
    rows_at_a_time: int,
    leave: Callable[[], None] = lambda: None,
    progress: Progress = silent,
) -> dict[str, np.ndarray]:
    """Returns of every learned token of the stream's texts the teacher's most probable ones, as `ids` has them.

    {TOP_IDS: int32 (tokens, k), TOP_LOGS: float16 (tokens, k)}; zero for tokens that are not learned.
    """
    groups = stream.groups
    ids = np.zeros((len(groups.ids), top), dtype=np.int32)
    logs = np.zeros((len(groups.ids), top), dtype=np.float16)
    for first in range(0, stream.epoch_rows, rows_at_a_time):
        leave()
        rows = range(first, min(first + rows_at_a_time, stream.epoch_rows))
        members = [stream.row_examples(row) for row in rows]
        batch = stream.batch_of(members, stream.context).to(device)
        hidden_ND = teacher_hidden(teacher, batch)[batch.targets_BT != IGNORED]
        places = places_of(groups, members)
        for start in range(0, len(places), CHUNK_TOKENS):
            part = slice(start, start + CHUNK_TOKENS)
            logits_nV = of_size(teacher.logits(hidden_ND[part]).float(), size) / temperature
            best = torch.log_softmax(logits_nV, dim=-1).topk(top, dim=-1)
            ids[places[part]] = best.indices.int().cpu().numpy()
            logs[places[part]] = best.values.half().cpu().numpy()
        progress(rows.stop, stream.epoch_rows)
    return {TOP_IDS: ids, TOP_LOGS: logs}
