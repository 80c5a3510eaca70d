"""What a query answers with, whoever computed it, and the limits that it was held to."""

from dataclasses import dataclass

from textmill.apps.graph.terms import Term

SELECT, ASK, GRAPH = "select", "ask", "graph"
PARTS = ("subject", "predicate", "object")
"""The columns of a CONSTRUCT's or a DESCRIBE's rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a query may cost."""

    seconds: float | int = 10
    """Of wall time, from the first byte to the last."""
    rows: int = 10_000
    """More are left out, and the answer says so."""
    bytes: int = 64 << 20
    """Of the answer."""
    memory: int = 1 << 30
    """Of the process that computes it (embedded store only)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows of terms by variable; a term that a row lacks is absent from it."""

    kind: str
    variables: tuple[str, ...] = ()
    rows: tuple[dict[str, Term], ...] = ()
    truth: bool = False
    """What an ASK found."""
    complete: bool = True
    """False where there were more rows than the limit."""
    seconds: float = 0.0
