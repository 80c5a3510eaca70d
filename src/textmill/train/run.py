"""A run as the training loop works with it: what is trained, what is read, where it stands, who hears of it."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from textmill.config import Settings
from textmill.evaluate.run import Asked
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.tokens import TokenSplit
from textmill.train.average import AveragedWeights
from textmill.train.batches import Stream
from textmill.train.checkpoint import Form, RunState
from textmill.train.events import EventLog
from textmill.train.objective import Objective
from textmill.train.optimizers import Optimizers
from textmill.train.overfitting import Watch
from textmill.train.saving import Saver
from textmill.train.stalls import StallWatch
from textmill.train.stopping import Stop

if TYPE_CHECKING:
    from textmill.train.parallel.divided import Divided

Listener = Callable[[dict[str, Any]], None]
"""Gets each event as it is written (see `events`)."""


@runtime_checkable
class Looks(Protocol):
    """How a run looks at what it has so far; what is found goes into events (`Run.event`)."""

    def evaluate(self, run: "Run", *, last: bool) -> None:
        """Measures, more thoroughly at the end."""
        ...

    def sample(self, run: "Run") -> None:
        """Has the model write."""
        ...


@dataclass(slots=True, kw_only=True)
class Run:
    """Everything that a run needs; made by `textmill.train.start`."""

    folder: Path
    settings: Settings
    model: GPT
    objective: Objective
    form: Form
    optimizers: Optimizers
    stream: Stream
    training: TokenSplit | None = None
    validation: TokenSplit | None = None
    tokenizer: Tokenizer
    state: RunState
    average: AveragedWeights | None = None
    """The weights averaged over steps, where the settings ask for it."""
    log: EventLog | None
    """None in all processes of a divided run but the first."""
    saver: Saver
    listener: Listener
    dtype: torch.dtype
    device: str
    micro_batch: int
    context: int
    """Tokens a row."""
    rows_a_step: int = 0
    """0: as many as make `train.batch_tokens` (see `schedule`)."""
    draws: bool = False
    """Whether a step draws random numbers besides the model's own dropout: they are then seeded by it."""
    before_step: Callable[["Run"], None] | None = None
    """Called in all processes before a step reads its rows; what it does must be a function of the run's state."""
    looks: "Looks | None" = None
    """What is looked at on the way; None: bits per byte of held-out documents, and samples of fixed prompts."""
    suites: Sequence[Asked] = ()
    """What is scored on the way besides (see `suites`)."""
    flops_a_token: float
    bytes_per_token: float = 0.0
    """Of the text; 0 where not all of it is learned, so that there are no bits per byte."""
    peak_flops: float
    """The measured rate of matrix products that MFU is held against; 0: not measured."""
    started: float = field(default_factory=time.monotonic)
    stop: Stop = field(default_factory=Stop)
    watch: Watch = field(default_factory=Watch)
    """Whether held-out text gets worse."""
    stalls: StallWatch = field(default_factory=StallWatch)
    """Whether something takes for ever."""
    divided: "Divided | None" = None
    """The model among processes; None where this process trains alone."""
    last_bits_per_byte: float | None = None
    """Of the newest evaluation on held-out documents."""
    steps_here: int = 0
    """Steps made by this process."""
    step_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=50))

    def event(self, kind: str, *, step: int | None = None, **values: Any) -> None:
        """Writes an event, of the newest step unless `step` is given, and tells the listener."""
        step = self.state.step if step is None else step
        if self.log is None:
            return
        self.log.write(kind, step, **values)
        self.listener({"type": kind, "step": step, **values})

    def note_saved(self, *, wait: bool = True) -> None:
        """Takes note of a checkpoint that is on disk by now, or with `wait` soon is."""
        if written := self.saver.finished(wait=wait):
            took = {"seconds": written.seconds, "write_seconds": written.write_seconds}
            self.event("checkpoint", step=written.step, folder=written.folder.name, **took)

    def shown(self) -> AbstractContextManager[Any]:
        """Returns a block in which the model has the weights that are measured and saved."""
        return self.average.in_place() if self.average else nullcontext()

    @contextmanager
    def looked_at(self) -> Iterator[GPT | None]:
        """Gives a block the model to evaluate; None in all processes of a divided run but the first.

        A signal cuts the block short, but not where the others would wait for this process.
        """
        with self.divided.whole_model() if self.divided else self.stop.leaves() as model:
            yield model if self.divided else self.model
