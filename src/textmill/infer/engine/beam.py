"""Beam search: the likeliest texts instead of drawn ones.

    each step   every beam's continuations, log-probabilities summed; of the best 2 · beams, those that end the text are
                set aside, the best `beams` others go on
    the end     max_tokens, or no beam can still beat the worst of the best `beams` that ended
    compared by log-probability / length ^ length_penalty, https://arxiv.org/abs/1609.08144; as transformers does it

Penalties and bans count as in drawing; temperature, filters and the seed do not.

Shapes: V vocabulary, B beams.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from textmill.infer.engine.sample import Sample
from textmill.infer.engine.scheduler import Scheduler
from textmill.infer.events import CONTEXT, END, LENGTH, STOP, Event
from textmill.tokenizer.stream import StreamDecoder
from textmill.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a beam has written."""

    ids: tuple[int, ...] = ()
    log_probabilities: tuple[float, ...] = ()
    reason: str = ""
    stop: str = ""

    @property
    def total(self) -> float:
        """The log-probability of all of it."""
        return math.fsum(self.log_probabilities)

    def longer(self, id: int, log_probability: float) -> "Text":
        """Returns the text with one more token."""
        return Text(ids=(*self.ids, id), log_probabilities=(*self.log_probabilities, log_probability))


class BeamSearch:
    """One request's beams."""

    def __init__(self, first: Sample, tokenizer: Tokenizer) -> None:
        self.request, self.settings, self.tokenizer = first.request, first.settings, tokenizer
        self.width, self.ends = first.request.beams, first.ends
        self.live: dict[Sample, Text] = {first: Text()}
        self.done: list[Text] = []
        self._scores: dict[Sample, Tensor] = {}

    @property
    def samples(self) -> list[Sample]:
        """The texts that are being computed."""
        return list(self.live)

    def give(self, sample: Sample, logits_V: Float[Tensor, " V"]) -> bool:
        """Takes the scores after a beam's last token; True when every beam has them."""
        sample.settled = True
        self._scores[sample] = sample.sampler.scores(logits_V)
        return len(self._scores) == len(self.live)

    def step(self, scheduler: Scheduler, context: int) -> bool:
        """Chooses the next beams, which share pages with those before; False when the search is over."""
        kept: list[tuple[Sample, Text]] = []
        for sample, id, log_probability in self._best():
            text = self._judged(self.live[sample].longer(id, log_probability))
            if text.reason:
                self.done.append(text)
            elif len(kept) < self.width:
                kept.append((sample, text))
        self.done = sorted(self.done, key=self.rank, reverse=True)[: self.width]
        length = len(kept[0][1].ids) if kept else 0
        if not kept or self._decided(kept) or length >= self.settings.max_tokens or self._full(kept[0][0], context):
            reason = LENGTH if length >= self.settings.max_tokens else CONTEXT
            if len(self.done) < self.width or not self._decided(kept):
                rest = [Text(ids=t.ids, log_probabilities=t.log_probabilities, reason=reason) for _, t in kept]
                self.done = sorted([*self.done, *rest], key=self.rank, reverse=True)[: self.width]
            return False
        self._go_on(kept, scheduler)
        return True

    def rank(self, text: Text) -> float:
        """Returns by what texts are compared."""
        return text.total / max(len(text.ids), 1) ** self.request.length_penalty

    def events(self) -> Iterator[Event]:
        """Yields the events of the `settings.n` best texts, the best first."""
        for number, text in enumerate(self.done[: self.settings.n]):
            decoder, last = StreamDecoder(self.tokenizer), len(text.ids) - 1
            shown = self._shown(text)
            for place, (id, log_probability) in enumerate(zip(text.ids, text.log_probabilities, strict=True)):
                piece = "" if id in self.ends else decoder.feed(id)[: len(shown)]
                shown = shown[len(piece) :]
                reason = text.reason if place == last else ""
                yield Event(
                    sample=number,
                    text=piece,
                    id=id,
                    log_probability=log_probability,
                    finish_reason=reason,
                    stop=text.stop if reason else "",
                )

    def _best(self) -> list[tuple[Sample, int, float]]:
        """Returns the best 2 · beams continuations: (beam, token, its log-probability), the best first."""
        samples = list(self.live)
        own_BV = torch.stack([self._scores[sample] for sample in samples])
        total_BV = own_BV.double() + torch.tensor([self.live[sample].total for sample in samples])[:, None]
        count = min(2 * self.width, int((total_BV > -torch.inf).sum()))
        best = torch.topk(total_BV.flatten(), count).indices.tolist()
        self._scores = {}
        size = own_BV.shape[1]
        return [(samples[at // size], at % size, float(own_BV[at // size, at % size])) for at in best]

    def _judged(self, text: Text) -> Text:
        """Returns the text with the reason why it ends here, if it does."""
        reason, stop = "", ""
        if text.ids[-1] in self.ends:
            reason = STOP if text.ids[-1] in self.settings.stop_ids else END
        elif self.settings.stop and len(text.ids) > self.settings.min_tokens:
            written = self.tokenizer.decode(text.ids)
            stop = next((stop for stop in self.settings.stop if stop in written), "")
            reason = STOP if stop else ""
        return Text(ids=text.ids, log_probabilities=text.log_probabilities, reason=reason, stop=stop)

    def _shown(self, text: Text) -> str:
        written = self.tokenizer.decode_bytes(text.ids).decode("utf-8", "ignore")
        return written.partition(text.stop)[0] if text.stop else written

    def _decided(self, kept: list[tuple[Sample, Text]]) -> bool:
        """True when as many texts as there are beams ended, and no beam beats the worst of them now."""
        if len(self.done) < self.width:
            return False
        return max((self.rank(text) for _, text in kept), default=-torch.inf) <= self.rank(self.done[-1])

    def _full(self, sample: Sample, context: int) -> bool:
        return len(sample.ids) >= context  # beams do not slide

    def _go_on(self, kept: list[tuple[Sample, Text]], scheduler: Scheduler) -> None:
        """Gives every chosen text a sample: its beam's own, or a copy of it."""
        chosen = {sample for sample, _ in kept}
        for sample in self.live:
            if sample not in chosen:
                scheduler.drop(sample)
        self.live, taken = {}, set()
        for sample, text in kept:  # copies are made before any of them grows
            self.live[scheduler.split(sample) if sample in taken else sample] = text
            taken.add(sample)
        for sample, text in self.live.items():
            sample.append(text.ids[-1])
