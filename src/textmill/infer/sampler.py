"""One sample's draws: its text so far, its seed and its grammar decide which token a row of scores becomes.

A draw looks at nothing else, so a sample has the same tokens whatever else is being written.

Shapes: V vocabulary.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from textmill.errors import ModelError, UsageError
from textmill.infer.penalties import History
from textmill.infer.sampling import NEGATIVE_INFINITY, SamplingSettings, check_finite, draw, filter_logits, uniform
from textmill.tokenizer.tokenizer import Tokenizer


@runtime_checkable
class Matcher(Protocol):
    """A grammar on its way through one sample."""

    def allowed(self) -> Bool[Tensor, " V"]:
        """Returns which tokens may come next."""
        ...

    def take(self, id: int) -> None:
        """Goes on by one token, which was allowed."""
        ...

    @property
    def complete(self) -> bool:
        """True where the text may end here and cannot go on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A token and what the model itself thought of it, and of the likeliest ones."""

    id: int
    log_probability: float
    top: tuple[tuple[int, float], ...] = ()


@runtime_checkable
class Drawer(Protocol):
    """A faster way to draw from a row."""

    def forbid(self, scores_V: Tensor, allowed_V: Tensor) -> None:
        """Writes -inf, in place, over the scores of what is not allowed."""
        ...

    def covers(self, settings: SamplingSettings) -> bool:
        """True where all filters of the settings are known."""
        ...

    def draw(self, model_V: Tensor, chosen_V: Tensor, settings: SamplingSettings, number: float) -> tuple[int, float]:
        """Returns the token that `number` draws from `chosen_V`, and its log-probability by `model_V`."""
        ...


class Sampler:
    """Draws one sample's tokens one after another."""

    def __init__(
        self,
        settings: SamplingSettings,
        tokenizer: Tokenizer,
        prompt: Sequence[int],
        *,
        sample: int,
        ends: frozenset[int],
        banned: frozenset[int] = frozenset(),
        matcher: Matcher | None = None,
        drawer: Drawer | None = None,
    ) -> None:
        self.settings, self.seed, self.ends, self.matcher = settings, settings.seed + sample, ends, matcher
        self.banned = banned
        self.drawer = drawer if drawer is not None and drawer.covers(settings) else None
        self.known = tokenizer.vocabulary_size
        self.history = History(settings, tokenizer, prompt, self.known)
        self.place = 0
        """How many tokens were drawn."""

    @torch.inference_mode()
    def draw(self, logits_V: Float[Tensor, " V"]) -> Draw:
        """Returns the next token, which from now on is part of the sample."""
        logits_V = logits_V[: self.known]
        chosen_V = self._banned(self.history.apply(logits_V))
        if self.drawer is not None:
            number = uniform(self.seed, self.place)
            id, log_probability = self.drawer.draw(logits_V, chosen_V, self.settings, number)
            self.take(id)
            if not self.settings.logprobs:
                return Draw(id=id, log_probability=log_probability)
            return tell(logits_V, id, self.settings.logprobs)
        if chosen_V is not logits_V and not bool((chosen_V > NEGATIVE_INFINITY).any()):
            check_finite(logits_V[None])
            raise UsageError("infer.nothing_allowed")
        if self.settings.greedy:
            check_finite(chosen_V[None])
            id = int(chosen_V.argmax())
        else:
            id = self._drawn(filter_logits(chosen_V[None], self.settings)[0])
        if not 0 <= id < self.known:
            raise ModelError("infer.not_finite")
        self.take(id)
        return tell(logits_V, id, self.settings.logprobs)

    def _drawn(self, logits_V: Tensor) -> int:
        """Returns the token that the seed draws at this place, among those that are left: usually a few."""
        left_K = (logits_V > NEGATIVE_INFINITY).nonzero()[:, 0]
        number = torch.tensor([uniform(self.seed, self.place)], dtype=torch.float64)
        return int(left_K[draw(logits_V[left_K][None], number)])

    def take(self, id: int) -> None:
        """Notes a token of the sample."""
        self.place += 1
        self.history.take(id)
        if self.matcher is not None and id not in self.ends:
            self.matcher.take(id)

    @torch.inference_mode()
    def scores(self, logits_V: Float[Tensor, " V"]) -> Float[Tensor, " V"]:
        """Returns the log-probabilities after penalties and bans, for who chooses otherwise than by drawing."""
        check_finite(logits_V[None])
        return self._banned(self.history.apply(logits_V[: self.known])).log_softmax(dim=-1)

    def fork(self) -> "Sampler":
        """Returns a sampler with the same text so far that goes its own way; a grammar must be one that `divides`."""
        other = copy.copy(self)
        if self.matcher is not None:
            other.matcher = self.matcher.copy()  # type: ignore[attr-defined]
        other.history = self.history.copy()
        return other

    def _banned(self, logits_V: Tensor) -> Tensor:
        """Returns the scores with -inf for what the grammar forbids, and for an end that is too early."""
        banned = self.banned | self.ends if self.place < self.settings.min_tokens else self.banned
        if self.matcher is None and not banned:
            return logits_V
        logits_V = logits_V.clone()
        if self.matcher is not None:
            self._forbid(logits_V, self.matcher.allowed())
        logits_V[[id for id in banned if id < self.known]] = NEGATIVE_INFINITY
        return logits_V

    def _forbid(self, logits_V: Tensor, allowed_V: Tensor) -> None:
        if self.drawer is not None and logits_V.is_contiguous():
            self.drawer.forbid(logits_V, allowed_V)
        else:
            logits_V[~allowed_V] = NEGATIVE_INFINITY


def tell(logits_V: Float[Tensor, " V"], id: int, count: int) -> Draw:
    """Returns what the model thought of token `id`, and of the `count` likeliest ones."""
    total = logits_V.logsumexp(dim=0)
    log_probability = float(logits_V[id] - total)
    if not count:
        return Draw(id=id, log_probability=log_probability)
    best = torch.topk(logits_V, min(count, len(logits_V)))
    top = zip(best.indices.tolist(), (best.values - total).tolist(), strict=True)
    return Draw(id=id, log_probability=log_probability, top=tuple(top))
