"""Guessing ahead: proposed tokens are computed in one pass with the last one and kept as far as they come true.

A proposal comes true when the very draw that would have been made anyway gives it, so the text is the same with and
without; only time is won or lost. Whether it is won is counted a text at a time: proposals stop for a while where too
few come true, and are tried again later, for a text can begin to repeat itself.

n-gram proposals (https://arxiv.org/abs/2304.04487, "prompt lookup"): what followed the last time that the text ended
on the same tokens.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from textmill.infer.engine.sample import Sample

MOST = 8
"""Proposals at once."""
WORTH = 0.35
"""The share of proposals that must come true: a step of nine rows takes longer than one of one row."""
REST = 32
"""Tokens for which a text that guessed badly is left alone, doubled each time."""
LONGEST_REST = 1024
MEMORY = 0.8
"""How much of what was seen before counts beside the last step."""


@runtime_checkable
class Proposer(Protocol):
    """Guesses how texts go on."""

    def propose(self, samples: Sequence[Sample], most: int) -> dict[Sample, list[int]]:
        """Returns up to `most` tokens for each text that it has a guess for."""
        ...


class NGramProposer:
    """Guesses what followed the last time, from the longest of `longest` … `shortest` last tokens that came before."""

    def __init__(self, *, longest: int = 4, shortest: int = 2, look_back: int = 4096) -> None:
        self.longest, self.shortest, self.look_back = longest, shortest, look_back

    def propose(self, samples: Sequence[Sample], most: int) -> dict[Sample, list[int]]:
        """Returns the guesses."""
        found = {sample: self.guess(sample.ids, most) for sample in samples}
        return {sample: ids for sample, ids in found.items() if ids}

    def guess(self, ids: Sequence[int], most: int) -> list[int]:
        """Returns what may follow `ids`."""
        recent = list(ids[-self.look_back :])
        for length in range(min(self.longest, len(recent) - 1), self.shortest - 1, -1):
            end = recent[-length:]
            for start in range(len(recent) - length - 1, -1, -1):
                if recent[start] == end[0] and recent[start : start + length] == end:
                    return recent[start + length : start + length + most]
        return []


class Speculation:
    """Asks the proposer where it has been worth it."""

    def __init__(self, proposer: Proposer) -> None:
        self.proposer = proposer

    def propose(self, samples: Sequence[Sample]) -> dict[Sample, list[int]]:
        """Returns proposals for texts that are about to write their next token, as many as they may still write."""
        able = [
            sample for sample in samples if sample.request.speculate and sample.written >= sample.guesses.rest_until
        ]
        found = self.proposer.propose(able, MOST)
        for sample, ids in found.items():
            del ids[max(0, sample.settings.max_tokens - sample.written - 1) :]
        return {sample: ids for sample, ids in found.items() if ids}

    def learn(self, sample: Sample, proposed: int, accepted: int) -> None:
        """Notes how many of a step's proposals came true."""
        guesses = sample.guesses
        guesses.share = MEMORY * guesses.share + (1 - MEMORY) * accepted / proposed
        if guesses.share >= WORTH:
            guesses.rest = 0
            return
        guesses.rest = min(2 * guesses.rest, LONGEST_REST) or REST
        guesses.share, guesses.rest_until = 1.0, sample.written + guesses.rest
