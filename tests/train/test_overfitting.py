"""The watch speaks when held-out text gets worse by more than chance, and not before; a run is told so."""

from collections.abc import Callable

import numpy as np
import pytest

from textmill.evaluate.bits_per_byte import BitsPerByte
from textmill.project import Project
from textmill.tokenizer.tokens import TokenSplit
from textmill.train.events import read_events
from textmill.train.overfitting import Watch

SIZES = np.full(40, 100)


def score(bits: np.ndarray) -> BitsPerByte:
    value = float(bits.sum() / SIZES[: len(bits)].sum())
    documents = tuple(map(float, bits))
    return BitsPerByte(
        bits=float(bits.sum()),
        tokens=1,
        documents=len(bits),
        bytes=100,
        value=value,
        low=0.0,
        high=9.0,
        document_bits=documents,
    )


def test_only_what_is_more_than_chance_is_told() -> None:
    random = np.random.default_rng(0)
    base = 100 + 30 * random.normal(size=40)
    asked = []

    def trained_on() -> BitsPerByte:
        asked.append(None)
        return score(base * 0.5)

    watch = Watch()
    assert watch.compare(10, score(base), SIZES, trained_on) == {}
    assert watch.compare(20, score(base + random.normal(size=40)), SIZES, trained_on) == {}, "up and down"
    assert asked == [], "text trained on is scored only when there is something to tell"
    found = watch.compare(30, score(base * 1.02 + random.normal(size=40)), SIZES, trained_on)
    assert found["best_step"] in (10, 20)
    assert 0 < found["low"] < found["worse_by"] < found["high"]
    assert found["gap"] == pytest.approx(found["held_out"] - found["training"])
    better = Watch(step=1, best=watch.best, bits=watch.bits)
    assert better.compare(40, score(base * 0.9), SIZES, trained_on) == {}
    assert better.step == 40


def test_few_documents_say_nothing() -> None:
    watch = Watch()
    for factor in (1.0, 2.0):
        assert watch.compare(1, score(np.full(4, 100.0) * factor), SIZES[:4], lambda: pytest.fail("not asked")) == {}


def test_a_run_that_learns_by_heart_is_told_so(
    train: Callable, small_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held-out documents get worse from one evaluation to the next, those trained on are twice as good."""
    from textmill.train import loop

    level = iter([1.0, 1.2])

    def measure(model: object, split: TokenSplit, *_: object, **__: object) -> BitsPerByte:
        trained_on = len(split) > 20
        factor = 0.5 if trained_on else next(level)
        return score(np.linspace(90, 110, 12) * factor)

    monkeypatch.setattr(loop, "measure", measure)
    monkeypatch.setattr(loop, "sizes_of", lambda *_: np.full(12, 100))
    result = train().ok()
    (told,) = [event for event in read_events(small_project.runs / "main") if event["type"] == "overfitting"]
    assert told["step"] == 8 and told["best_step"] == 4
    assert told["gap"] == pytest.approx(1.2 - 0.5, rel=0.01)
    assert "main@best" in result.err
