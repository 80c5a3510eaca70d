r"""What an answer is worth: rewards that a machine can verify.

    exact                 the final answer is the problem's (`final_answer`: \boxed{…}, ####, the last number; or words)
    regex=PATTERN         the pattern is somewhere in the answer; {answer} in it stands for the problem's answer
    schema=FILE.json      the answer, or its last fenced block, is JSON that fits the schema
    tests                 the answer's code passes the row's unit tests, in the sandbox (with --allow-code-execution)
    FILE.py:FUNCTION      your own: function(answer, row) → a number, or True and False; row is the data's whole row

A number and * before it weigh it: "0.2*regex=<think>.*</think>". The reward is the weighted sum. Your own function is
only ever taken from the command line, never from a settings file that came with a project.

A reward that raises, or takes longer than it may, is an error that says where, or with `bad` = "skip" an answer that is
left out and counted.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from textmill.errors import InputError, TrainingError, UsageError
from textmill.sandbox.program import Limits, Program
from textmill.sandbox.run import require_sandbox, run_programs
from textmill.tokenizer.template_process import TemplateProcess
from textmill.tune.examples import Problem
from textmill.tune.final_answer import same_answer
from textmill.tune.json_schema import unknown_keywords

WEIGHTED = re.compile(r"(?P<weight>\d+(?:\.\d+)?|\.\d+)\*(?P<rest>.+)", re.DOTALL)
OWN_FUNCTION = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)")
CODE_BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL)
KINDS = "exact, regex=PATTERN, schema=FILE.json, tests, FILE.py:FUNCTION"
STOP, SKIP = "stop", "skip"


class BadReward(Exception):
    """A reward could not be had; `detail` is what happened."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@runtime_checkable
class Reward(Protocol):
    """Judges answers."""

    name: str

    def check(self, problems: Sequence[Problem]) -> None:
        """Raises InputError where a problem has not what this reward needs."""
        ...

    def scores(self, problems: Sequence[Problem], answers: Sequence[str]) -> list[float | BadReward]:
        """Returns what each answer to its problem is worth."""
        ...

    def close(self) -> None:
        """Ends what was started."""
        ...


class Exact:
    """1 where the final answer is the problem's."""

    name = "exact"

    def check(self, problems: Sequence[Problem]) -> None:
        """Every problem must have an answer."""
        for problem in problems:
            if not problem.answer.strip():
                raise InputError("tune_reward.no_answer", reward=self.name, place=problem.place)

    def scores(self, problems: Sequence[Problem], answers: Sequence[str]) -> list[float | BadReward]:
        """Returns 1 or 0 for each."""
        pairs = zip(problems, answers, strict=True)
        return [float(same_answer(answer, problem.answer)) for problem, answer in pairs]

    def close(self) -> None:
        """Nothing was started."""


class UnitTests:
    """1 where the code of the answer passes the row's tests in the sandbox."""

    name = "tests"

    def __init__(self, *, allowed: bool, limits: Limits | None = None) -> None:
        require_sandbox(allowed=allowed)
        self.allowed, self.limits = allowed, limits or Limits()

    def check(self, problems: Sequence[Problem]) -> None:
        """Every row must have tests."""
        for problem in problems:
            if not unit_tests_of(problem.row).strip():
                raise InputError("tune_reward.no_tests", place=problem.place)

    def scores(self, problems: Sequence[Problem], answers: Sequence[str]) -> list[float | BadReward]:
        """Returns 1 or 0 for each."""
        pairs = zip(problems, answers, strict=True)
        programs = [Program(code=code_in(answer), tests=unit_tests_of(problem.row)) for problem, answer in pairs]
        outcomes = run_programs(programs, allowed=self.allowed, limits=self.limits)
        return [float(outcome.passed) for outcome in outcomes]

    def close(self) -> None:
        """Nothing was started."""


def code_in(answer: str) -> str:
    """Returns the code of an answer: its last fenced block, or all of it."""
    blocks = CODE_BLOCK.findall(answer)
    return blocks[-1] if blocks else answer


def unit_tests_of(row: Mapping[str, Any]) -> str:
    """Returns a row's unit tests: `tests`, `test` or `test_list`, a text or a list of lines.

    Before them stands `test_setup_code` (as MBPP has it), behind them check(`entry_point`) (as HumanEval asks for it).
    """
    found = next((row[name] for name in ("tests", "test", "test_list") if row.get(name)), "")
    lines = [str(row.get("test_setup_code") or ""), *([found] if isinstance(found, str) else map(str, found))]
    if row.get("entry_point") and "def check(" in lines[-1]:
        lines.append(f"check({row['entry_point']})")
    return "\n".join(lines)


class Apart:
    """A reward in a process of its own, which is killed and started again when an answer takes too long."""

    def __init__(self, name: str, *, seconds: float, first: Mapping[str, Any] | None = None) -> None:
        self.name, self.seconds, self.first = name, seconds, first
        self._process: TemplateProcess | None = None

    def check(self, problems: Sequence[Problem]) -> None:
        """Nothing is needed of a problem."""

    def request(self, problem: Problem, answer: str) -> dict[str, Any]:
        """Returns what the process is asked."""
        return {"answer": answer, "row": dict(problem.row)}

    def scores(self, problems: Sequence[Problem], answers: Sequence[str]) -> list[float | BadReward]:
        """Returns what each is worth."""
        return [self._score(self.request(*pair)) for pair in zip(problems, answers, strict=True)]

    def _score(self, request: Mapping[str, Any]) -> float | BadReward:
        process = self.started()
        line = process.ask(json.dumps(request, default=str).encode())
        if not line:
            ended = process.process.poll()
            self.close()
            return BadReward(f"> {self.seconds:g} s" if ended is None else f"exit code {ended}")
        reply = json.loads(line)
        return reply["reward"] if "reward" in reply else BadReward(reply["error"])

    def started(self) -> TemplateProcess:
        """Returns the process, with the function loaded; raises UsageError where that cannot be."""
        if self._process is None:
            self._process = TemplateProcess("textmill.tune.reward_process", most_waiting=self.seconds)
            line = self._process.ask(json.dumps(self.first).encode()) if self.first else b"{}"
            reply = json.loads(line) if line else {"error": f"> {self.seconds:g} s"}
            if "error" in reply:
                self.close()
                raise UsageError("tune_reward.function", reward=self.name, detail=reply["error"])
        return self._process

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.close()
            self._process = None


class Pattern(Apart):
    """1 where a pattern is in the answer."""

    def __init__(self, pattern: str, *, seconds: float) -> None:
        super().__init__(f"regex={pattern}", seconds=seconds)
        self.pattern = pattern
        try:
            re.compile(self.filled("x"))
        except re.error as error:
            raise UsageError("tune_reward.pattern", pattern=pattern, detail=error) from error

    def filled(self, answer: str) -> str:
        """Returns the pattern with a problem's answer in it."""
        return self.pattern.replace("{answer}", re.escape(answer.strip()))

    def request(self, problem: Problem, answer: str) -> dict[str, Any]:
        """Returns the pattern and the answer."""
        return {"pattern": self.filled(problem.answer), "answer": answer}


class FitsSchema(Apart):
    """1 where the answer is JSON that fits a schema."""

    def __init__(self, file: Path, *, seconds: float) -> None:
        super().__init__(f"schema={file}", seconds=seconds)
        try:
            self.schema = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError("tune_reward.schema", file=file, detail=error) from error
        unknown = unknown_keywords(self.schema)
        if unknown:
            raise InputError("tune_reward.schema", file=file, detail=", ".join(unknown))

    def request(self, problem: Problem, answer: str) -> dict[str, Any]:
        """Returns the schema and the answer."""
        return {"schema": self.schema, "answer": answer}


def own_function(file: str, function: str, *, seconds: float) -> Apart:
    """Returns the reward of a person's own function; raises UsageError where it cannot be loaded."""
    path = Path(file).expanduser()
    if not path.is_file():
        raise UsageError("tune_reward.function", reward=f"{file}:{function}", detail=f"{path}?")
    reward = Apart(f"{file}:{function}", seconds=seconds, first={"file": str(path), "function": function})
    reward.started()
    return reward


@dataclass(slots=True, kw_only=True)
class Rewards:
    """Several rewards, weighed and added; `skipped` counts answers that could not be judged."""

    parts: list[tuple[float, Reward]]
    bad: str = STOP
    skipped: int = 0
    seen: dict[str, float] = field(default_factory=dict)
    """The mean of each part over the answers judged last."""

    def check(self, problems: Sequence[Problem]) -> None:
        """Raises InputError where a problem has not what a reward needs."""
        for _, reward in self.parts:
            reward.check(problems)

    def scores(self, problems: Sequence[Problem], answers: Sequence[str]) -> list[float | None]:
        """Returns each answer's reward, None for one that could not be judged and is left out."""
        totals: list[float | None] = [0.0] * len(answers)
        for weight, reward in self.parts:
            found = reward.scores(problems, answers)
            good = [score for score in found if not isinstance(score, BadReward)]
            self.seen[reward.name] = sum(good) / len(good) if good else 0.0
            for index, score in enumerate(found):
                before = totals[index]
                if isinstance(score, BadReward):
                    self._bad(reward, problems[index], score)
                    totals[index] = None
                elif before is not None:
                    totals[index] = before + weight * score
        self.skipped += sum(total is None for total in totals)
        return totals

    def _bad(self, reward: Reward, problem: Problem, score: BadReward) -> None:
        if self.bad == STOP:
            raise TrainingError("tune_reward.failed", reward=reward.name, place=problem.place, detail=score.detail)

    def close(self) -> None:
        """Ends what was started."""
        for _, reward in self.parts:
            reward.close()


def parse_rewards(
    words: Sequence[str], *, allowed: bool, seconds: float, bad: str = STOP, limits: Limits | None = None
) -> Rewards:
    """Returns the rewards that words ask for; `allowed`: code of answers may run. Raises UsageError, InputError."""
    parts: list[tuple[float, Reward]] = []
    for word in words:
        match = WEIGHTED.fullmatch(word.strip())
        weight, rest = (float(match["weight"]), match["rest"]) if match else (1.0, word.strip())
        parts.append((weight, _reward(rest, allowed=allowed, seconds=seconds, limits=limits)))
    if not parts:
        raise UsageError("tune_reward.none", kinds=KINDS)
    return Rewards(parts=parts, bad=bad)


def _reward(word: str, *, allowed: bool, seconds: float, limits: Limits | None) -> Reward:
    kind, mark, rest = word.partition("=")
    own = OWN_FUNCTION.fullmatch(word)
    if word == "exact":
        return Exact()
    if word == "tests":
        return UnitTests(allowed=allowed, limits=limits)
    if kind == "regex" and mark and rest:
        return Pattern(rest, seconds=seconds)
    if kind == "schema" and mark and rest:
        return FitsSchema(Path(rest).expanduser(), seconds=seconds)
    if own:
        return own_function(own["file"], own["function"], seconds=seconds)
    raise UsageError("tune_reward.unknown", reward=word, kinds=KINDS)
