"""Whose turn it is: a share of every step for each text that runs, pages for all of them, and who waits.

    each step:  one row (and proposals) for every text that is writing, then prompts, in the order of their coming,
                until the step is full; while others write, prompts get fewer rows: nobody waits long for a token
    admission:  by key, the one that was given least so far; within a key in the order of coming
    no page:    the youngest running text lets go of its pages and waits; it is computed again, to the same bits

A runner that is not invariant gets its texts cut at the same places always: prompts at whole pages, the rest token by
token.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from textmill.infer.engine.pages import PagePool
from textmill.infer.engine.runner import Runner
from textmill.infer.engine.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much at once."""

    running: int = 16
    """Texts that share steps."""
    rows: int = 512
    """Rows a step."""
    prompt_rows: int = 128
    """Of them for prompts while other texts write."""


@dataclass(slots=True, kw_only=True)
class Turn:
    """A text's share of the next step: `count` of its known tokens, and proposals behind them."""

    sample: Sample
    count: int
    proposals: list[int]


class Scheduler:
    """Holds the queue, the running texts and the pages."""

    def __init__(self, runner: Runner, limits: Limits) -> None:
        self.runner, self.limits = runner, limits
        self.pool = PagePool(runner.page_count)
        self.running: list[Sample] = []
        self._waiting: dict[str, deque[Sample]] = {}
        self._given: dict[str, float] = {}
        """By key, rows computed for it, as far as it matters among those who wait now."""

    # ---- the queue

    @property
    def waiting(self) -> int:
        """How many texts wait."""
        return sum(map(len, self._waiting.values()))

    def add(self, sample: Sample) -> None:
        """Puts a text at the end of its key's queue."""
        key = sample.request.key
        if key not in self._waiting:
            # whoever was away does not come back with a claim on all that it did not take
            active = {*self._waiting, *(other.request.key for other in self.running)}
            least = min((self._given.get(other, 0.0) for other in active), default=0.0)
            self._given[key] = max(self._given.get(key, 0.0), least)
            self._waiting[key] = deque()
        self._waiting[key].append(sample)

    def drop(self, sample: Sample) -> None:
        """Takes a text out, wherever it is; its pages are free."""
        self.release(sample)
        if sample in self.running:
            self.running.remove(sample)
            return
        queue = self._waiting.get(sample.request.key)
        if queue is not None and sample in queue:
            queue.remove(sample)
            self._clean(sample.request.key)

    def release(self, sample: Sample) -> None:
        """Lets go of a text's pages."""
        self.pool.release(sample.pages)
        sample.forget()

    def _clean(self, key: str) -> None:
        if not self._waiting[key]:
            del self._waiting[key]

    # ---- a step

    def plan(self, proposals: dict[Sample, list[int]]) -> list[Turn]:
        """Returns the next step's shares; every share's pages are there."""
        if not self.running and not self._waiting:
            self._given.clear()
        self._admit()
        open_ones = [sample for sample in self.running if not sample.settled]
        writing = [sample for sample in open_ones if sample.waiting_rows == 1]
        reading = [sample for sample in open_ones if sample.waiting_rows > 1]
        turns: list[Turn] = []
        for sample in writing:
            self._give(turns, sample, 1, proposals.get(sample, []))
        rows = sum(turn.count + len(turn.proposals) for turn in turns)
        room = min(self.limits.rows - rows, self.limits.prompt_rows if turns else self.limits.rows)
        for sample in reading:
            count = self._cut(sample, room)
            if count and sample in self.running:
                room -= self._give(turns, sample, count, [])
        for turn in turns:
            key = turn.sample.request.key
            self._given[key] = self._given.get(key, 0.0) + turn.count
        return turns

    def _cut(self, sample: Sample, room: int) -> int:
        """Returns how many of a text's waiting tokens go into a step with `room` rows left."""
        if self.runner.invariant:
            return min(sample.waiting_rows, max(room, 0))
        size, rest = self.runner.page_size, sample.prompt_length - sample.computed
        count = min(size - sample.computed % size, rest) if rest > 0 else 1
        return count if room > 0 else 0

    def _give(self, turns: list[Turn], sample: Sample, count: int, proposals: list[int]) -> int:
        """Adds a share, with pages for it, if there are any; returns its rows."""
        if sample not in self.running or not self._room(sample, sample.computed + count, turns):
            return 0
        room = len(sample.pages) * self.runner.page_size
        if proposals and sample.computed + count + len(proposals) > room and self.pool.available:
            self._room(sample, sample.computed + count + len(proposals), turns, may_push=False)
            room = len(sample.pages) * self.runner.page_size
        proposals = proposals[: max(0, min(room, self.runner.config.context) - sample.computed - count)]
        turns.append(Turn(sample=sample, count=count, proposals=proposals))
        return count + len(proposals)

    def _room(self, sample: Sample, positions: int, turns: list[Turn], *, may_push: bool = True) -> bool:
        """Gives a text pages for so many positions; pushes out younger ones if it must. False: it has to wait."""
        while len(sample.pages) * self.runner.page_size < positions:
            page = self.pool.take()
            if page is not None:
                sample.pages.append(page)
                continue
            victim = self._victim(sample, {turn.sample for turn in turns})
            if not may_push or victim is None:
                return False
            self._push_out(victim)
            if victim is sample:
                return False
        return True

    def _victim(self, sample: Sample, planned: set[Sample]) -> Sample | None:
        """Returns who lets go of its pages: one that computes nothing now, else the youngest, `sample` itself too."""
        others = [other for other in reversed(self.running) if other not in planned]
        settled = next((other for other in others if other.settled and other.pages), None)
        return settled or next((other for other in others if other.pages or other is sample), None)

    def _push_out(self, sample: Sample) -> None:
        """Makes a running text wait, first in its queue, without pages; a settled one has nothing to wait for."""
        self.release(sample)
        if sample.settled:
            return
        self.running.remove(sample)
        self._waiting.setdefault(sample.request.key, deque()).appendleft(sample)

    # ---- admission

    def _admit(self) -> None:
        """Lets texts in while there are places, and pages for what they begin with."""
        while len(self.running) < self.limits.running and self._waiting:
            key = min(self._waiting, key=lambda key: (self._given.get(key, 0.0), key))
            sample = self._waiting[key][0]
            needed = -(-len(sample.ids) // self.runner.page_size)
            busy = any(not other.settled for other in self.running)
            if busy and needed > self.pool.available:
                return
            self._waiting[key].popleft()
            self._clean(key)
            self._reuse(sample)
            self.running.append(sample)

    def _reuse(self, sample: Sample) -> None:
        """Gives a text the pages of its beginning that are known; its last token is always computed."""
        if sample.reads_all:
            return
        size = self.runner.page_size
        end = len(sample.ids) - 1
        if sample.scored:
            end = min(end, sample.request.score_from - 1)
        if not self.runner.invariant:
            end = min(end, sample.prompt_length)
        for page in self._known(sample, max(end, 0) // size):
            sample.pages.append(page)
            sample.computed += size
        if sample.written == 0 and sample.number == 0:
            sample.ticket.reused_tokens = sample.computed

    def _known(self, sample: Sample, most: int) -> Iterator[int]:
        for index in range(most):
            page = self.pool.find(sample.key(index, self.runner.page_size))
            if page is None:
                return
            yield page

    def split(self, sample: Sample) -> Sample:
        """Returns a copy of a running text that runs beside it: full pages are shared, the last one is copied.

        Where there is no page for that, the copy computes the end anew.
        """
        other, size = sample.fork(), self.runner.page_size
        full, rest = divmod(sample.computed, size)
        other.pages = [self.pool.share(page) for page in sample.pages[:full]]
        other.computed = full * size
        page = self.pool.take() if rest else None
        if page is not None:
            self.runner.copy_page(sample.pages[full], page)
            other.pages.append(page)
            other.computed = sample.computed
        self.running.append(other)
        return other

    def advance(self, sample: Sample, positions: int) -> None:
        """Notes that so many more of a text's positions are computed; full pages are known from now on.

        Pages that a runner which is not invariant made token by token are not: a prompt would get other bits.
        """
        size = self.runner.page_size
        before, sample.computed = sample.computed // size, sample.computed + positions
        known = sample.computed if self.runner.invariant else min(sample.computed, sample.prompt_length)
        for index in range(before, known // size):
            self.pool.remember(sample.pages[index], sample.key(index, size))
