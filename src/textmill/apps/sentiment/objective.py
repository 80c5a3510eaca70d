"""Tuning towards labels: −ln p(label) among the labels alone, read behind each text.

    loss = −logit[right] + ln Σ_c exp(logit[c])          over the rows of W that tell the labels, not the vocabulary

What a model would say besides the labels is never asked of it, so nothing is learned of that; the pass over the
vocabulary, a fifth of the work of a small model, is left out.

Shapes: B rows, T tokens, N texts, D width, C labels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from textmill.checkpoints import mark_if_best
from textmill.evaluate.bootstrap import ratio_interval
from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.evaluation import undisturbed
from textmill.train.objective import Tally
from textmill.train.run import Run
from textmill.train.step import autocast, learned_positions
from textmill.tune.packing import PackedStream


class ChooseLabel:
    """−ln p of each text's label; `answers`: the token that tells each label."""

    def __init__(self, answers: Sequence[int]) -> None:
        self.name, self.tally = "sentiment", Tally()
        self.answers_C = torch.tensor(list(answers))

    def logits(self, model: GPT, batch: Batch, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Returns the labels' logits (N, C) and which is right (N)."""
        answers_C = self.answers_C.to(batch.inputs_BT.device)
        with autocast(batch.inputs_BT, dtype):
            hidden_BTD = model.hidden(batch.inputs_BT, documents_BT=batch.documents_BT)
            hidden_ND, targets_N = learned_positions(hidden_BTD, batch.targets_BT, True)
        with torch.autocast(hidden_ND.device.type, enabled=False):
            output = model.output
            rows_CD = output.weight.index_select(0, answers_C)
            bias_C = output.bias.index_select(0, answers_C) if output.bias is not None else None
            logits_NC = F.linear(hidden_ND.to(rows_CD.dtype), rows_CD, bias_C) / model.config.logit_divisor
        cap = model.config.logit_softcap
        logits_NC = cap * torch.tanh(logits_NC / cap) if cap else logits_NC
        return logits_NC, (targets_N[:, None] == answers_C).long().argmax(dim=1)

    def loss(self, model: GPT, batch: Batch, dtype: torch.dtype) -> Tensor:
        """Returns the sum of losses in nats."""
        logits_NC, right_N = self.logits(model, batch, dtype)
        if batch.counts:
            self.tally.add("accuracy", (logits_NC.detach().argmax(dim=1) == right_N).sum(), max(1, len(right_N)))
        return F.cross_entropy(logits_NC, right_N, reduction="sum")


class LabelLooks:
    """What is looked at on the way: loss and accuracy on rows that were held out; the best of them is marked."""

    def __init__(self, objective: ChooseLabel, held_out: PackedStream | None) -> None:
        self.objective, self.held_out = objective, held_out

    def evaluate(self, run: Run, *, last: bool) -> None:
        """Measures all that was held out."""
        stream = self.held_out
        if stream is None or not stream.epoch_rows:
            return
        with run.shown(), run.looked_at() as model:
            if model is None:
                return
            found = self.measure(run, model, stream)
        run.note_saved()  # only what is there can be the best
        mark_if_best(run.folder, run.state.step, found["loss"])
        run.event("held_out", **found)

    def measure(self, run: Run, model: GPT, stream: PackedStream) -> dict[str, Any]:
        """Returns loss with its interval, and accuracy."""
        losses: list[np.ndarray] = []
        right = 0
        with undisturbed(model):
            for row in range(stream.epoch_rows):
                batch = stream.batch(row, 1, stream.context).to(run.device)
                logits_NC, right_N = self.objective.logits(model, batch, run.dtype)
                losses.append(F.cross_entropy(logits_NC.float(), right_N, reduction="none").cpu().numpy())
                right += int((logits_NC.argmax(dim=1) == right_N).sum())
        each = np.concatenate(losses)
        low, high = ratio_interval(each, np.ones(len(each)))
        return {
            "loss": float(each.mean()),
            "low": low,
            "high": high,
            "accuracy": right / len(each),
            "rows": len(each),
        }

    def sample(self, run: Run) -> None:
        """Has nothing to write."""
