"""What one asks of the engine, and the ticket that one gets for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from textmill.infer.events import Output
from textmill.infer.sampler import Matcher
from textmill.infer.sampling import SamplingSettings

WRITE, SCORE, EMBED = "write", "score", "embed"


@runtime_checkable
class Grammar(Protocol):
    """A compiled constraint; every sample walks through it by itself."""

    def matcher(self) -> Matcher:
        """Returns a new walk."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt and what to do with it."""

    ids: tuple[int, ...]
    settings: SamplingSettings = field(default_factory=SamplingSettings)
    kind: str = WRITE
    """WRITE goes on from the prompt; SCORE tells the log-probabilities of the prompt's own tokens; EMBED its vector."""
    score_from: int = 1
    """SCORE, and WRITE with `scores`: the first token to score; the first of all has nothing before it."""
    scores: bool = False
    """WRITE: score the prompt as well, before its continuation."""
    grammar: Grammar | None = None
    adapter: str = ""
    key: str = ""
    """Whose request it is: those who wait share the engine evenly by key."""
    speculate: bool = True
    """Whether proposals may be tried; the tokens are the same either way."""
    beams: int = 0
    """WRITE: above 1, the `settings.n` best of this many beams, told when all are done (see `beam`)."""
    length_penalty: float = 1.0
    """Beams are compared by log-probability / length ^ this."""


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket:
    """A request on its way. `path` names the kernels that answer it; they stay the same to its end."""

    request: Request
    path: str
    tell: Callable[[Output], None]
    """Called with each output, by the thread that steps the engine."""
    prompt_tokens: int = 0
    reused_tokens: int = 0
    """How many of the prompt's tokens were in the cache already."""
    written_tokens: int = 0
    accepted_tokens: int = 0
    """How many of those were proposals that came true."""
    open: set[int] = field(default_factory=set)
    """The samples that are not finished; empty: the request is."""
    cancelled: bool = False

    @property
    def done(self) -> bool:
        """True when nothing more comes."""
        return self.cancelled or not self.open
