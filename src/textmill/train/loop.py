"""The training loop: step, log, save, evaluate, sample, until the steps or the time are used up.

Saves come before evaluations, so that what is slow or may fail never costs trained steps; they are written while
training goes on (see `saving`). A stop (Ctrl-C, SIGTERM) ends the loop after a save (see `stopping`).
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from textmill.checkpoints import mark_if_best
from textmill.errors import TrainingError
from textmill.train.batches import Batch
from textmill.train.batches import TokenStream as TokenStream
from textmill.train.checkpoint import Snapshot, take_snapshot
from textmill.train.evaluation import measure, sizes_of, write_samples
from textmill.train.health import IN_A_ROW, remember, spike
from textmill.train.inspection import (
    activation_statistics,
    first_not_finite_activation,
    gradient_statistics,
    profiled,
)
from textmill.train.pace import plan_the_end
from textmill.train.parallel.rows import parts_of_rows
from textmill.train.run import Run
from textmill.train.schedule import batch_rows, multiplier
from textmill.train.step import StepResult, train_step
from textmill.train.stopping import Left
from textmill.train.suites import score_suites


def train(run: Run) -> None:
    """Trains until done or stopped; on return everything is saved."""
    before = run.state.seconds
    run.stop.again_ends = run.divided is None
    run.stalls.seconds = run.settings.train.stall_seconds
    with run.stop.listening(), run.stalls.watching(), run.saver.to_the_end():
        try:
            while run.state.step < run.state.total_steps:
                profile = profiled(run.folder, run.state.step + 1, _to_profile(run))
                with profile, run.stalls.doing("step"):
                    _try_step(run, before)
                run.note_saved(wait=False)
                plan_the_end(run)
                _save_and_look(run)
                _agree(run)
                run.stop.leave_if_asked()
            _finish(run)
        except Left:
            _save(run)
            run.note_saved()
            run.event("interrupt", signal=run.stop.signal)


def _agree(run: Run) -> None:
    """Has all processes of a divided run stop behind the same step and aim for the same end."""
    if run.divided is not None:
        number, run.state.total_steps = run.divided.agree(run.stop.number, run.state.total_steps)
        run.stop.number = number


def _to_profile(run: Run) -> bool:
    train, step = run.settings.train, run.state.step + 1
    return 0 < train.profile_step <= step < train.profile_step + train.profile_steps


def _try_step(run: Run, before: float) -> None:
    """Makes a step; where its loss is not finite, the error names where in the forward pass that began."""
    try:
        _one_step(run, before)
    except TrainingError as error:
        if error.key != "train.not_finite" or error.values["what"] != "loss" or run.divided:
            raise
        batches = _micro_batches(run, _rows(run))
        found = (first_not_finite_activation(run.model, batch, run.dtype) for batch in batches)
        where = next(filter(None, found), "")
        raise TrainingError(error.key, **error.values | {"what": f"loss ({where})" if where else "loss"}) from error


OTHER_MASKS = 1_000_000_007
"""Between the seeds of processes that read other rows."""


def _one_step(run: Run, before: float) -> None:
    state, train = run.state, run.settings.train
    began = time.monotonic()
    factor = multiplier((state.step + 0.5) / state.total_steps, train)
    run.optimizers.set_rates(factor, state.step)
    if run.draws or run.model.config.dropout:
        # masks are a function of (seed, step) and the rows that a process reads: no state to save
        torch.manual_seed(train.seed * 1_000_003 + state.step + OTHER_MASKS * (run.divided.seed if run.divided else 0))
    if run.before_step is not None:
        run.before_step(run)
    rows = _rows(run)
    tokens, units = run.stream.count(state.rows, rows, run.context)
    result = train_step(
        run.model,
        run.optimizers,
        _micro_batches(run, rows),
        batch_tokens=max(units, 1),
        step=state.step,
        clip=train.clip,
        dtype=run.dtype,
        judge=lambda loss, norm: _judge(run, loss, norm),
        divided=run.divided,
        objective=run.objective,
    )
    now = time.monotonic()
    if run.average:
        run.average.update(state.step)
    state.step += 1
    state.tokens += tokens
    state.rows += rows
    state.seconds = before + now - run.started
    if run.steps_here:  # the first one here compiles, which says nothing about the pace
        run.step_seconds.append(now - began)
    run.steps_here += 1
    _tell(run, result, factor, tokens / (now - began))


def _rows(run: Run) -> int:
    """Returns the rows of the next step."""
    return run.rows_a_step or batch_rows(run.state.tokens, run.context, run.settings.train)


def _tell(run: Run, result: StepResult, factor: float, rate: float) -> None:
    """Writes the events of the step that was just made."""
    state = run.state
    bits = result.loss / 0.6931471805599453 / run.bytes_per_token if run.bytes_per_token else None
    means: dict[str, Any] = (
        run.objective.tally.means(run.divided.add_up) if run.divided else run.objective.tally.means()
    )
    run.event(
        "step",
        loss=result.loss,
        bits_per_byte=bits,
        gradient_norm=result.gradient_norm,
        learning_rate_factor=factor,
        tokens=state.tokens,
        tokens_per_second=rate,
        mfu=rate * run.flops_a_token / run.peak_flops if run.peak_flops else None,
        seconds=state.seconds,
        total_steps=state.total_steps,
        **means,
    )
    if result.spike:
        run.event("spike", quantity=result.spike, loss=result.loss, gradient_norm=result.gradient_norm)


def _judge(run: Run, loss: float, gradient_norm: float) -> str:
    """Returns why the step must not be taken, or "", and remembers it if it is; the gradients are there to be seen."""
    state, train = run.state, run.settings.train
    if train.statistics_every and (state.step + 1) % train.statistics_every == 0:
        first = run.stream.batch(state.rows, 1, run.context)
        activations = activation_statistics(run.model, first.to(run.device))
        run.event("statistics", weights=gradient_statistics(run.model), activations=activations)
    patient = state.spikes_in_a_row < IN_A_ROW
    found = spike(state.recent, loss, gradient_norm, train.skip_spikes) if patient else ""
    state.spikes_in_a_row = state.spikes_in_a_row + 1 if found else 0
    if not found:
        remember(state.recent, loss, gradient_norm)
    return found


def _micro_batches(run: Run, rows: int) -> Iterator[Batch]:
    """Yields the step's rows, or those of this process, in micro-batches."""
    context, divided = run.context, run.divided
    first = run.state.rows
    for number, part in enumerate(divided.parts(rows) if divided else parts_of_rows(rows, run.micro_batch)):
        if number and not divided:
            run.stop.leave_if_asked()
        with run.stalls.doing("data"):
            batch = run.stream.batch(first + part.first, part.count, context).to(run.device)
        yield batch if part.counts else replace(batch, counts=False)


def _save_and_look(run: Run) -> None:
    state, settings = run.state, run.settings
    left = state.total_steps - state.step
    if left and state.step % settings.checkpoint.every == 0:
        _save(run)
    # what would be seen just before the end is seen at the end
    if state.step % settings.evaluate.every == 0 and left > settings.evaluate.every // 8:
        _evaluate(run, last=False)
    often = settings.evaluate.sample_every
    if often and state.step % often == 0 and left > often // 8:
        _sample(run)
    often = settings.evaluate.suite_every
    if run.suites and often and state.step % often == 0 and left > often // 8:
        score_suites(run)


def _save(run: Run) -> None:
    """Begins to write a checkpoint, unless this step has one; the one before is on disk when this returns."""
    run.note_saved()
    if run.saver.newest == run.state.step:
        return
    collect = run.divided.collect if run.divided else None

    def take(copy: bool) -> Snapshot:
        parts = (run.model, run.optimizers, run.state, run.average)
        return take_snapshot(*parts, form=run.form, copy=copy, collect=collect)

    if run.log is None:  # the first process writes what this one hands over
        take(False)
        run.saver.newest = run.state.step
    else:
        run.saver.begin(take)


def _evaluate(run: Run, *, last: bool) -> None:
    if run.looks is not None:
        run.looks.evaluate(run, last=last)
    else:
        evaluate_now(run, run.settings.evaluate.tokens * (FINAL_EVALUATION_FACTOR if last else 1))


def evaluate_now(run: Run, tokens: int) -> None:
    """Measures held-out bits per byte, if there are held-out documents."""
    training, validation = run.training, run.validation
    if training is None or validation is None or len(validation.offsets) < 2:
        return
    with run.shown(), run.looked_at() as model:
        if model is None:
            return
        result = measure(model, validation, run.tokenizer, tokens=tokens, dtype=run.dtype)
        worse = run.watch.compare(
            run.state.step,
            result,
            sizes_of(validation, tokens),
            lambda: measure(model, training, run.tokenizer, tokens=tokens, dtype=run.dtype),
        )
    run.last_bits_per_byte = result.value
    run.note_saved()  # only what is there can be the best
    mark_if_best(run.folder, run.state.step, result.value)
    run.event(
        "evaluation",
        bits_per_byte=result.value,
        low=result.low,
        high=result.high,
        documents=result.documents,
        bytes=result.bytes,
        tokens=result.tokens,
    )
    if worse:
        run.event("overfitting", epochs=run.state.tokens / run.stream.epoch_tokens, **worse)


def _sample(run: Run) -> None:
    if run.looks is not None:
        run.looks.sample(run)
        return
    evaluate = run.settings.evaluate
    with run.shown(), run.looked_at() as model:
        if model is None:
            return
        samples = write_samples(model, run.tokenizer, evaluate.sample_prompts, evaluate.sample_tokens)
    for sample in samples:
        run.event("sample", **sample)


def _finish(run: Run) -> None:
    _save(run)
    _evaluate(run, last=True)
    _sample(run)
    score_suites(run)
    run.event("end", seconds=run.state.seconds, tokens=run.state.tokens)


FINAL_EVALUATION_FACTOR = 4
"""The last evaluation reads this many times the tokens of those on the way, for a narrower interval."""
