"""One cycle of GRPO before its first step: answers, rewards, advantages, and the rows that its steps read.

    before a step: is its cycle at hand? ─ no ─▶ on disk? ─ no ─▶ write, judge, compare, save
                                     └─ rows of the answers that teach something

Answers of a group without a difference have no advantage and are not computed again; they count in what a step is
divided by all the same. In a divided run the first process writes and the others read what it saved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textmill.checkpoints import list_checkpoints
from textmill.errors import CheckpointError, InputError
from textmill.infer.events import LENGTH, Generation
from textmill.model.gpt import GPT
from textmill.train.batches import IGNORED, Batch
from textmill.train.run import Run
from textmill.tune.grouped import TEXTS, TOKENS, GroupedSet, GroupedStream, grouped_set
from textmill.tune.grpo import ADVANTAGE, OLD, REFERENCE, WRITTEN, PolicyLoss, advantages
from textmill.tune.passes import token_pass
from textmill.tune.rewards import Rewards
from textmill.tune.rollouts import (
    Cycle,
    Question,
    Writer,
    chosen,
    cycle_file,
    forget_cycles,
    load_cycle,
    request_seed,
    save_cycle,
    statistics,
    texts_of,
)


class RolloutStream:
    """The rows of the cycle at hand; row 0 of each step is the row that the run stands at."""

    def __init__(self, *, context: int, padding_id: int, loss: PolicyLoss) -> None:
        self.context, self.padding_id, self.policy_loss = context, padding_id, loss
        self.first, self.units = 0, 1
        self._rows: GroupedStream | None = None
        self.epoch_tokens = context
        """Of the last cycle: there is no end of new answers."""

    @property
    def rows(self) -> int:
        """Rows of a step."""
        return self._rows.epoch_rows if self._rows is not None else 1

    def take(self, cycle: Cycle, first: int) -> None:
        """Lays out a cycle's answers as the rows from `first` on."""
        lengths = cycle.texts.text_counts
        self.first, self.units = first, max(1, self.policy_loss.units(len(lengths), int(lengths.sum())))
        taught = np.flatnonzero(cycle.advantages) if not self.policy_loss.kl else np.arange(len(lengths))
        self._rows = None
        if len(taught):
            self._rows = GroupedStream(
                _some(cycle.texts, taught),
                seed=cycle.number,
                context=self.context,
                padding_id=self.padding_id,
                columns={ADVANTAGE: cycle.advantages[taught]},
                token_columns=_token_columns(cycle, taught),
            )
            self.epoch_tokens = self._rows.epoch_tokens

    def count(self, row: int, rows: int, context: int) -> tuple[int, int]:
        """Returns the tokens of some rows, and what the step's loss is divided by."""
        tokens = self._rows.count(row - self.first, rows, context)[0] if self._rows is not None else 0
        return tokens, self.units

    def batch(self, row: int, rows: int, context: int) -> Batch:
        """Returns the rows `row` … `row + rows - 1` of the run."""
        if self._rows is not None:
            return self._rows.batch(row - self.first, rows, context)
        return self._nothing()

    def _nothing(self) -> Batch:
        """A row without anything to learn: no group had a difference."""
        ids = torch.full((1, 2), self.padding_id, dtype=torch.long)
        extra: dict[str, Tensor] = {TEXTS: torch.zeros_like(ids), TOKENS: torch.zeros(1, dtype=torch.long)}
        extra |= {ADVANTAGE: torch.zeros(1), WRITTEN: torch.zeros(0)}
        return Batch(
            inputs_BT=ids,
            targets_BT=torch.full_like(ids, IGNORED),
            documents_BT=torch.zeros_like(ids),
            masked=True,
            extra=extra,
        )


def _some(texts: GroupedSet, numbers: np.ndarray) -> GroupedSet:
    return grouped_set([[texts.text(int(number))] for number in numbers], context=int(texts.sizes.max()))


def _token_columns(cycle: Cycle, numbers: np.ndarray) -> dict[str, np.ndarray]:
    offsets = cycle.texts.offsets
    columns = {WRITTEN: cycle.written, OLD: cycle.old, REFERENCE: cycle.reference}
    return {
        name: np.concatenate([column[offsets[number] : offsets[number + 1]] for number in numbers])
        for name, column in columns.items()
        if column is not None
    }


@dataclass(slots=True, kw_only=True)
class Reinforcement:
    """What stands before each step of GRPO."""

    questions: Sequence[Question]
    rewards: Rewards
    writer: Writer
    stream: RolloutStream
    loss: PolicyLoss
    seed: int
    asked: int
    samples: int
    updates: int
    leave_out_cut: bool
    reference: Any = None
    """Given the model, a block that gives the reference, for β > 0."""
    _number: int = field(default=-1, init=False)
    _at_hand: Any = field(default=None, init=False)

    def __call__(self, run: Run) -> None:
        """Has the stream hold the rows of the step that comes."""
        number = run.state.step // self.updates
        if number != self._number:
            self._at_hand = self._cycle(run, number)
            self._number = number
        self.stream.take(self._at_hand, run.state.rows)
        run.rows_a_step = self.stream.rows

    def _cycle(self, run: Run, number: int) -> Cycle:
        """Returns a cycle from disk, or made by the first process."""
        found = load_cycle(run.folder, number)
        if found is None and run.state.step % self.updates:
            raise CheckpointError("tune_grpo.rollouts_gone", file=cycle_file(run.folder, number))
        if found is None:
            with run.looked_at() as model:
                if model is not None:
                    self._make(run, model, number)
            if run.divided:
                run.divided.add_up([0.0])  # the others wait here until it is written
            found = load_cycle(run.folder, number)
            assert found is not None
        if run.log is not None:
            about: dict[str, Any] = dict(found.about)
            run.event("rollouts", cycle=number, **about)
            oldest = min((point.step for point in list_checkpoints(run.folder)), default=0)
            forget_cycles(run.folder, min(oldest, run.state.step) // self.updates)
        return found

    def _make(self, run: Run, model: GPT, number: int) -> None:
        """Writes a cycle under the weights of the moment."""
        places = chosen(len(self.questions), seed=self.seed, cycle=number, wanted=self.asked)
        asked = [self.questions[place] for place in places]
        seeds = [request_seed(self.seed, number, place) for place in range(len(asked))]
        found = self.writer.write(model, asked, samples=self.samples, seeds=seeds)
        rewards = self._judged(asked, found)
        groups = rewards.reshape(-1, self.samples).tolist()
        gains = [gain for group in groups for gain in advantages(_known(group), self.loss.variant)]
        texts = texts_of(asked, found)
        about = statistics(rewards, found, self.samples) | self.writer.rates | {"skipped": self.rewards.skipped}
        cycle = Cycle(
            number=number,
            texts=texts,
            rewards=rewards,
            advantages=np.array(gains),
            written=_written(texts, found),
            old=self._pass(run, model, texts) if self.updates > 1 else None,
            reference=self._reference(run, model, texts),
            about=about | {f"reward_{name}": value for name, value in self.rewards.seen.items()},
        )
        save_cycle(run.folder, cycle, _told(asked, found, rewards, gains))

    def _judged(self, asked: Sequence[Question], found: Sequence[Sequence[Generation]]) -> np.ndarray:
        """Returns the reward of each answer, NaN for one that is left out."""
        flat = [
            (question.problem, sample) for question, samples in zip(asked, found, strict=True) for sample in samples
        ]
        scores = self.rewards.scores([problem for problem, _ in flat], [sample.text for _, sample in flat])
        cut = [self.leave_out_cut and sample.finish_reason == LENGTH for _, sample in flat]
        return np.array([np.nan if score is None or out else score for score, out in zip(scores, cut, strict=True)])

    def _pass(self, run: Run, model: GPT, texts: GroupedSet) -> np.ndarray:
        stream = GroupedStream(texts, seed=0, context=run.context, padding_id=self.stream.padding_id)
        return token_pass(
            model,
            stream,
            dtype=run.dtype,
            device=run.device,
            rows_at_a_time=run.micro_batch,
            temperature=self.writer.temperature,
        )

    def _reference(self, run: Run, model: GPT, texts: GroupedSet) -> np.ndarray | None:
        if not self.loss.kl:
            return None
        with self.reference(model) as reference:
            return self._pass(run, reference, texts)


def _known(group: Sequence[float]) -> list[float | None]:
    return [None if np.isnan(reward) else float(reward) for reward in group]


def _written(texts: GroupedSet, found: Sequence[Sequence[Generation]]) -> np.ndarray:
    """Returns ln p of each token as the engine had it, as `ids` has the texts."""
    logs = np.zeros(len(texts.ids), dtype=np.float32)
    flat = [sample for samples in found for sample in samples]
    for number, sample in enumerate(flat):
        end = int(texts.offsets[number + 1])
        logs[end - len(sample.ids) : end] = sample.log_probabilities
    return logs


def _told(
    asked: Sequence[Question], found: Sequence[Sequence[Generation]], rewards: np.ndarray, gains: Sequence[float]
) -> list[dict[str, Any]]:
    """Returns what a person reads of a cycle."""
    rows, place = [], 0
    for question, samples in zip(asked, found, strict=True):
        for sample in samples:
            reward = float(rewards[place])
            rows.append(
                {
                    "place": question.problem.place,
                    "question": question.problem.messages[-1].get("content"),
                    "answer": sample.text,
                    "reward": None if np.isnan(reward) else reward,
                    "advantage": gains[place],
                    "tokens": len(sample.ids),
                    "finish_reason": sample.finish_reason,
                }
            )
            place += 1
    return rows


def check_questions(questions: Sequence[Question], *, problems: int, max_tokens: int, context: int) -> None:
    """Raises InputError where no problem leaves room for an answer."""
    if not questions:
        raise InputError("tune_grpo.no_questions", problems=problems, max_tokens=max_tokens, context=context)


def row_context(questions: Sequence[Question], *, max_tokens: int, most: int) -> int:
    """Returns a row's length: room for the longest prompt with its answer, and for several of most."""
    longest = max(len(question.ids) for question in questions) + max_tokens
    return min(max(longest, 512), most)
