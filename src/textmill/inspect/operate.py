"""What becomes of the next token when heads or feed-forward parts are switched off.

A head is switched off by giving zeros to the matrix that joins the heads; a feed-forward part then adds nothing.
The model is the same again when the block ends.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from textmill.errors import ModelError
from textmill.inspect.tokens import token_text

if TYPE_CHECKING:
    from textmill.inspect.recording import Recording
    from textmill.model.gpt import GPT

FEED_FORWARD = -1
"""In the place of a head's number: the layer's feed-forward part."""
SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A token's probability with the whole model, and without the parts."""

    id: int
    text: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What switching off changed: the best tokens of both, and by how many bits the new distribution misses the old."""

    changes: tuple[Change, ...]
    divergence: float


def effect(recording: "Recording", parts: Sequence[tuple[int, int]], *, at: int = -1) -> Effect:
    """Returns what may come after the token `at` without `parts`, each (layer, head) or (layer, FEED_FORWARD)."""
    model, at = recording.model, at % len(recording.ids)
    for layer, head in parts:
        if not (0 <= layer < model.config.layers and FEED_FORWARD <= head < model.config.heads):
            raise ModelError("inspect.no_part", layer=layer, head=head)
    ids_BT = torch.tensor([recording.ids[: at + 1]], device=recording.device)
    with torch.no_grad(), switched_off(model, parts):
        after_V = model.logits(model.hidden(ids_BT)[0, -1]).float().log_softmax(dim=-1)
    before_V = recording.part("logits", at).float().log_softmax(dim=-1)
    best = [*torch.topk(before_V, SHOWN).indices.tolist(), *torch.topk(after_V, SHOWN).indices.tolist()]
    known = recording.tokenizer.vocabulary_size
    changes = tuple(
        Change(
            id=id,
            text=token_text(recording.tokenizer, id) if id < known else "",
            before=float(before_V[id].exp()),
            after=float(after_V[id].exp()),
        )
        for id in dict.fromkeys(best)
    )
    divergence = float((before_V.exp() * (before_V - after_V)).sum()) / 0.6931471805599453
    return Effect(changes=changes, divergence=max(0.0, divergence))


@contextmanager
def switched_off(model: "GPT", parts: Sequence[tuple[int, int]]) -> Iterator[None]:
    """Switches parts of a model off for a while."""
    handles = []
    for layer, block in enumerate(model.blocks):
        off = {head for at, head in parts if at == layer}
        heads = sorted(off - {FEED_FORWARD})
        if heads:
            handles.append(block.attention.output.register_forward_pre_hook(_silence(heads, model.config.head_width)))  # type: ignore[union-attr]
        if FEED_FORWARD in off:
            handles.append(block.feed_forward.register_forward_hook(lambda *seen: torch.zeros_like(seen[2])))  # type: ignore[union-attr]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _silence(heads: list[int], width: int) -> Any:
    """Returns a hook that puts zeros in the place of some heads."""

    def hook(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        silent = given[0].clone()
        for head in heads:
            silent[..., head * width : (head + 1) * width] = 0.0
        return (silent,)

    return hook
