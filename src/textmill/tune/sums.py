"""ln π(y|x) of each text of a micro-batch: what every way of preferring and rewarding starts from.

Shapes: B rows, T context, N learned tokens, A texts.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from textmill.model.gpt import GPT
from textmill.train.batches import IGNORED, Batch
from textmill.train.step import autocast
from textmill.tune.grouped import TEXTS, TOKENS
from textmill.tune.log_probabilities import token_log_probabilities


def learned_tokens(
    model: GPT, batch: Batch, dtype: torch.dtype, *, temperature: float = 1.0
) -> tuple[Float[Tensor, " N"], Tensor]:
    """Returns ln p of each learned token at a temperature, and where they stand (B T, bool), row after row."""
    with autocast(batch.inputs_BT, dtype):
        hidden_BTD = model.hidden(batch.inputs_BT, documents_BT=batch.documents_BT)
    learned_BT = batch.targets_BT != IGNORED
    log_N = token_log_probabilities(
        model, hidden_BTD[learned_BT], batch.targets_BT[learned_BT], dtype, temperature=temperature
    )
    return log_N, learned_BT


def text_sums(model: GPT, batch: Batch, dtype: torch.dtype) -> Float[Tensor, " A"]:
    """Returns ln π of the learned tokens of each text, summed."""
    log_N, learned_BT = learned_tokens(model, batch, dtype)
    return by_text(log_N, batch, learned_BT)


def by_text(values_N: Float[Tensor, " N"], batch: Batch, learned_BT: Tensor) -> Float[Tensor, " A"]:
    """Returns the sum of a quantity over the learned tokens of each text."""
    sums_A = torch.zeros(len(batch.extra[TOKENS]), dtype=values_N.dtype, device=values_N.device)
    return sums_A.index_add(0, batch.extra[TEXTS][learned_BT], values_N)
