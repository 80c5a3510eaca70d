"""What whoever works with an engine asks of it, be it one of one's own (`Engine`) or a server's (`SharedEngine`)."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from textmill.infer.engine.request import Request, Ticket
from textmill.infer.events import Output
from textmill.tokenizer.tokenizer import Tokenizer


@runtime_checkable
class TextEngine(Protocol):
    """Takes requests, and in each `step` tells what came of them."""

    tokenizer: Tokenizer

    @property
    def capacity(self) -> int:
        """The most tokens that one text can have in view."""
        ...

    @property
    def context(self) -> int:
        """The model's context."""
        ...

    @property
    def at_once(self) -> int:
        """How many texts run in one step."""
        ...

    def add(self, request: Request, tell: Callable[[Output], None], *, on_slide: Callable[[], None] = ...) -> Ticket:
        """Queues a request; raises UserError for what cannot be answered."""
        ...

    def cancel(self, ticket: Ticket) -> None:
        """Ends a request."""
        ...

    def step(self) -> bool:
        """Tells something of what is under way; False when nothing is."""
        ...
