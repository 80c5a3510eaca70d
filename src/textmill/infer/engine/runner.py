"""What computes a step: new tokens of several texts in, a row of scores for each wanted one out.

A text's keys and values lie in pages of `page_size` positions, anywhere in the runner's store; its page table says
where. Texts that begin alike share pages.

Shapes: R wanted rows, V vocabulary, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float32
from torch import Tensor

from textmill.infer.sampler import Drawer
from textmill.model.config import ModelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One text's share of a step."""

    ids: Sequence[int]
    """Its new tokens, at positions past … past + len(ids) - 1."""
    past: int
    """How many of its positions are in the pages already."""
    pages: Sequence[int]
    """Page i holds positions i · page_size …; they reach as far as the last new token."""
    wanted: Sequence[int]
    """Which of the new tokens' rows are asked for, ascending, 0 the first."""
    adapter: str = ""
    """The name of the adapter through which this text is read."""


@runtime_checkable
class Runner(Protocol):
    """A model ready to run. One step at a time: whoever calls sees to that."""

    @property
    def path(self) -> str:
        """Names weights, kernels and cache; a response says it."""
        ...

    @property
    def invariant(self) -> bool:
        """True where a row's bits do not depend on the step's other rows, nor on how its text was cut into steps.

        Where it is false, rows depend on the cut alone, and the engine cuts each text at the same places always: its
        prompt at whole pages, what is written token by token.
        """
        ...

    @property
    def page_size(self) -> int:
        """Positions a page."""
        ...

    @property
    def page_count(self) -> int:
        """How many pages there are."""
        ...

    @property
    def config(self) -> ModelConfig:
        """The model's shape."""
        ...

    @property
    def adapters(self) -> Sequence[str]:
        """The names that a part's `adapter` may have."""
        ...

    @property
    def drawer(self) -> Drawer | None:
        """Its own way to draw from a row; None: torch's."""
        ...

    def forward(self, parts: Sequence[Part]) -> Float32[Tensor, "R V"]:
        """Returns the scores after each wanted row, parts and rows in their order; keys and values are stored."""
        ...

    def hidden(self, parts: Sequence[Part]) -> Float32[Tensor, "R D"]:
        """Returns the same rows of the residual stream after the final norm."""
        ...

    def copy_page(self, source: int, target: int) -> None:
        """Copies a page's keys and values."""
        ...
