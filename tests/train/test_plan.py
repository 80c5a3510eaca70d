"""The dial: budgets as people write them, and choices that keep what the user chose."""

from collections.abc import Callable

import pytest

from textmill.config import Settings
from textmill.errors import UsageError
from textmill.project import Project
from textmill.train import plan
from textmill.train.budget import Budget, parse_budget
from textmill.train.start import Kernels

KERNELS = Kernels(device="cpu", precision="fp32", compile=False, threads=1)


@pytest.mark.parametrize(
    ("text", "seconds", "tokens"),
    [
        ("10m", 600, 0),
        ("2h", 7200, 0),
        ("1h30m", 5400, 0),
        ("90s", 90, 0),
        ("1.5h", 5400, 0),
        ("1d", 86400, 0),
        ("100M tokens", 0, 100_000_000),
        ("2.5k tokens", 0, 2500),
        ("1B tok", 0, 1_000_000_000),
    ],
)
def test_budgets(text: str, seconds: float, tokens: int) -> None:
    assert parse_budget(text) == Budget(seconds=float(seconds), tokens=tokens)


@pytest.mark.parametrize("text", ["", "ten minutes", "0m", "-5m", "10", "0 tokens", "5 apples"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(UsageError):
        parse_budget(text)


def make(budget: Budget, reached: float, monkeypatch: pytest.MonkeyPatch, **chosen: object) -> plan.Plan:
    monkeypatch.setattr(plan, "measure_training", lambda *words, **more: reached)
    monkeypatch.setattr(plan, "gemm_peak", lambda *words, **more: 2 * reached)
    settings = Settings().replace({name.replace("__", "."): value for name, value in chosen.items()})
    return plan.make_plan(
        budget,
        settings,
        kernels=KERNELS,
        vocabulary_size=8192,
        data_tokens=10_000_000,
        chosen=lambda name: name.replace(".", "__") in chosen,
    )


def test_more_budget_or_a_faster_machine_gives_a_larger_model(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [make(Budget(seconds=float(s)), 1e11, monkeypatch).parameters for s in (120, 600, 3600, 36_000)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    slow, fast = (make(Budget(seconds=600.0), rate, monkeypatch) for rate in (1e11, 1e13))
    assert slow.parameters < fast.parameters
    tokens = make(Budget(tokens=100_000_000), 1e11, monkeypatch)
    assert tokens.steps * tokens.changes["train.batch_tokens"] == pytest.approx(1e8, rel=0.01)


def test_what_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(Budget(seconds=600.0), 1e11, monkeypatch, model__layers=3, model__context=128, train__batch_tokens=1024)
    assert not {"model.layers", "model.width", "model.context", "train.batch_tokens"} & set(made.changes)
    assert made.steps == made.changes["train.steps"]


def test_the_plan_command(run_textmill: Callable, project: Project) -> None:
    result = run_textmill("plan", "--budget", "5m", "--json", cwd=project.root.parent).ok().document
    assert {"parameters", "steps", "tokens", "tokens_per_second", "seconds", "memory_bytes"} <= result.keys()
    assert result["settings"]["train"]["steps"] == result["steps"]
    shown = run_textmill("plan", "--budget", "5m", "--ui-language", "zh", cwd=project.root.parent).ok()
    assert "模型" in shown.out
