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
    model = recording.model
    places = list(range(len(recording.ids)) if tokens is None else tokens)
    names = ["embedding", *(f"layer.{layer}.residual" for layer in range(model.config.layers))]
    with torch.no_grad():
        finals = [model.logits(recording.tensor("normed")[at]).argmax() for at in places]
        return [
            [_cell(recording, layer, at, final, name) for at, final in zip(places, finals, strict=True)]
            for layer, name in enumerate(names, start=-1)
        ]


def _cell(recording: "Recording", layer: int, at: int, final: Tensor, name: str) -> LensCell:
    model, tokenizer = recording.model, recording.tokenizer
    logits_V = model.logits(model.norm(recording.tensor(name)[at]))
    probability_V = logits_V.float().softmax(dim=-1)
    best = int(logits_V.argmax())
    return LensCell(
        layer=layer,
        token=at,
        id=best,
        text=token_text(tokenizer, best) if best < tokenizer.vocabulary_size else "",
        probability=float(probability_V[best]),
        final_rank=int((logits_V > logits_V[final]).sum()),
        final_probability=float(probability_V[final]),
    )
