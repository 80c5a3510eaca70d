"""Proposals from a smaller model with the same vocabulary: it writes a few tokens greedily, the large one checks them.

The small model has pages of its own. What it computed for a text is kept as far as the text still begins with it.
https://arxiv.org/abs/2211.17192
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from textmill.errors import ModelError
from textmill.infer.engine.pages import PagePool
from textmill.infer.engine.runner import Part, Runner
from textmill.infer.engine.sample import Sample

CHUNK = 256
"""Rows of a text that the small model has not seen, a pass."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What the small model has computed of one text."""

    ids: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)


class DraftProposer:
    """Guesses with `runner`, the small model."""

    def __init__(self, runner: Runner, *, vocabulary_size: int, most: int = 5) -> None:
        if runner.config.vocabulary_size < vocabulary_size:
            raise ModelError("infer.draft", expected=vocabulary_size, got=runner.config.vocabulary_size)
        self.runner, self.most, self.known = runner, most, vocabulary_size
        self.pool = PagePool(runner.page_count)
        self._seen: dict[Sample, Seen] = {}

    def propose(self, samples: Sequence[Sample]) -> dict[Sample, list[int]]:
        """Returns `most` tokens for each text that fits into the small model's context and pages."""
        self._forget_finished()
        open_texts = {sample: list(sample.ids) for sample in samples if self._make_room(sample)}
        guesses: dict[Sample, list[int]] = {sample: [] for sample in open_texts}
        for _ in range(self.most if open_texts else 0):
            for sample, id in self._next(open_texts).items():
                open_texts[sample].append(id)
                guesses[sample].append(id)
        return guesses

    def _next(self, texts: dict[Sample, list[int]]) -> dict[Sample, int]:
        """Returns the small model's best next token for each text; what it has not seen yet is computed first."""
        while True:
            parts: list[Part] = []
            for sample, ids in texts.items():
                past = len(self._seen[sample].ids)
                fresh = ids[past : past + CHUNK]
                wanted = [len(fresh) - 1] if past + len(fresh) == len(ids) else []
                pages = tuple(self._seen[sample].pages)
                parts.append(Part(ids=fresh, past=past, pages=pages, wanted=wanted))
            rows = iter(self.runner.forward([part for part in parts if part.ids]))
            found: dict[Sample, int] = {}
            for sample, part in zip(texts, parts, strict=True):
                self._seen[sample].ids += part.ids
                if part.wanted:
                    found[sample] = int(next(rows)[: self.known].argmax())
            if len(found) == len(texts):
                return found

    def _make_room(self, sample: Sample) -> bool:
        """Cuts what was seen down to the text's beginning; False where the text with its guesses does not fit."""
        seen = self._seen.setdefault(sample, Seen())
        same = 0
        for ours, theirs in zip(seen.ids, sample.ids[:-1], strict=False):
            if ours != theirs:
                break
            same += 1
        del seen.ids[same:]
        length = len(sample.ids) + self.most
        if length > self.runner.config.context:
            return False
        while len(seen.pages) * self.runner.page_size < length:
            page = self.pool.take()
            if page is None:
                return False
            seen.pages.append(page)
        return True

    def _forget_finished(self) -> None:
        for sample in [s for s in self._seen if s.finished or s.ticket.done]:
            self.pool.release(self._seen.pop(sample).pages)
