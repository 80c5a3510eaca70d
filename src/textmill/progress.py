"""How a stage tells how far it is, without knowing who listens."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Called with how many units are done, how many there are (None: unknown) and a short note (a rate, a name)."""

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None:
        """Takes the state of things; must be cheap."""
        ...


def silent(done: float, total: float | None = None, note: str = "") -> None:
    """A `Progress` that says nothing."""
