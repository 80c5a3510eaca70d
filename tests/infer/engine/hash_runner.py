"""A runner whose scores are a hash of all that the page table shows: a page mixed up changes every token after it.

Where it is not invariant, the hash also covers how each position was cut into passes, so that another cut is seen.
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from textmill.infer.engine.runner import Part
from textmill.model.config import ModelConfig, modern

VOCABULARY = 276


class HashRunner:
    path = "hash"
    drawer = None
    adapters: Sequence[str] = ("one", "two")

    def __init__(self, *, page_count: int, page_size: int = 4, invariant: bool = True, context: int = 64) -> None:
        self.page_count, self.page_size, self.invariant = page_count, page_size, invariant
        self.config: ModelConfig = modern(vocabulary_size=VOCABULARY, context=context, layers=1, width=8, heads=1)
        self.store: list[list[bytes]] = [[b""] * page_size for _ in range(page_count)]
        self.rows: list[int] = []
        self.peaked = 0.0
        self.broken: Exception | None = None

    def forward(self, parts: Sequence[Part]) -> Tensor:
        if self.broken is not None:
            raise self.broken
        self.rows.append(sum(len(part.ids) for part in parts))
        rows = [self._scores(seen) for seen in self._read(parts)]
        return torch.stack(rows) if rows else torch.empty(0, VOCABULARY)

    def hidden(self, parts: Sequence[Part]) -> Tensor:
        return torch.stack([self._scores(seen)[:8] for seen in self._read(parts)])

    def copy_page(self, source: int, target: int) -> None:
        self.store[target] = list(self.store[source])

    def _read(self, parts: Sequence[Part]) -> list[bytes]:
        written = [page for part in parts for page in part.pages[part.past // self.page_size :]]
        assert len(written) == len(set(written)), "two texts write to one page"
        wanted: list[bytes] = []
        for part in parts:
            assert len(set(part.pages)) == len(part.pages)
            assert len(part.pages) * self.page_size >= part.past + len(part.ids)
            cut = b"" if self.invariant else f"{part.past}+{len(part.ids)}".encode()
            for row, id in enumerate(part.ids):
                page, place = divmod(part.past + row, self.page_size)
                self.store[part.pages[page]][place] = f"{id} {part.adapter} ".encode() + cut
            for row in part.wanted:
                shown = [
                    self.store[part.pages[at // self.page_size]][at % self.page_size]
                    for at in range(part.past + row + 1)
                ]
                wanted.append(b"|".join(shown))
        return wanted

    def _scores(self, seen: bytes) -> Tensor:
        seed = int.from_bytes(hashlib.sha256(seen).digest()[:7], "big")
        return torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(seed))


class LoopRunner(HashRunner):
    """Says the same few tokens again and again: what came `period` tokens before comes next."""

    period = 5

    def _scores(self, seen: bytes) -> Tensor:
        ids = [int(entry.split()[0]) for entry in seen.split(b"|")]
        scores = torch.zeros(VOCABULARY)
        scores[ids[-self.period] if len(ids) >= self.period else 7 + len(ids)] = 20.0
        return scores
