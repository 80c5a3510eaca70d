"""KTO's reference point: how far the model has moved on answers to other questions, measured before each step.

    z = max(0, mean of ln π(y′|x) − ln ρ(y′|x))        x of the step's examples, y′ an answer to another question

As in the paper (https://arxiv.org/abs/2402.01306, section 4.1), and over the whole step: the same whatever the
micro-batch. Which other answer an example is given is drawn once; the reference's part is on disk.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from textmill.train.parallel.rows import parts_of_rows
from textmill.train.run import Run
from textmill.tune.encoded import Encoded
from textmill.tune.grouped import GroupedStream
from textmill.tune.packing import best_fit
from textmill.tune.preference import REFERENCE, Judge
from textmill.tune.sums import text_sums


def with_other_answers(texts: Sequence[Encoded], *, seed: int) -> list[Encoded]:
    """Returns each text's question with the answer of a text that has another question.

    Where all questions are the same, the answer is just another one.
    """
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, 1], dtype=np.uint64)))
    order = generator.permutation(len(texts))
    begins = [int(np.argmax(text.learned)) for text in texts]
    questions = [text.ids[:begin].tobytes() for text, begin in zip(texts, begins, strict=True)]
    made: list[Encoded | None] = [None] * len(texts)
    for place, number in enumerate(order.tolist()):
        others = (int(order[(place + step) % len(order)]) for step in range(1, len(order)))
        other = next((one for one in others if questions[one] != questions[number]), int(order[place - 1]))
        text, answer = texts[number], texts[other]
        begin, cut = begins[number], begins[other]
        made[number] = replace(
            text,
            ids=np.concatenate([text.ids[:begin], answer.ids[cut:]]),
            learned=np.concatenate([text.learned[:begin], answer.learned[cut:]]),
        )
    return [text for text in made if text is not None]


class ReferencePoint:
    """Sets the objective's reference point before each step; `others` has the same groups as the run's stream."""

    def __init__(self, objective: Judge, stream: GroupedStream, others: GroupedStream) -> None:
        self.objective, self.stream, self.others = objective, stream, others

    def __call__(self, run: Run) -> None:
        """Measures on the rows that the step will read."""
        rows = range(run.state.rows, run.state.rows + run.rows_a_step)
        members = [group for row in rows for group in self.stream.row_examples(row)]
        packed = self._packed(members)
        sizes = (run.divided.layout.reader, run.divided.layout.readers) if run.divided else (0, 1)
        total = 0.0
        for part in parts_of_rows(len(packed), run.micro_batch, *sizes):
            if not part.counts:
                continue
            batch = self.others.batch_of(packed[part.first : part.first + part.count], run.context).to(run.device)
            with torch.no_grad():
                sums_A = text_sums(run.model, batch, run.dtype)
            total += float((sums_A - batch.extra[REFERENCE].to(sums_A.dtype)).sum())
        if run.divided:
            total = run.divided.add_up([total])[0]
        self.objective.reference_point = max(0.0, total / max(len(members), 1))

    def _packed(self, members: Sequence[int]) -> list[list[int]]:
        """Returns the groups by rows, as full as they get."""
        numbers = np.array(members, dtype=np.int64)
        sizes = self.others.groups.sizes[numbers]
        order = np.argsort(-sizes, kind="stable")
        layout = best_fit(sizes[order], self.others.context)
        placed = numbers[order][layout.places]
        return [part.tolist() for part in np.split(placed, layout.starts[1:-1])]
