"""The engine's loop: each `step` computes one step of all running texts and tells what came of it.

    plan ─▶ parts ─▶ runner ─▶ rows of scores ─▶ draw, accept proposals ─▶ events ─▶ finished texts leave

One thread calls it. Everything about one text is decided by its request alone: see `Runner.invariant`, `Sampler`.

Shapes: R rows, V vocabulary, D width.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from textmill.errors import ModelError, UsageError
from textmill.infer.engine.beam import BeamSearch
from textmill.infer.engine.request import EMBED, WRITE, Request, Ticket
from textmill.infer.engine.runner import Part, Runner
from textmill.infer.engine.sample import Sample
from textmill.infer.engine.scheduler import Limits, Scheduler, Turn
from textmill.infer.engine.speculation import Proposer, Speculation
from textmill.infer.events import Embedded, Failed, Output, Scored
from textmill.infer.prompts import check_ids, end_ids
from textmill.tokenizer.tokenizer import Tokenizer


@dataclass(slots=True, kw_only=True)
class Totals:
    """What the engine did since it was made."""

    steps: int = 0
    prompt_rows: int = 0
    written: int = 0
    proposed: int = 0
    accepted: int = 0
    reused: int = 0
    seconds: float = 0.0
    """In steps, without waiting for requests."""


class Engine:
    """Answers requests over one runner."""

    def __init__(
        self,
        runner: Runner,
        tokenizer: Tokenizer,
        *,
        limits: Limits | None = None,
        proposer: Proposer | None = None,
    ) -> None:
        self.runner, self.tokenizer = runner, tokenizer
        self.scheduler = Scheduler(runner, limits or Limits())
        self.ends = end_ids(tokenizer)
        # proposals are checked several rows at a time: only where that gives the bits of one row at a time
        self.speculation = Speculation(proposer) if proposer is not None and runner.invariant else None
        self.totals = Totals()
        self._samples: dict[Ticket, list[Sample]] = {}
        self._beams: dict[Ticket, BeamSearch] = {}

    # ---- requests

    @property
    def capacity(self) -> int:
        """The most tokens that one text can have in view."""
        return min(self.runner.config.context, self.runner.page_count * self.runner.page_size)

    @property
    def context(self) -> int:
        """The model's context."""
        return self.runner.config.context

    @property
    def at_once(self) -> int:
        """How many texts run in one step."""
        return self.scheduler.limits.running

    @property
    def idle(self) -> bool:
        """True when there is nothing to do."""
        return not self._samples

    def add(
        self, request: Request, tell: Callable[[Output], None], *, on_slide: Callable[[], None] = lambda: None
    ) -> Ticket:
        """Queues a request; `tell` gets what comes of it, on_slide is called when a text outgrows the context.

        Raises UserError for what cannot be answered.
        """
        self.check(request)
        beams = request.kind == WRITE and request.beams > 1
        count = request.settings.n if request.kind == WRITE and not beams else 1
        ticket = Ticket(request=request, path=self.runner.path, tell=tell, prompt_tokens=len(request.ids))
        ticket.open = set(range(count))
        drawer = self.runner.drawer
        samples = [Sample(ticket, number, self.tokenizer, self.ends, on_slide, drawer) for number in range(count)]
        self._samples[ticket] = samples
        if beams:
            self._beams[ticket] = BeamSearch(samples[0], self.tokenizer)
        self.scheduler.add(samples[0])  # the others wait until its prompt is in the pages, and share them
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Ends a request; its pages are free and nothing more is told."""
        ticket.cancelled = True
        self._leave(ticket)

    def _leave(self, ticket: Ticket) -> None:
        """Forgets a request."""
        beams = self._beams.pop(ticket, None)
        for sample in [*self._samples.pop(ticket, []), *(beams.samples if beams else [])]:
            self.scheduler.drop(sample)

    def check(self, request: Request) -> None:
        """Raises UserError for what cannot be answered."""
        if not request.ids:
            raise UsageError("infer.empty_prompt")
        check_ids(self.runner.config, request.ids)
        length, context = len(request.ids), self.runner.config.context
        if length > context:
            raise ModelError("infer.prompt_too_long", tokens=length, context=context)
        if request.adapter and request.adapter not in self.runner.adapters:
            known = ", ".join(self.runner.adapters) or "–"
            raise ModelError("infer.unknown_adapter", name=request.adapter, known=known)
        whole = request.grammar is not None and not getattr(request.grammar, "divides", False)
        if request.beams > 1 and (whole or request.settings.n > request.beams):
            raise UsageError("infer.beams", beams=request.beams, n=request.settings.n)
        most = length + (request.settings.max_tokens if request.kind == WRITE else 0)
        if min(most, context) > self.capacity:
            raise UsageError("infer.too_few_pages", tokens=most, capacity=self.capacity)

    # ---- steps

    def step(self) -> bool:
        """Computes one step; False when there was nothing to do.

        An exception of one request's own (a grammar, a draw) ends that request; one of the runner is raised, and
        `fail` then ends them all.
        """
        proposals = {}
        if self.speculation is not None:
            proposals = self.speculation.propose(
                [s for s in self.scheduler.running if s.waiting_rows == 1 and s.request.beams < 2]
            )
        turns = self.scheduler.plan(proposals)
        if not turns:
            return False
        began, written = time.perf_counter(), self.totals.written
        for embeds in (False, True):
            chosen = [turn for turn in turns if (turn.sample.request.kind == EMBED) == embeds]
            if chosen:
                self._compute(chosen, self.runner.hidden if embeds else self.runner.forward)
        self.totals.steps += 1
        self.totals.seconds += time.perf_counter() - began
        written = self.totals.written - written
        if self.speculation is not None and written and all(turn.count == 1 for turn in turns):
            guessed = any(turn.proposals for turn in turns)
            self.speculation.learn_pace(len(turns), guessed, (time.perf_counter() - began) / written)
        return True

    def fail(self, error: Exception) -> None:
        """Ends every request with `error`; the engine can go on with new ones."""
        for ticket in list(self._samples):
            self.cancel(ticket)
            ticket.tell(Failed(error=error))

    def _compute(self, turns: Sequence[Turn], run: Callable[[Sequence[Part]], Tensor]) -> None:
        parts = [part_of(turn) for turn in turns]
        rows = run(parts)
        at = 0
        for turn, part in zip(turns, parts, strict=True):
            own, at = rows[at : at + len(part.wanted)], at + len(part.wanted)
            try:
                self._take(turn, part, own)
            except Exception as error:
                ticket = turn.sample.ticket
                self.cancel(ticket)
                ticket.tell(Failed(error=error))

    def _take(self, turn: Turn, part: Part, rows: Tensor) -> None:
        """Gives a text its rows."""
        sample, request = turn.sample, turn.sample.request
        before, was_prompt = sample.computed, sample.computed < sample.prompt_length
        self.scheduler.advance(sample, turn.count)
        if was_prompt:
            self.totals.prompt_rows += turn.count
        if request.kind == EMBED:
            total = rows.double().sum(dim=0)
            sample.vector = total if sample.vector is None else sample.vector + total
        scored = 0
        if sample.scored:
            for place in part.wanted:
                if before + place >= len(request.ids) - 1:
                    break
                sample.score(before + place, rows[scored])
                scored += 1
        if sample.waiting_rows:
            return
        self._prompt_done(sample)
        if request.kind != WRITE:
            self._finish(sample)
            return
        if request.beams > 1:
            self._search(sample, rows[scored])
            return
        self._write(turn, rows[scored:])

    def _search(self, sample: Sample, logits_V: Tensor) -> None:
        """Gives a beam its scores; when all have theirs, they go on, or their end is told."""
        ticket = sample.ticket
        search = self._beams[ticket]
        if not search.give(sample, logits_V):
            return
        if search.step(self.scheduler, self.runner.config.context):
            return
        ticket.open.clear()
        self._leave(ticket)
        for event in search.events():
            ticket.written_tokens += 1
            self.totals.written += 1
            ticket.tell(event)

    def _write(self, turn: Turn, rows: Tensor) -> None:
        """Draws a token from each row, as long as it is the one that was proposed."""
        sample, context, accepted = turn.sample, self.runner.config.context, 0
        self.totals.proposed += len(turn.proposals)
        for index, row in enumerate(rows):
            event = sample.next_event(row, context)
            self.totals.written += 1
            came_true = index < len(turn.proposals) and event.id == turn.proposals[index]
            if came_true:
                accepted += 1
                sample.ticket.accepted_tokens += 1
                self.totals.accepted += 1
            if sample.finished:
                self._finish(sample)
            sample.ticket.tell(event)
            if sample.finished or sample.ticket.cancelled:
                return
            if not came_true:
                break
            self.scheduler.advance(sample, 1)
        if self.speculation is not None and turn.proposals:
            self.speculation.learn(sample, len(turn.proposals), accepted)
        if len(sample.ids) > context:
            self.scheduler.pool.release(sample.pages)
            sample.slide(context)

    def _prompt_done(self, sample: Sample) -> None:
        """The first time that a sample's prompt is computed: tells its scores and lets the other samples in."""
        ticket = sample.ticket
        if sample.written or sample.number:
            return
        self.totals.reused += ticket.reused_tokens
        if sample.scored:
            ticket.tell(
                Scored(
                    first=sample.request.score_from,
                    log_probabilities=tuple(score.log_probability for score in sample.scores),
                    top=tuple(score.top for score in sample.scores) if sample.settings.logprobs else (),
                    best=tuple(sample.best),
                )
            )
        if sample.vector is not None:
            ticket.tell(Embedded(vector=tuple((sample.vector / len(sample.ids)).tolist())))
        for other in self._samples[ticket][1:]:
            self.scheduler.add(other)

    def _finish(self, sample: Sample) -> None:
        ticket = sample.ticket
        self.scheduler.drop(sample)
        ticket.open.discard(sample.number)
        if not ticket.open:
            self._samples.pop(ticket, None)


def part_of(turn: Turn) -> Part:
    """Returns what the runner is given for a text's share."""
    sample, end = turn.sample, turn.sample.computed + turn.count
    wanted = sample.wanted(turn.count)
    if turn.proposals:
        wanted += range(turn.count, turn.count + len(turn.proposals))
    return Part(
        ids=[*sample.ids[sample.computed : end], *turn.proposals],
        past=sample.computed,
        pages=tuple(sample.pages),
        wanted=wanted,
        adapter=sample.request.adapter,
    )
