"""Guessing ahead: proposed tokens are computed in one pass with the last one and kept as far as they come true.

A proposal comes true when the very draw that would have been made anyway gives it, so the text is the same with and
without; only time is won or lost (https://arxiv.org/abs/2211.17192 keeps only the distribution). It stops by itself in
two ways, and tries again later, for a text can begin to repeat itself:

    by text     where too few of its proposals come true
    by clock    where a token takes longer with proposals than without, measured as the engine runs

Proposals come from the text itself (`NGramProposer`) or from a smaller model (`draft`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from textmill.infer.engine.sample import Sample

WORTH = 0.25
"""The share of a text's proposals that must come true for it to be tried on."""
REST = 32
"""Tokens for which a text that guessed badly is left alone, doubled each time; also steps, where the clock says no."""
LONGEST_REST = 1024
MEMORY = 0.8
"""How much of what was seen before counts beside the last step."""
ENOUGH = 4
"""Steps of each kind before the clock is believed."""


@runtime_checkable
class Proposer(Protocol):
    """Guesses how texts go on."""

    def propose(self, samples: Sequence[Sample]) -> dict[Sample, list[int]]:
        """Returns some tokens for each text that it has a guess for."""
        ...


class NGramProposer:
    """Guesses what followed the last time, from the longest of `longest` … `shortest` last tokens that came before.

    "Prompt lookup", https://arxiv.org/abs/2304.04487.
    """

    def __init__(self, *, most: int = 8, longest: int = 4, shortest: int = 2, look_back: int = 4096) -> None:
        self.most, self.longest, self.shortest, self.look_back = most, longest, shortest, look_back

    def propose(self, samples: Sequence[Sample]) -> dict[Sample, list[int]]:
        """Returns the guesses."""
        found = {sample: self.guess(sample.ids) for sample in samples}
        return {sample: ids for sample, ids in found.items() if ids}

    def guess(self, ids: Sequence[int]) -> list[int]:
        """Returns what may follow `ids`."""
        recent = list(ids[-self.look_back :])
        for length in range(min(self.longest, len(recent) - 1), self.shortest - 1, -1):
            end = recent[-length:]
            for start in range(len(recent) - length - 1, -1, -1):
                if recent[start] == end[0] and recent[start : start + length] == end:
                    return recent[start + length : start + length + self.most]
        return []


@dataclass(slots=True, kw_only=True)
class Pace:
    """Seconds a token with and without guessing, for about so many texts at once."""

    seconds: dict[bool, float] = field(default_factory=dict)
    steps: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    rest: int = 0
    """Steps until guessing is tried again."""
    last_rest: int = 0

    def allows(self) -> bool:
        """True where the next step may guess."""
        if self.rest:
            self.rest -= 1
            return False
        return self.steps[False] >= ENOUGH

    def learn(self, guessed: bool, seconds: float) -> None:
        """Takes what a token took in a step."""
        before = self.seconds.get(guessed, seconds)
        self.seconds[guessed] = MEMORY * before + (1 - MEMORY) * seconds
        self.steps[guessed] += 1
        if not guessed or self.steps[True] < ENOUGH:
            return
        if self.seconds[True] <= self.seconds.get(False, float("inf")):
            self.last_rest = 0
            return
        self.last_rest = min(2 * self.last_rest, LONGEST_REST) or REST
        self.rest, self.steps[True], self.seconds = self.last_rest, 0, {False: self.seconds[False]}


class Speculation:
    """Asks the proposer where it has been worth it."""

    def __init__(self, proposer: Proposer) -> None:
        self.proposer = proposer
        self._paces: dict[int, Pace] = {}

    def propose(self, samples: Sequence[Sample]) -> dict[Sample, list[int]]:
        """Returns proposals for texts that are about to write their next token, as many as they may still write."""
        writing = [sample for sample in samples if sample.waiting_rows == 1 and sample.request.beams < 2]
        if not writing or not self._pace(len(writing)).allows():
            return {}
        able = [s for s in writing if s.request.speculate and s.written >= s.guesses.rest_until]
        found = self.proposer.propose(able) if able else {}
        for sample, ids in found.items():
            del ids[max(0, sample.settings.max_tokens - sample.written - 1) :]
        return {sample: ids for sample, ids in found.items() if ids}

    def learn(self, sample: Sample, proposed: int, accepted: int) -> None:
        """Notes how many of a text's proposals came true in a step."""
        guesses = sample.guesses
        guesses.share = MEMORY * guesses.share + (1 - MEMORY) * accepted / proposed
        if guesses.share >= WORTH:
            guesses.rest = 0
            return
        guesses.rest = min(2 * guesses.rest, LONGEST_REST) or REST
        guesses.share, guesses.rest_until = 1.0, sample.written + guesses.rest

    def learn_pace(self, texts: int, guessed: bool, seconds: float) -> None:
        """Notes what a written token took, in a step of `texts` that did nothing but write."""
        self._pace(texts).learn(guessed, seconds)

    def _pace(self, texts: int) -> Pace:
        return self._paces.setdefault(texts.bit_length(), Pace())
