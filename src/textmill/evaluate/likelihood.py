"""How likely a model finds each choice of each item: ln p(continuation | prompt), summed over its tokens.

    items ─▶ pairs ─▶ trees ─▶ batches ─▶ rows of scores ─▶ one `Likelihood` an item, as batches finish

The precision is fixed and named in the result. In bf16 a sum's last digits depend on what shares its batch; the
batches are a function of the items alone, so the same call gives the same bits, and what was scored before an interrupt
is kept as it is.

Shapes: B rows, T tokens, N rows of scores, M scored tokens, D width, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textmill.evaluate.forest import Grove, Tree, groves, read_beginning, states, tree_of
from textmill.evaluate.packed import PackedModel, can_pack
from textmill.evaluate.pairs import Encoded, Pair
from textmill.hardware import default_precision
from textmill.model.gpt import GPT
from textmill.model.modes import evaluating

BATCH_TOKENS = 2048
LOGIT_ELEMENTS = 2**25
"""Logits that are held at a time: 128 MiB in float32."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """What a model thinks of an item's choices."""

    sums: tuple[float, ...]
    """Natural logarithms."""
    tokens: tuple[int, ...]
    greedy: tuple[bool, ...]
    """Whether each of a choice's tokens was the likeliest one: the model would have written it."""

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {
            "log_probabilities": list(self.sums),
            "tokens": list(self.tokens),
            "greedy": list(self.greedy),
        }


class Scorer:
    """A model that scores; its weights are brought to `precision` ("auto": bf16 where the hardware multiplies it)."""

    def __init__(self, model: GPT, *, precision: str = "auto", batch_tokens: int = BATCH_TOKENS) -> None:
        device = model.token_embedding.weight.device.type
        self.precision = default_precision(device)[0] if precision == "auto" else precision
        self.batch_tokens = batch_tokens
        self.packed = PackedModel(model) if self.precision == "bf16" and can_pack(model) else None
        self.model = model if self.packed is not None else model.to(DTYPES[self.precision])
        self.path = f"{self.precision} ({'compiled kernels' if self.packed is not None else f'torch on {device}'})"

    def score(self, items: Sequence[Encoded]) -> Iterator[tuple[int, Likelihood]]:
        """Yields (place, what came of it) for each item that has tokens, longest first."""
        yield from self.score_pairs([item.pairs for item in items])

    def score_pairs(self, items: Sequence[Sequence[Pair]]) -> Iterator[tuple[int, Likelihood]]:
        """Yields the same for the pairs of each item."""
        for batch, x_ND in self._batches(items):
            yield from zip((tree.number for tree in batch), self._read(batch, x_ND), strict=True)

    def states_before(self, items: Sequence[Sequence[Pair]]) -> Iterator[tuple[list[int], Float[Tensor, "n D"]]]:
        """Yields (places, the normed states that predict the first scored token of each item's first pair)."""
        for batch, x_ND in self._batches(items):
            starts = torch.tensor([0, *(len(tree.ids) for tree in batch[:-1])]).cumsum(0)
            rows = starts + torch.tensor([tree.rows[0][0] for tree in batch])
            yield [tree.number for tree in batch], x_ND[rows.to(x_ND.device)]

    def _batches(self, items: Sequence[Sequence[Pair]]) -> Iterator[tuple[list[Tree], Tensor]]:
        trees = [tree_of(place, pairs) for place, pairs in enumerate(items) if pairs]
        with evaluating(self.model), torch.inference_mode():
            for grove in groves(trees):
                yield from self._states(grove)

    def _states(self, grove: Grove) -> Iterator[tuple[list[Tree], Tensor]]:
        """Yields the grove's batches with the states of their tokens, one tree behind the other."""
        batches = grove.batches(self.batch_tokens)
        if self.packed is not None:
            kept = self.packed.read_beginning(grove.shared)
            yield from ((batch, self.packed.states(batch, kept)) for batch in batches)
            return
        beginning = read_beginning(self.model, grove.shared)
        for batch in batches:
            x_BTD = states(self.model, batch, beginning)
            yield batch, torch.cat([x_TD[: len(tree.ids)] for x_TD, tree in zip(x_BTD, batch, strict=True)])

    def _read(self, batch: Sequence[Tree], x_ND: Float[Tensor, "N D"]) -> list[Likelihood]:
        """Returns what the states of a batch say of each tree's pairs."""
        start, places, targets = 0, list[int](), list[int]()
        for tree in batch:
            for rows, ids in zip(tree.rows, tree.targets, strict=True):
                places += [start + at for at in rows]
                targets += ids
            start += len(tree.ids)
        place_M, target_M = torch.tensor(places), torch.tensor(targets)
        unique_N, index_M = place_M.unique(return_inverse=True)
        chosen_ND = x_ND[unique_N.to(x_ND.device)]
        log_M, best_M = self._rows(chosen_ND, index_M.to(x_ND.device), target_M.to(x_ND.device))
        return told(batch, log_M.tolist(), best_M.tolist())

    def _rows(
        self, x_ND: Float[Tensor, "N D"], index_M: Int[Tensor, " M"], target_M: Int[Tensor, " M"]
    ) -> tuple[Tensor, Tensor]:
        """Returns each target's log-probability and whether it is the likeliest token, some rows at a time."""
        log_M, best_M = torch.empty(len(index_M), device=x_ND.device), torch.empty_like(index_M, dtype=torch.bool)
        step = max(1, LOGIT_ELEMENTS // self.model.config.vocabulary_size)
        score = self.packed.log_sums if self.packed is not None else self._log_sums
        for start in range(0, len(x_ND), step):
            mine_M = ((index_M >= start) & (index_M < start + step)).nonzero()[:, 0]
            found = score(x_ND[start : start + step], index_M[mine_M] - start, target_M[mine_M])
            log_M[mine_M], best_M[mine_M] = found
        return log_M, best_M

    def _log_sums(self, x_ND: Tensor, index_M: Tensor, target_M: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the same for some rows, through the model itself."""
        logits_NV = self.model.logits(x_ND).float()
        log_M = logits_NV[index_M, target_M] - logits_NV.logsumexp(dim=-1)[index_M]
        return log_M, logits_NV.argmax(dim=-1)[index_M] == target_M


def told(batch: Sequence[Tree], logs: Sequence[float], best: Sequence[bool]) -> list[Likelihood]:
    """Returns the likelihoods of a batch from those of its scored tokens, in order."""
    made, at = [], 0
    for tree in batch:
        sums, greedy = [], []
        for ids in tree.targets:
            sums.append(float(sum(logs[at : at + len(ids)])))
            greedy.append(all(best[at : at + len(ids)]))
            at += len(ids)
        counts = tuple(len(ids) for ids in tree.targets)
        made.append(Likelihood(sums=tuple(sums), tokens=counts, greedy=tuple(greedy)))
    return made
