"""What tuning by comparison looks at: how often a pair held out is put in the right order, beside what sft looks at.

accuracy    the share of pairs whose chosen answer gains more than the rejected one (the loss's own margin; 1/2 for
            a tie, so that it is 1/2 before the first step)
likelihood  the share whose chosen answer is likelier, token by token, which has a value before the first step too
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from textmill.checkpoints import mark_if_best
from textmill.evaluate.bootstrap import ratio_interval
from textmill.model.gpt import GPT
from textmill.train.run import Run
from textmill.tune.grouped import GroupedStream
from textmill.tune.looks import TuningLooks
from textmill.tune.passes import rows_of_a_pass, sums_by_text, token_pass
from textmill.tune.preference import GOOD, REFERENCE, Judge, PreferPairs
from textmill.tune.preference_losses import Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceLooks(TuningLooks):
    """`Looks` over pairs, or judged answers, that were held out; None: there are none."""

    objective: PreferPairs | Judge
    compared: GroupedStream | None

    def before(self, run: Run) -> None:
        """Measures general text and the order of pairs before the first step."""
        TuningLooks.before(self, run)
        self._compare(run)

    def evaluate(self, run: Run, *, last: bool) -> None:
        """Measures the order of pairs, and behind the last step what was forgotten."""
        TuningLooks.evaluate(self, run, last=last)
        self._compare(run)

    def _compare(self, run: Run) -> None:
        stream = self.compared
        if stream is None:
            return
        with run.shown(), run.looked_at() as model:
            if model is None:
                return
            found = self.order(
                model, stream, dtype=run.dtype, device=run.device, rows=rows_of_a_pass(run.device, stream.context)
            )
        run.note_saved()  # only what is there can be the best
        mark_if_best(run.folder, run.state.step, found["loss"])
        run.event("compared", **found)

    def order(self, model: GPT, stream: GroupedStream, *, dtype: torch.dtype, device: str, rows: int) -> dict[str, Any]:
        """Returns the loss and the share in the right order, with 95% intervals, over all that was held out."""
        logs = token_pass(model, stream, dtype=dtype, device=device, rows_at_a_time=rows)
        sums_A = torch.from_numpy(sums_by_text(stream.groups, logs))
        tokens_A = torch.from_numpy(stream.groups.text_counts)
        reference_A = torch.from_numpy(stream.columns.get(REFERENCE, np.zeros(len(sums_A))).astype(np.float64))
        if isinstance(self.objective, Judge):
            right, losses, likelier = self._judged(self.objective, stream, sums_A - reference_A)
        else:
            right, losses, likelier = self._pairs(self.objective, sums_A, reference_A, tokens_A)
        ones = np.ones(len(right))
        low, high = ratio_interval(right, ones)
        found = {"loss": float(losses.mean()), "accuracy": float(right.mean()), "low": low, "high": high}
        if likelier is not None:
            found["likelihood"] = float(likelier.mean())
            found["likelihood_low"], found["likelihood_high"] = ratio_interval(likelier, ones)
        return found | {"count": len(right)}

    @staticmethod
    def _pairs(
        objective: PreferPairs, sums_A: torch.Tensor, reference_A: torch.Tensor, tokens_A: torch.Tensor
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        pairs = Pairs(
            chosen_P=sums_A[0::2],
            rejected_P=sums_A[1::2],
            chosen_reference_P=reference_A[0::2],
            rejected_reference_P=reference_A[1::2],
            chosen_tokens_P=tokens_A[0::2],
            rejected_tokens_P=tokens_A[1::2],
        )
        margins = objective.pair_loss.margins(pairs).numpy()
        likelier = (pairs.chosen_mean_P - pairs.rejected_mean_P).numpy()
        return ordered(margins), objective.pair_loss(pairs).numpy(), ordered(likelier)

    @staticmethod
    def _judged(objective: Judge, stream: GroupedStream, ratios_A: torch.Tensor) -> tuple[np.ndarray, np.ndarray, None]:
        good_A = torch.from_numpy(stream.columns[GOOD])
        gains = (ratios_A - objective.reference_point).numpy()
        losses = objective.judged_loss(ratios_A, good_A, objective.reference_point)
        return ordered(np.where(good_A.numpy() > 0, gains, -gains)), losses.numpy(), None


TIE = 1e-6
"""Below this a difference is rounding."""


def ordered(differences: np.ndarray) -> np.ndarray:
    """Returns 1 where a difference is above 0, 1/2 for a tie, else 0."""
    return np.where(np.abs(differences) < TIE, 0.5, (differences > 0).astype(np.float64))
