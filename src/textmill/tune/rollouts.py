"""Rollouts: the model's own answers to questions, written by the inference engine under the weights of the moment.

    cycle c: questions of (seed, c) ─▶ engine: `samples` answers to each ─▶ rewards ─▶ advantages ─▶ rows of some steps

A cycle is a pure function of the run's seed, its number and the weights it begins with, and is written beside the run
(rollouts/cycle-00000012: tensors, and the answers to read) before it is learned from: a run that was killed in the
middle of one finds it there, or writes the same again.
"""

import copy
import json
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch

from textmill.errors import CheckpointError
from textmill.files import write_bytes
from textmill.infer.answers import answers
from textmill.infer.engine.build import EngineSettings, build_runner, why_not_compiled
from textmill.infer.engine.engine import Engine
from textmill.infer.engine.request import Request
from textmill.infer.engine.scheduler import Limits
from textmill.infer.events import LENGTH, Generation
from textmill.infer.prompts import turn_stops
from textmill.infer.sampling import SEED_BITS, SamplingSettings
from textmill.model.gpt import GPT
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.train.evaluation import undisturbed
from textmill.tune.encoded import Encoded
from textmill.tune.examples import Problem
from textmill.tune.grouped import GroupedSet, grouped_set
from textmill.tune.mask import encode_prompt
from textmill.tune.starting_model import plain_model

FOLDER = "rollouts"
FORMAT_VERSION = 1
WHOLE_PAGES = 64
"""Positions: a text takes whole pages of a cache, of at most so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A problem and what the model is sent for it."""

    problem: Problem
    ids: tuple[int, ...]


def questions(tokenizer: Tokenizer, problems: Sequence[Problem], *, context: int, max_tokens: int) -> list[Question]:
    """Returns the problems with their prompts; one that leaves no room for an answer is left out."""
    found = [Question(problem=problem, ids=tuple(encode_prompt(tokenizer, problem))) for problem in problems]
    return [question for question in found if len(question.ids) + max_tokens <= context]


def chosen(count: int, *, seed: int, cycle: int, wanted: int) -> list[int]:
    """Returns which of `count` questions a cycle asks: the next ones of an order drawn anew for each epoch."""
    picked, orders = [], {}
    for place in range(cycle * wanted, (cycle + 1) * wanted):
        epoch, index = divmod(place, count)
        if epoch not in orders:
            key = np.array([seed, epoch], dtype=np.uint64)
            orders[epoch] = np.random.Generator(np.random.Philox(key=key)).permutation(count)
        picked.append(int(orders[epoch][index]))
    return picked


def request_seed(seed: int, cycle: int, place: int) -> int:
    """Returns the seed of the answers to one question of a cycle; answer i has this plus i."""
    return int(np.random.SeedSequence([seed, cycle, place]).generate_state(1)[0]) & ((1 << SEED_BITS) - 1)


@dataclass(slots=True, kw_only=True)
class Writer:
    """Has a model write, over an engine that is built anew for its weights each time."""

    tokenizer: Tokenizer
    dtype: torch.dtype
    max_tokens: int
    temperature: float
    at_once: int
    threads: int
    rates: dict[str, float] = field(default_factory=dict)
    """Of the last time: seconds, and tokens a second."""

    def write(
        self, model: GPT, asked: Sequence[Question], *, samples: int, seeds: Sequence[int], greedy: bool = False
    ) -> list[tuple[Generation, ...]]:
        """Returns the answers to each question."""
        began = time.monotonic()
        settings = SamplingSettings(
            temperature=0.0 if greedy else self.temperature,
            top_p=1.0,
            max_tokens=self.max_tokens,
            seed=0,
            n=samples,
            slide=False,
            stop=turn_stops(self.tokenizer),
        )
        requests = [
            Request(ids=question.ids, settings=replace(settings, seed=seed))
            for question, seed in zip(asked, seeds, strict=True)
        ]
        longest = max(len(question.ids) for question in asked) + self.max_tokens
        engine, block = self._engine(model, min(longest, model.config.context))
        found = []
        with block:
            for answer in answers(engine, requests):
                if answer.error is not None:
                    raise answer.error
                found.append(answer.samples)
        seconds = time.monotonic() - began
        written = sum(len(sample.ids) for group in found for sample in group)
        self.rates = {"seconds": seconds, "tokens_per_second": written / seconds}
        return found

    def _engine(self, model: GPT, longest: int) -> tuple[Engine, AbstractContextManager[Any]]:
        """Returns an engine over the model's weights as they are now, and the block in which it may run.

        It has room for texts of `longest` tokens.
        """
        model = plain_model(model, self.dtype)
        weights = "bf16" if self.dtype == torch.bfloat16 else "fp32"
        room = self.at_once * -(-longest // WHOLE_PAGES) * WHOLE_PAGES
        settings = EngineSettings(weights=weights, cache_tokens=room, threads=self.threads)
        limits = Limits(running=self.at_once)
        if why_not_compiled(model, settings) or self.dtype == torch.float64:
            on_gpu = model.token_embedding.weight.device.type != "cpu"
            narrow = copy.deepcopy(model).to(self.dtype) if on_gpu and self.dtype == torch.bfloat16 else model
            settings = EngineSettings(weights="auto", cache_tokens=room, threads=self.threads)
            return Engine(build_runner(narrow, settings), self.tokenizer, limits=limits), undisturbed(narrow)
        return Engine(build_runner(model, settings), self.tokenizer, limits=limits), nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """The answers of one cycle: texts with their rewards, and what is known of each token.

    `samples` answers to each question stand in turn. `written`, `old` and `reference` are aligned with `texts.ids`.
    """

    number: int
    texts: GroupedSet
    rewards: np.ndarray
    """NaN: could not be judged, or was cut off where that is to be left out."""
    advantages: np.ndarray
    written: np.ndarray
    old: np.ndarray | None = None
    reference: np.ndarray | None = None
    about: dict[str, float] = field(default_factory=dict)
    """For the run's events."""


def texts_of(asked: Sequence[Question], found: Sequence[Sequence[Generation]]) -> GroupedSet:
    """Returns prompts and answers as texts of which the answer is learned, each a group of its own."""
    groups = []
    for question, samples in zip(asked, found, strict=True):
        for sample in samples:
            ids = np.array([*question.ids, *sample.ids], dtype=np.int32)
            learned = np.arange(len(ids)) >= len(question.ids)
            groups.append([Encoded(ids=ids, learned=learned, place=question.problem.place)])
    longest = max(len(group[0].ids) for group in groups)
    return grouped_set(groups, context=longest)


def statistics(rewards: np.ndarray, found: Sequence[Sequence[Generation]], samples: int) -> dict[str, float]:
    """Returns what an event tells of a cycle."""
    lengths = np.array([len(sample.ids) for group in found for sample in group])
    cut = np.array([sample.finish_reason == LENGTH for group in found for sample in group])
    groups = rewards.reshape(-1, samples)
    judged = rewards[~np.isnan(rewards)]
    equal = [len(set(group[~np.isnan(group)].tolist())) < 2 for group in groups]
    return {
        "reward": float(judged.mean()) if len(judged) else 0.0,
        "reward_deviation": float(judged.std()) if len(judged) else 0.0,
        "length": float(lengths.mean()),
        "cut": float(cut.mean()),
        "without_signal": float(np.mean(equal)),
        "left_out": int(np.isnan(rewards).sum()),
        "answers": len(rewards),
    }


def cycle_file(run_folder: Path, number: int) -> Path:
    """Returns where a cycle's tensors lie."""
    return run_folder / FOLDER / f"cycle-{number:08d}.safetensors"


def save_cycle(run_folder: Path, cycle: Cycle, told: Sequence[dict[str, Any]]) -> None:
    """Writes a cycle, and as JSON lines what was asked, answered and thought of it."""
    file = cycle_file(run_folder, cycle.number)
    file.parent.mkdir(exist_ok=True)
    tensors = {
        "ids": cycle.texts.ids,
        "learned": cycle.texts.learned.astype(np.uint8),
        "offsets": cycle.texts.offsets,
        "rewards": cycle.rewards,
        "advantages": cycle.advantages,
        "written": cycle.written,
    }
    tensors |= {name: value for name in ("old", "reference") if (value := getattr(cycle, name)) is not None}
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in told)
    write_bytes(file.with_suffix(".jsonl"), lines.encode())
    about = {"format_version": str(FORMAT_VERSION), "about": json.dumps(cycle.about)}
    write_bytes(file, safetensors.numpy.save(tensors, about))


def load_cycle(run_folder: Path, number: int) -> Cycle | None:
    """Returns a cycle that was written before, None without one."""
    file = cycle_file(run_folder, number)
    if not file.is_file():
        return None
    try:
        with safetensors.safe_open(file, framework="numpy") as opened:  # type: ignore[attr-defined]
            about = json.loads(opened.metadata()["about"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
    except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
        raise CheckpointError("tune_grpo.rollouts", file=file, detail=error) from error
    texts = GroupedSet(
        ids=tensors["ids"],
        learned=tensors["learned"].astype(bool),
        offsets=tensors["offsets"],
        sources=("",) * (len(tensors["offsets"]) - 1),
        size=1,
    )
    return Cycle(
        number=number,
        texts=texts,
        rewards=tensors["rewards"],
        advantages=tensors["advantages"],
        written=tensors["written"],
        old=tensors.get("old"),
        reference=tensors.get("reference"),
        about=about,
    )


def forget_cycles(run_folder: Path, before: int) -> None:
    """Deletes the tensors of cycles that no checkpoint can come back to; the answers stay to be read."""
    for file in (run_folder / FOLDER).glob("cycle-*.safetensors"):
        if int(file.stem.partition("-")[2]) < before:
            file.unlink(missing_ok=True)
