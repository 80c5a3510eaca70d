"""What the model has read: at most its context of the last tokens, with their keys and values.

    prompt ≤ context:   all of it, behind the document's beginning
    prompt > context:   its last max(context/2, context - max_tokens) tokens
    full:               the last half of the context is read again, and the text goes on behind it

Half, because reading anew costs a whole pass and then buys half a context of cheap steps; and positions start at 0
again, so that no model sees a position that it was not trained on.

Shapes: B = 1 row, V vocabulary.
"""

import copy
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from textmill.model.cache import Cache
from textmill.model.gpt import GPT


def half_context(context: int) -> int:
    """Returns how many tokens are read again when the context is full."""
    return max(1, context // 2)


def kept_prompt(length: int, context: int, max_tokens: int) -> int:
    """Returns how many of a prompt's last tokens are read: all, or as many as leave room for what is to be written."""
    return length if length <= context else max(half_context(context), context - max_tokens)


class ReadContext:
    """One text as the model sees it, growing token by token."""

    def __init__(self, model: GPT, *, capacity: int) -> None:
        self.model = model
        weight = model.token_embedding.weight
        self.capacity = min(capacity, model.config.context)
        self.cache = Cache(model.config, batch=1, capacity=self.capacity, dtype=weight.dtype, device=weight.device)
        self.ids: list[int] = []
        """The tokens in the cache."""

    @property
    def full(self) -> bool:
        """True when the next token makes the window slide."""
        return self.cache.length >= self.capacity

    @torch.inference_mode()
    def read(self, ids: Sequence[int]) -> Float[Tensor, "1 V"]:
        """Reads more tokens; returns the scores of the one after them, in float32."""
        fresh = list(ids)
        if self.cache.length + len(fresh) > self.capacity:
            fresh = (self.ids + fresh)[-half_context(self.capacity) :]
            self.ids, self.cache.length = [], 0
        self.ids += fresh
        ids_1T = torch.tensor([fresh], device=self.cache.store.device)
        x_1TD = self.model.hidden(ids_1T, cache=self.cache)
        logits_1V = self.model.logits(x_1TD[:, -1]).float()
        return logits_1V.cpu() if logits_1V.device.type == "mps" else logits_1V  # mps lacks the draw's float64

    def fork(self) -> "ReadContext":
        """Returns a second text that begins as this one, for another sample of the same prompt."""
        other = copy.copy(self)
        other.cache, other.ids = self.cache.expand(1), list(self.ids)
        return other
