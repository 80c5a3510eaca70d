"""What comes out while a model writes: an event a token, and the finished samples made of events."""

from dataclasses import dataclass, field

STOP, LENGTH, END, CONTEXT, INTERRUPTED = "stop", "length", "end", "context", "interrupted"
"""Finish reasons: a stop string or token came, max_tokens were written, the model ended its document or turn (or its
grammar was complete), the context is full and may not slide, the user stopped it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One token was drawn. `text` is what may be printed now: it can be empty, or more than this token's text."""

    sample: int
    text: str
    id: int
    log_probability: float
    """Under the model itself, before temperature, penalties and filters."""
    finish_reason: str = ""
    """Set in a sample's last event."""
    top: tuple[tuple[int, float], ...] = ()
    """The most probable tokens at this place and their log-probabilities, where they were asked for."""
    stop: str = ""
    """The stop string that was found, in a last event with the reason "stop"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The log-probabilities of given text: one for each of the prompt's tokens from `first` on."""

    first: int
    log_probabilities: tuple[float, ...]
    top: tuple[tuple[tuple[int, float], ...], ...] = ()
    best: tuple[int, ...] = ()
    """The most probable token at each place: equal to the text's own where greedy writing would have written it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A text's vector: the mean of its final states, D numbers."""

    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A request came to nothing; `error` is what happened."""

    error: Exception


Output = Event | Scored | Embedded | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One finished sample; `text` is the continuation without the prompt."""

    sample: int
    text: str
    ids: tuple[int, ...]
    finish_reason: str
    seed: int
    """Gives this text again as the seed of a request with n = 1."""
    log_probability: float
    """The sum over `ids`."""
    log_probabilities: tuple[float, ...] = ()
    """Of each of `ids`."""


@dataclass(slots=True, kw_only=True)
class Collector:
    """Makes generations of events; also of those of a stream that was broken off."""

    seed: int
    events: dict[int, list[Event]] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Takes an event."""
        self.events.setdefault(event.sample, []).append(event)

    def generations(self) -> list[Generation]:
        """Returns the samples so far, in their order."""
        return [
            Generation(
                sample=sample,
                text="".join(event.text for event in events),
                ids=tuple(event.id for event in events),
                finish_reason=events[-1].finish_reason or INTERRUPTED,
                seed=self.seed + sample,
                log_probability=sum(event.log_probability for event in events),
                log_probabilities=tuple(event.log_probability for event in events),
            )
            for sample, events in sorted(self.events.items())
        ]
