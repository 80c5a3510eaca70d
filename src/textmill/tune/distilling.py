"""The task of `textmill tune distill`: a teacher, texts, and how much of the teacher is compared."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textmill.config import Settings
from textmill.errors import InputError, ModelError
from textmill.files import write_bytes
from textmill.infer.resolve import LoadedModel
from textmill.progress import Progress, silent
from textmill.train.kernels import choose_kernels
from textmill.train.objective import NextToken, Objective
from textmill.tune.distill import TOP_IDS, Distill, top_pass
from textmill.tune.encoded import EncodedSet
from textmill.tune.examples import Conversation, Problem
from textmill.tune.grouped import LEARNED, GroupedSet, GroupedStream, grouped_set
from textmill.tune.looks import TuningLooks
from textmill.tune.mask import texts_of
from textmill.tune.packing import PackedStream
from textmill.tune.passes import rows_of_a_pass
from textmill.tune.plan import context_of
from textmill.tune.prepare import Prepared, prepare
from textmill.tune.purposes import SOLVE
from textmill.tune.reference import data_hash, kept
from textmill.tune.reinforcing import problems_of, writer_of
from textmill.tune.rollouts import Question, questions
from textmill.tune.start import Task
from textmill.tune.starting_model import for_passes, frozen_copy

TOP_FILE, ANSWERS_FILE = "teacher-top.safetensors", "teacher-answers.jsonl"


class Distilling:
    """Makes the task for one student and one teacher; `folder` is the run's."""

    def __init__(
        self,
        student: LoadedModel,
        teacher: LoadedModel,
        settings: Settings,
        *,
        folder: Path,
        device: str,
        progress: Progress = silent,
    ) -> None:
        self.student, self.teacher, self.settings = student, teacher, settings
        self.folder, self.device, self.progress = folder, device, progress
        self.context = min(context_of(settings, student.model.config), teacher.model.config.context)
        self.kernels = choose_kernels(settings, device, student.model.config)

    def task(self, paths: Sequence[str | Path], *, general: Sequence[str]) -> tuple[Task, PackedStream, Prepared]:
        """Returns the task, its stream and what was read; ModelError for a teacher with another vocabulary."""
        by_text = self.settings.distill.answers == "teacher"
        if not by_text and self.teacher.tokenizer.hash != self.student.tokenizer.hash:
            raise ModelError("tune_distill.vocabulary", teacher=self.teacher.name, student=self.student.name)
        if by_text:
            groups, held_out, found = self._written(paths)
        else:
            found = prepare(paths, self.student.tokenizer, self.settings, context=self.context, progress=self.progress)
            groups = self._groups(text for row in found.training for text in row.texts)
            held_out = self._groups(text for row in found.held_out for text in row.texts)
        if not len(groups):
            raise InputError("tune_preference.too_few", count=0)
        objective, columns = (NextToken(), {}) if by_text else self._compared(groups)
        stream = self._stream(groups, columns)
        task = Task(
            objective=objective,
            stream=stream,
            context=self.context,
            data={"examples": data_hash(groups, self.teacher.name, self.teacher.step)},
            looks=TuningLooks(held_out=self._stream(held_out, {}) if len(held_out) else None, general=tuple(general)),
        )
        return task, stream, found

    def _groups(self, texts: Any) -> GroupedSet:
        alone = [[text] for text in texts]
        return grouped_set(alone, context=self.context, too_long=self.settings.tune.too_long)

    def _stream(self, groups: GroupedSet, columns: dict[str, np.ndarray]) -> GroupedStream:
        return GroupedStream(
            groups,
            seed=self.settings.train.seed,
            context=self.context,
            padding_id=self.student.tokenizer.end_of_text_id,
            token_columns=columns,
            counts=LEARNED,
        )

    def _compared(self, groups: GroupedSet) -> tuple[Objective, dict[str, np.ndarray]]:
        """Returns the objective, and of a teacher on disk its columns."""
        ours = self.settings.distill
        options: dict[str, Any] = {"temperature": float(ours.temperature), "text_weight": float(ours.text_weight)}
        if not ours.top:
            teacher = frozen_copy(self.teacher.model, self.kernels.dtype).to(self.kernels.device)
            return Distill(teacher=teacher, **options), {}
        size = self.student.model.config.vocabulary_size

        def compute() -> dict[str, np.ndarray]:
            model = frozen_copy(self.teacher.model, self.kernels.dtype).to(self.kernels.device)
            return top_pass(
                model,
                self._stream(groups, {}),
                top=min(ours.top, size),
                size=size,
                temperature=float(ours.temperature),
                device=self.kernels.device,
                rows_at_a_time=rows_of_a_pass(self.kernels.device, self.context),
                progress=self.progress,
            )

        of = data_hash(groups, self.teacher.name, self.teacher.step, ours.top, ours.temperature, self.context)
        columns = kept(self.folder / TOP_FILE, of, compute, may_compute=True)
        assert TOP_IDS in columns
        return Distill(teacher=None, **options), columns

    def _written(self, paths: Sequence[str | Path]) -> tuple[GroupedSet, GroupedSet, Prepared]:
        """Returns the teacher's own answers to the questions of the data as texts of the student."""
        options: dict[str, Any] = {"context": self.context, "purpose": SOLVE}
        found = prepare(paths, self.student.tokenizer, self.settings, progress=self.progress, **options)
        sets = []
        for name, rows in (("training", found.training), ("held-out", found.held_out)):
            room = {"context": self.teacher.model.config.context, "max_tokens": self.settings.grpo.max_tokens}
            asked = questions(self.teacher.tokenizer, problems_of(rows), **room)
            answers = self._answers(f"{name}-{ANSWERS_FILE}", asked)
            pairs = zip(asked, answers, strict=True)
            told = [_conversation(question.problem, answer) for question, answer in pairs if answer.strip()]
            sets.append(self._groups(text for each in told for text in texts_of(self.student.tokenizer, each)))
        return sets[0], sets[1], found

    def _answers(self, name: str, asked: Sequence[Question]) -> list[str]:
        """Returns the teacher's answers, from the run's folder where they are of these questions."""
        file = self.folder / name
        of = data_hash(_asked_set(asked), self.teacher.name, self.teacher.step, self.settings.grpo)
        if file.is_file():
            first, *lines = file.read_text(encoding="utf-8").splitlines()
            if json.loads(first).get("of") == of:
                return [json.loads(line)["answer"] for line in lines]
        writer = writer_of(self.settings, self.teacher.tokenizer, self.kernels)
        seed = self.settings.train.seed
        seeds = [seed + number for number in range(len(asked))]
        with for_passes(self.teacher.model, self.settings, self.device), torch.inference_mode():
            found = writer.write(self.teacher.model, asked, samples=1, seeds=seeds) if asked else []
        answers = [samples[0].text for samples in found]
        lines = [json.dumps({"of": of})]
        lines += [
            json.dumps({"question": each.problem.messages[-1].get("content"), "answer": answer}, ensure_ascii=False)
            for each, answer in zip(asked, answers, strict=True)
        ]
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, "".join(line + "\n" for line in lines).encode())
        return answers


def _conversation(problem: Problem, answer: str) -> Conversation:
    said = {"role": "assistant", "content": answer}
    return Conversation(
        place=problem.place,
        source=problem.source,
        messages=(*problem.messages, said),
        tools=problem.tools,
        learned=frozenset((len(problem.messages),)),
    )


def _asked_set(asked: Sequence[Question]) -> EncodedSet:
    lengths = [len(question.ids) for question in asked]
    ids = np.array([id for question in asked for id in question.ids], dtype=np.int32)
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64)
    return EncodedSet(ids=ids, learned=np.zeros(len(ids), dtype=bool), offsets=offsets, sources=("",) * len(asked))
