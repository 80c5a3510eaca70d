"""Logit lens: what the model would say if it ended after a layer: output(norm(residual stream)), layer by layer.

https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru (nostalgebraist, 2020). The last row is the model's own answer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from textmill.inspect.tokens import token_text

if TYPE_CHECKING:
    from textmill.inspect.recording import Recording


AT_ONCE = 32
"""Tokens whose scores of the whole vocabulary are made together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LensCell:
    """The best token at one layer and position, and where the model's final answer stands there."""

    layer: int
    """-1: the embedding itself."""
    token: int
    id: int
    text: str
    probability: float
    final_rank: int
    """How many tokens are more probable here than the one that the whole model finds best."""
    final_probability: float


def logit_lens(recording: "Recording", *, tokens: range | None = None) -> list[list[LensCell]]:
    """Returns a row a layer (the embedding first), a cell for each of `tokens` (None: all)."""
    places = list(range(len(recording.ids)) if tokens is None else tokens)
    names = ["embedding", *(f"layer.{layer}.residual" for layer in range(recording.model.config.layers))]
    chunks = [places[start : start + AT_ONCE] for start in range(0, len(places), AT_ONCE)]
    rows: list[list[LensCell]] = [[] for _ in names]
    with torch.no_grad():
        for chunk in chunks:
            final_T = recording.model.logits(recording.tensor("normed")[chunk]).argmax(dim=-1)
            for layer, name in enumerate(names):
                rows[layer] += _cells(recording, layer - 1, chunk, final_T, name)
    return rows


def _cells(recording: "Recording", layer: int, places: list[int], final_T: Tensor, name: str) -> list[LensCell]:
    """Returns a row's cells for some tokens, together: each product with the vocabulary reads all of its matrix."""
    model, tokenizer = recording.model, recording.tokenizer
    logits_TV = model.logits(model.norm(recording.tensor(name)[places])).float()
    total_T1 = logits_TV.logsumexp(dim=-1, keepdim=True)
    best_T, wanted_T1 = logits_TV.argmax(dim=-1), logits_TV.gather(1, final_T[:, None])
    rank_T = (logits_TV > wanted_T1).sum(dim=-1).tolist()
    best_share = (logits_TV.gather(1, best_T[:, None]) - total_T1).exp()[:, 0].tolist()
    final_share = (wanted_T1 - total_T1).exp()[:, 0].tolist()
    return [
        LensCell(
            layer=layer,
            token=at,
            id=id,
            text=token_text(tokenizer, id) if id < tokenizer.vocabulary_size else "",
            probability=best_share[place],
            final_rank=rank_T[place],
            final_probability=final_share[place],
        )
        for place, (at, id) in enumerate(zip(places, best_T.tolist(), strict=True))
    ]
