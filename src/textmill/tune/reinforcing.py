"""The task of `textmill tune grpo`: from problems and rewards to an objective, a stream and what is looked at."""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textmill.config import Settings
from textmill.evaluate.bootstrap import ratio_interval
from textmill.infer.resolve import LoadedModel
from textmill.model.gpt import GPT
from textmill.progress import Progress, silent
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.train.kernels import Kernels, choose_kernels
from textmill.train.run import Run
from textmill.tune.checks import Row
from textmill.tune.examples import Problem
from textmill.tune.grpo import PolicyLoss, Reinforce
from textmill.tune.looks import TuningLooks
from textmill.tune.prepare import Prepared, prepare
from textmill.tune.purposes import SOLVE
from textmill.tune.reinforce import Reinforcement, RolloutStream, check_questions, row_context
from textmill.tune.rewards import Rewards
from textmill.tune.rollouts import Question, Writer, questions
from textmill.tune.start import Task
from textmill.tune.starting_model import frozen_copy, reference_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SolvingLooks(TuningLooks):
    """`Looks` over problems that were held out: what the model's best guess at each is worth."""

    questions: Sequence[Question]
    rewards: Rewards
    writer: Writer

    def before(self, run: Run) -> None:
        """Measures general text and solves held-out problems before the first step."""
        TuningLooks.before(self, run)
        self._solve(run)

    def evaluate(self, run: Run, *, last: bool) -> None:
        """Solves held-out problems, and behind the last step measures what was forgotten."""
        TuningLooks.evaluate(self, run, last=last)
        self._solve(run)

    def _solve(self, run: Run) -> None:
        if not self.questions:
            return
        with run.shown(), run.looked_at() as model:
            if model is None:
                return
            found = self.solved(model)
        run.event("solved", **found)

    def solved(self, model: GPT) -> dict[str, Any]:
        """Returns the mean reward of the most probable answers with its 95% interval, and their length."""
        written = self.writer.write(model, self.questions, samples=1, seeds=[0] * len(self.questions), greedy=True)
        answers = [samples[0] for samples in written]
        scores = self.rewards.scores([each.problem for each in self.questions], [each.text for each in answers])
        rewards = np.array([score for score in scores if score is not None])
        low, high = ratio_interval(rewards, np.ones(len(rewards))) if len(rewards) else (0.0, 0.0)
        length = float(np.mean([len(answer.ids) for answer in answers]))
        reward = float(rewards.mean()) if len(rewards) else 0.0
        return {"reward": reward, "low": low, "high": high, "count": len(rewards), "length": length}


def reinforcing(
    paths: Sequence[str | Path],
    base: LoadedModel,
    settings: Settings,
    rewards: Rewards,
    *,
    device: str,
    validation: Sequence[str | Path] = (),
    general: Sequence[str] = (),
    progress: Progress = silent,
) -> tuple[Task, Prepared]:
    """Returns the task of solving the problems of `paths`, and what was read; InputError where none can be solved."""
    ours, config, tokenizer = settings.grpo, base.model.config, base.tokenizer
    options: dict[str, Any] = {"context": config.context, "purpose": SOLVE}
    if validation:
        settings = settings.replace({"tune.held_out_share": 0.0})
    found = prepare(paths, tokenizer, settings, against=validation, progress=progress, **options)
    held_out = found.held_out
    if validation:
        other = prepare(validation, tokenizer, settings, **options)
        held_out = [*other.training, *other.held_out]
    room = {"context": config.context, "max_tokens": ours.max_tokens}
    asked = questions(tokenizer, problems_of(found.training), **room)
    check_questions(asked, problems=len(found.training), **room)
    measured = questions(tokenizer, problems_of(held_out)[: ours.held_out], **room)
    rewards.check([question.problem for question in (*asked, *measured)])
    kernels = choose_kernels(settings, device, config)
    writer, loss = writer_of(settings, tokenizer, kernels), loss_of(settings)
    context = row_context([*asked, *measured], max_tokens=ours.max_tokens, most=config.context)
    stream = RolloutStream(context=context, padding_id=tokenizer.end_of_text_id, loss=loss)
    frozen = frozen_copy(base.model, kernels.dtype) if ours.kl and settings.tune.method == "full" else None

    def reference(model: GPT) -> AbstractContextManager[GPT]:
        return reference_of(model, frozen)

    before = Reinforcement(
        questions=asked,
        rewards=rewards,
        writer=writer,
        stream=stream,
        loss=loss,
        seed=settings.train.seed,
        asked=ours.questions,
        samples=ours.samples,
        updates=ours.updates,
        leave_out_cut=ours.cut_answers == "leave_out",
        reference=reference,
    )
    looks = SolvingLooks(held_out=None, general=tuple(general), questions=measured, rewards=rewards, writer=writer)
    task = Task(
        objective=Reinforce(loss, temperature=float(ours.temperature)),
        stream=stream,
        context=context,
        data={"examples": questions_hash(asked, rewards)},
        looks=looks,
        before_step=before,
    )
    return task, found


def writer_of(settings: Settings, tokenizer: Tokenizer, kernels: Kernels) -> Writer:
    """Returns what has models write as the settings say."""
    ours = settings.grpo
    return Writer(
        tokenizer=tokenizer,
        dtype=kernels.dtype,
        max_tokens=ours.max_tokens,
        temperature=float(ours.temperature),
        at_once=ours.at_once,
        threads=kernels.threads,
    )


def loss_of(settings: Settings) -> PolicyLoss:
    """Returns the loss that the settings name."""
    ours = settings.grpo
    return PolicyLoss(
        variant=ours.variant,
        clip_low=float(ours.clip_low),
        clip_high=float(ours.clip_high),
        kl=float(ours.kl),
        max_tokens=ours.max_tokens,
    )


def problems_of(rows: Sequence[Row]) -> list[Problem]:
    """Returns the problems of rows."""
    return [row.example for row in rows if isinstance(row.example, Problem)]


def questions_hash(asked: Sequence[Question], rewards: Rewards) -> str:
    """Returns a hash over what is asked, the answers that are wanted, and what judges them."""
    digest = hashlib.sha256(repr([(weight, reward.name) for weight, reward in rewards.parts]).encode())
    for question in asked:
        digest.update(f"{question.ids}\0{question.problem.answer}\0".encode())
    return digest.hexdigest()[:32]
