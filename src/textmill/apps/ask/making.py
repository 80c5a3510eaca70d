"""Makes a judge of questions out of pairs, says what it is worth on those held out, and when to refuse.

    pairs ─▶ which query was meant ─▶ lessons ─▶ weights ─▶ held out: how often right, beside words alone
                                                         └▶ how likely an answer must be to be given

The least likelihood is where the most of the held-out questions end well: a right answer, or a refusal once what is
asked for is taken away (three in ten, as in life more is asked than a graph holds).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from textmill.apps.ask.candidates import Candidate, candidates
from textmill.apps.ask.cues import cues_of
from textmill.apps.ask.lessons import Pair, Teacher, Understood
from textmill.apps.ask.trained import TrainedJudge
from textmill.apps.ask.training import train
from textmill.apps.ask.weighing import Judge, WordsAlone, masked
from textmill.apps.graph.store import EmbeddedGraph
from textmill.errors import InputError
from textmill.evaluate.intervals import wilson

LEAST_LESSONS = 20
MEASURED = 400
"""Held-out questions that are asked to find out what a judge is worth."""
UNANSWERABLE = 0.3
MOST_STEPS_LOOKED = 2
GRID = tuple(step / 50 for step in range(1, 50))
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Made:
    """A judge, and what is to be known of it."""

    judge: TrainedJudge
    figures: dict[str, Any]
    left_out: Counter[str] = field(default_factory=Counter)
    lessons: int = 0
    held_out: int = 0

    @property
    def use(self) -> str:
        """The way that is right more often on what was held out: trained, or words alone."""
        ours, theirs = (self.figures[way]["accuracy"] for way in ("trained", "words"))
        return "trained" if ours >= theirs else "words"


def make_judge(
    graph: EmbeddedGraph,
    pairs: Sequence[Pair],
    *,
    seed: int = 0,
    progress: Progress = lambda stage, done, total: None,
) -> Made:
    """Returns a judge of these pairs; InputError where there is too little to learn from."""
    teacher = Teacher(graph)
    found = teacher.understood(pairs, lambda done, total: progress("understood", done, total))
    learned = [each for each in found if not each.pair.held_out]
    held_out = [each for each in found if each.pair.held_out]
    if len(learned) < LEAST_LESSONS:
        raise InputError("ask.few_pairs", least=LEAST_LESSONS, got=len(learned), pairs=len(pairs))
    lessons = teacher.lessons(learned, seed)
    weights = train(lessons, teacher.lessons(held_out[:MEASURED], seed), teacher.reader.parts, seed=seed,
                    progress=lambda done, total: progress("trained", done, total))  # fmt: skip
    counted = Counter(one.shape for each in learned for one in each.meant)
    steps = max((len(shape.patterns) for shape in counted), default=1)
    judge = TrainedJudge(graph, weights, [shape for shape, _ in counted.most_common()], likely=0.0,
                         most_steps=min(steps, MOST_STEPS_LOOKED))  # fmt: skip
    figures = {"trained": measured(teacher, judge, held_out), "words": measured(teacher, WordsAlone(graph), held_out)}
    judge.likely = figures["trained"].pop("likely")
    figures["words"].pop("likely")
    return Made(judge, figures, teacher.left_out, len(learned), len(held_out))


def measured(teacher: Teacher, judge: Judge, held_out: Sequence[Understood]) -> dict[str, Any]:
    """Returns how often a judge puts what is meant first, and from which likelihood on it should answer."""
    outcomes = [outcome(teacher, judge, each) for each in held_out[:MEASURED]]
    right = wilson(sum(hit for hit, _, _ in outcomes), max(1, len(outcomes)))

    def worth(likely: float) -> float:
        answered = sum(hit and best >= likely for hit, best, _ in outcomes)
        refused = sum(other < likely for _, _, other in outcomes)
        return (1 - UNANSWERABLE) * answered + UNANSWERABLE * refused

    likely = max(GRID, key=lambda value: (round(worth(value), 6), -value))
    figures = {"accuracy": right.value, "low": right.low, "high": right.high, "questions": len(outcomes)}
    return figures | {"ends_well": worth(likely) / max(1, len(outcomes)), "likely": likely}


def outcome(teacher: Teacher, judge: Judge, each: Understood) -> tuple[bool, float, float]:
    """Returns whether what is meant comes first, how likely the first is, and how likely without what is meant."""
    question = each.pair.question
    cues = cues_of(masked(question, each.mentions, [" "] * len(each.mentions)))
    near = candidates(teacher.around, each.mentions, cues, judge.most_steps)
    options: dict[Any, Candidate] = {one.query: one for one in near}
    options |= {one.query: one for one in judge.proposed(question, each.mentions, cues)}
    meant = {one.query for one in each.meant}
    weights = judge.weighed(question, cues, list(options.values()))
    ranked = sorted(zip(weights, options, strict=True), key=lambda pair: -pair[0])
    other = next((weight for weight, query in ranked if query not in meant), 0.0)
    return bool(ranked) and ranked[0][1] in meant, ranked[0][0] if ranked else 0.0, other
