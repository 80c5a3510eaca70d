"""The choice of the next token, step by step: softmax over the whole vocabulary, temperature, top-k, top-p, draw.

The cuts are those of `textmill.infer.sampling`, applied one after another, so what is shown is what generation does.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from textmill.infer import sampling
from textmill.infer.sampling import SamplingSettings
from textmill.inspect.tokens import is_text, token_text

if TYPE_CHECKING:
    from textmill.inspect.recording import Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A token that may come next. `probability` is the model's own, `chance` what is left of it after the cuts."""

    id: int
    text: str
    logit: float
    probability: float
    cooled: float
    """Its probability at the temperature, before any cut."""
    chance: float
    cut: str
    """Which cut took it out: top_k, top_p, min_p, greedy, or "" when it may be drawn."""
    writable: bool
    """True when it is text by itself: no special token, no part of a character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextToken:
    """What may come after a token of the prompt."""

    candidates: tuple[Candidate, ...]
    drawn: int
    """The token that the seed draws, by id."""
    uniform: float
    """The number in 0 … 1 that drew it."""
    kept: int
    """How many tokens of the vocabulary may be drawn."""
    entropy: float
    """Of the model's own distribution, in bits."""


def next_token(recording: "Recording", settings: SamplingSettings, *, at: int = -1, shown: int = 40) -> NextToken:
    """Returns the most probable tokens after the prompt's token `at`, and what the cuts leave of them."""
    at = at % len(recording.ids)
    logits_1V = recording.part("logits", at)[None].float()
    probability_V = logits_1V.softmax(dim=-1)[0]
    cooled_1V, cuts, final_1V = _cut(logits_1V, settings)
    cooled_V = cooled_1V.softmax(dim=-1)[0]
    chance_V = final_1V.softmax(dim=-1)[0]
    uniform = sampling.uniform(max(settings.seed, 0), len(recording.ids) - 1 - at)
    drawn = int(sampling.draw(final_1V, torch.tensor([uniform]))[0])
    best = torch.topk(probability_V, min(shown, len(probability_V))).indices.tolist()
    candidates = tuple(
        Candidate(
            id=id,
            text=token_text(recording.tokenizer, id) if id < recording.tokenizer.vocabulary_size else "",
            logit=float(logits_1V[0, id]),
            probability=float(probability_V[id]),
            cooled=float(cooled_V[id]),
            chance=float(chance_V[id]),
            cut=next((name for name, kept_V in cuts if not kept_V[id]), ""),
            writable=is_text(recording.tokenizer, id),
        )
        for id in best + [drawn] * (drawn not in best)
    )
    log_V = logits_1V.log_softmax(dim=-1)[0]
    entropy = float(-(log_V.exp() * log_V).nansum()) / 0.6931471805599453
    kept = int((chance_V > 0).sum())
    return NextToken(candidates=candidates, drawn=drawn, uniform=uniform, kept=kept, entropy=entropy)


def _cut(logits_1V: Tensor, settings: SamplingSettings) -> tuple[Tensor, list[tuple[str, Tensor]], Tensor]:
    """Returns the scores at the temperature, what each cut keeps of the vocabulary, and the scores behind the last."""
    if settings.greedy:
        final_1V = sampling.filter_logits(logits_1V, settings)
        return logits_1V, [("greedy", torch.isfinite(final_1V[0]))], final_1V
    cooled_1V = scores_1V = sampling.apply_temperature(logits_1V, settings.temperature)
    cuts = []
    for name, cut, value in (
        ("top_k", sampling.keep_top_k, settings.top_k),
        ("top_p", sampling.keep_top_p, settings.top_p),
        ("min_p", sampling.keep_min_p, settings.min_p),
    ):
        scores_1V = cut(scores_1V, value)  # type: ignore[operator]
        cuts.append((name, torch.isfinite(scores_1V[0])))
    return cooled_1V, cuts, scores_1V
