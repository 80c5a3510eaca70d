"""DPO, ORPO and KTO as objectives of the trainer: texts by pairs, or one by one, with a reference on disk.

The reference never lies in memory beside the model: its log-probabilities are computed once, before the first step,
by the model that is then tuned (`reference`).

Shapes: A texts, P pairs.
"""

import torch
from torch import Tensor

from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.objective import Tally
from textmill.tune.grouped import TOKENS
from textmill.tune.preference_losses import WITHOUT_REFERENCE, JudgedLoss, PairLoss, Pairs
from textmill.tune.sums import text_sums

REFERENCE, GOOD = "reference_A", "good_A"
"""Columns of a stream: ln ρ(y|x) of each text, and 1 for one that was judged good."""


def pairs_of(sums_A: Tensor, batch: Batch) -> Pairs:
    """Returns the pairs of a batch: texts in turn, the chosen one first."""
    tokens_A = batch.extra[TOKENS]
    reference_A = batch.extra.get(REFERENCE)
    reference_A = torch.zeros_like(sums_A) if reference_A is None else reference_A.to(sums_A.dtype)
    return Pairs(
        chosen_P=sums_A[0::2],
        rejected_P=sums_A[1::2],
        chosen_reference_P=reference_A[0::2],
        rejected_reference_P=reference_A[1::2],
        chosen_tokens_P=tokens_A[0::2],
        rejected_tokens_P=tokens_A[1::2],
    )


class PreferPairs:
    """Any of the losses of pairs; counts pairs."""

    def __init__(self, loss: PairLoss, *, name: str) -> None:
        self.pair_loss, self.name, self.tally = loss, name, Tally()

    def loss(self, model: GPT, batch: Batch, dtype: torch.dtype) -> Tensor:
        """Returns the sum over the pairs."""
        pairs = pairs_of(text_sums(model, batch, dtype), batch)
        if batch.counts:
            self._note(pairs)
        return self.pair_loss(pairs).sum()

    @torch.no_grad()
    def _note(self, pairs: Pairs) -> None:
        margins_P, count = self.pair_loss.margins(pairs), len(pairs.chosen_P)
        self.tally.add("accuracy", (margins_P > 0).sum(), count)
        self.tally.add("margin", margins_P.sum(), count)
        self.tally.add("chosen_log_probability", pairs.chosen_mean_P.sum(), count)
        self.tally.add("rejected_log_probability", pairs.rejected_mean_P.sum(), count)
        if self.pair_loss.kind not in WITHOUT_REFERENCE:
            self.tally.add("chosen_reward", self.pair_loss.beta * pairs.chosen_ratio_P.sum(), count)
            self.tally.add("rejected_reward", self.pair_loss.beta * pairs.rejected_ratio_P.sum(), count)


class Judge:
    """KTO; counts answers. The reference point is set before each step (see `kto`)."""

    def __init__(self, loss: JudgedLoss) -> None:
        self.judged_loss, self.name, self.tally = loss, "kto", Tally()
        self.reference_point = 0.0

    def loss(self, model: GPT, batch: Batch, dtype: torch.dtype) -> Tensor:
        """Returns the sum over the answers."""
        ratios_A = text_sums(model, batch, dtype)
        ratios_A = ratios_A - batch.extra[REFERENCE].to(ratios_A.dtype)
        good_A = batch.extra[GOOD]
        if batch.counts:
            self._note(ratios_A, good_A.bool())
        return self.judged_loss(ratios_A, good_A, self.reference_point).sum()

    @torch.no_grad()
    def _note(self, ratios_A: Tensor, good_A: Tensor) -> None:
        beta = self.judged_loss.beta
        self.tally.add("good_reward", beta * ratios_A[good_A].sum(), int(good_A.sum()))
        self.tally.add("bad_reward", beta * ratios_A[~good_A].sum(), int((~good_A).sum()))
        self.tally.add("reference_point", self.reference_point * len(ratios_A), len(ratios_A))
