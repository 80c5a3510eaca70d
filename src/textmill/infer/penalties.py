"""What the text so far does to the next token's scores: penalties for what is there already, and bans.

    + bias, watermark ─▶ repetition (prompt and sample) ─▶ − frequency · count − presence (sample) ─▶ DRY ─▶ bans to −∞

Shapes: V vocabulary.
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from textmill.infer.sampling import NEGATIVE_INFINITY, SamplingSettings, penalize_repetition
from textmill.infer.watermark import STRENGTH, green

if TYPE_CHECKING:
    from textmill.tokenizer.tokenizer import Tokenizer

LONGEST_REPEAT = 64
"""DRY counts no longer stretches: 1.75 to this power is out of all bounds already."""


class History:
    """One sample's tokens, as the penalties want them; only what its settings need is kept."""

    def __init__(self, settings: SamplingSettings, tokenizer: "Tokenizer", prompt: Sequence[int], size: int) -> None:
        self.settings, self.size = settings, size
        self.ids = list(prompt)
        self.prompt_length = len(prompt)
        self._seen_V: Tensor | None = None
        self._counts_V: Tensor | None = None
        if settings.repetition_penalty != 1:
            self._seen_V = torch.zeros(size, dtype=torch.bool)
            self._seen_V[[id for id in prompt if id < size]] = True
        if settings.frequency_penalty or settings.presence_penalty:
            self._counts_V = torch.zeros(size)
        self._bias = [(id, bias) for id, bias in settings.logit_bias if id < size]
        self._banned = [sequence for word in settings.bad_words for sequence in spellings(tokenizer, word)]
        self._breakers: frozenset[int] = frozenset()
        if settings.dry_multiplier:
            self._breakers = breaker_ids(tokenizer, settings.dry_breakers)

    def take(self, id: int) -> None:
        """Notes the next token of the sample."""
        self.ids.append(id)
        if self._seen_V is not None:
            self._seen_V[id] = True
        if self._counts_V is not None:
            self._counts_V[id] += 1

    def copy(self) -> "History":
        """Returns a history that goes on by itself."""
        other = copy.copy(self)
        other.ids = list(self.ids)
        other._seen_V = None if self._seen_V is None else self._seen_V.clone()
        other._counts_V = None if self._counts_V is None else self._counts_V.clone()
        return other

    @property
    def changes(self) -> bool:
        """False where `apply` returns the scores as they are."""
        parts = (self._bias, self._banned, self.settings.dry_multiplier, self.settings.watermark)
        return any(parts) or self._seen_V is not None or self._counts_V is not None

    def apply(self, logits_V: Float[Tensor, " V"]) -> Float[Tensor, " V"]:
        """Returns the scores after penalties and bans; the given ones stay as they are."""
        if not self.changes:
            return logits_V
        settings, logits_V = self.settings, logits_V.clone()
        for id, bias in self._bias:
            logits_V[id] += bias
        if settings.watermark and self.ids:
            # the temperature divides it again
            strength = STRENGTH * (1 if settings.greedy else settings.temperature)
            logits_V[green(settings.watermark, self.ids[-1], len(logits_V))] += strength
        if self._seen_V is not None:
            logits_V = penalize_repetition(logits_V[None], self._seen_V[None], settings.repetition_penalty)[0]
        if self._counts_V is not None:
            logits_V -= settings.frequency_penalty * self._counts_V
            logits_V -= settings.presence_penalty * (self._counts_V > 0)
        if settings.dry_multiplier:
            for id, length in repeated(self.ids, self._breakers, settings.dry_allowed_length).items():
                if id < self.size:
                    logits_V[id] -= dry(settings, length)
        for sequence in self._banned:
            before = sequence[:-1]
            written = self.ids[self.prompt_length :]
            if not before or written[-len(before) :] == before:
                logits_V[sequence[-1]] = NEGATIVE_INFINITY
        return logits_V


def dry(settings: SamplingSettings, length: int) -> float:
    """Returns what DRY takes off: multiplier · base ^ (length − allowed length).

    "Don't repeat yourself", p-e-w, https://github.com/oobabooga/text-generation-webui/pull/5677.
    """
    return settings.dry_multiplier * settings.dry_base ** (length - settings.dry_allowed_length)


def repeated(ids: Sequence[int], breakers: frozenset[int], shortest: int) -> dict[int, int]:
    """Returns, for each token that would repeat a stretch of `ids` at its end, the length of that stretch so far.

    Only stretches of `shortest` tokens or more; none reaches over a breaker.
    """
    found: dict[int, int] = {}
    if not ids or ids[-1] in breakers:
        return found
    last = len(ids) - 1
    for place in range(last - 1, -1, -1):
        if ids[place] != ids[last]:
            continue
        length = 1
        while (
            length < LONGEST_REPEAT
            and place - length >= 0
            and ids[place - length] == ids[last - length]
            and ids[place - length] not in breakers
        ):
            length += 1
        follower = ids[place + 1]
        if length >= shortest and follower not in breakers:
            found[follower] = max(length, found.get(follower, 0))
    return found


def spellings(tokenizer: "Tokenizer", word: str) -> list[list[int]]:
    """Returns the token sequences that write `word`: alone, and after a space."""
    found = (tokenizer.encode(text) for text in (word, " " + word))
    return [list(ids) for ids in dict.fromkeys(tuple(ids) for ids in found if ids)]


def breaker_ids(tokenizer: "Tokenizer", breakers: Sequence[str]) -> frozenset[int]:
    """Returns the tokens in whose bytes one of `breakers` stands, and special ones."""
    wanted = [text.encode() for text in breakers]
    return frozenset(
        id
        for id in range(tokenizer.vocabulary_size)
        if tokenizer.is_special(id) or any(text in tokenizer.token_bytes(id) for text in wanted)
    )
