"""Bits per byte against a computation one token at a time."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from textmill.errors import InputError
from textmill.evaluate import bits_per_byte as module
from textmill.evaluate.bits_per_byte import bits_per_byte, document_windows
from textmill.model.config import classic, modern
from textmill.model.gpt import GPT

CONTEXT, END = 16, 40


def make_model(preset: Callable = modern) -> GPT:
    model, generator = GPT(preset(vocabulary_size=41, context=CONTEXT, layers=1, width=32, heads=4)), torch.Generator()
    model.initialise(generator.manual_seed(0))
    with torch.no_grad():
        model.output.weight.normal_(std=0.5, generator=generator)
    return model.eval()


def make_documents(lengths: tuple[int, ...] = (0, 1, 5, 16, 17, 24, 25, 90)) -> list[tuple[list[int], int]]:
    generator = np.random.default_rng(0)
    return [(generator.integers(0, 40, length).tolist(), 3 * length) for length in lengths]


def naive_bits(model: GPT, ids: list[int]) -> float:
    """Each token from the longest context that the rule gives it."""
    row, total, half = [END, *ids], 0.0, CONTEXT // 2
    for place in range(len(ids)):  # row[place] is the last input, row[place + 1] the token
        start = 0 if place < CONTEXT else (place - half) // half * half
        while place - start >= CONTEXT:
            start += half
        logits = model(torch.tensor([row[start : place + 1]]))[0, -1].double()
        total -= float(logits.log_softmax(-1)[row[place + 1]]) / math.log(2)
    return total


@pytest.mark.parametrize("preset", [modern, classic])
@torch.no_grad()
def test_equals_one_token_at_a_time(preset: Callable) -> None:
    model, documents = make_model(preset), make_documents()
    score = bits_per_byte(model, documents, end_of_text_id=END, context=CONTEXT, keep_documents=True)
    expected = [naive_bits(model, ids) for ids, _ in documents]
    assert score.document_bits == pytest.approx(expected, rel=1e-5)
    assert score.bits == pytest.approx(sum(expected), rel=1e-5)
    assert (score.tokens, score.documents, score.bytes) == (178, 8, 534)
    assert score.value == pytest.approx(sum(expected) / 534, rel=1e-5)
    assert set(score.as_dict()) == {"value", "low", "high", "bits", "bytes", "tokens", "documents"}


@pytest.mark.parametrize("batch_tokens", [1, 40, 100_000])
def test_the_batch_does_not_matter(batch_tokens: int) -> None:
    model, documents = make_model(), make_documents()
    whole = bits_per_byte(model, documents, end_of_text_id=END, context=CONTEXT)
    score = bits_per_byte(model, documents[::-1], end_of_text_id=END, context=CONTEXT, batch_tokens=batch_tokens)
    assert score.bits == pytest.approx(whole.bits, rel=1e-6)


def test_little_memory_for_logits_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, documents = make_model(), make_documents()
    whole = bits_per_byte(model, documents, end_of_text_id=END, context=CONTEXT)
    monkeypatch.setattr(module, "LOGIT_ELEMENTS", 41 * 20)
    seen = []

    def logits_of(ids: torch.Tensor) -> torch.Tensor:
        seen.append(ids.numel())
        return model(ids)

    for scored in (model, logits_of):
        score = bits_per_byte(scored, documents, end_of_text_id=END, context=CONTEXT)
        assert score.bits == pytest.approx(whole.bits, rel=1e-6)
    assert max(seen) <= 20


@pytest.mark.parametrize("context", [1, 2, 7, 16, 33])
@pytest.mark.parametrize("length", [0, 1, 2, 15, 16, 17, 24, 25, 100])
def test_windows_score_each_token_once_with_half_a_window_before_it(length: int, context: int) -> None:
    windows = document_windows(length, context)
    scored = [place for _, end, first in windows for place in range(first, end)]
    assert scored == list(range(length))
    for index, (start, end, first) in enumerate(windows):
        assert end - start <= context
        assert (start, first) == (0, 0) if index == 0 else first - start >= context // 2


def test_autocast_is_close_and_the_mode_is_left_as_it_was() -> None:
    model = make_model().train()
    exact = bits_per_byte(model, make_documents(), end_of_text_id=END, context=CONTEXT)
    rough = bits_per_byte(model, make_documents(), end_of_text_id=END, context=CONTEXT, autocast=torch.bfloat16)
    assert model.training
    assert rough.value == pytest.approx(exact.value, rel=0.02)
    assert rough.value != exact.value


def test_progress_ends_at_the_number_of_tokens() -> None:
    calls = []
    bits_per_byte(
        make_model(),
        make_documents(),
        end_of_text_id=END,
        context=CONTEXT,
        batch_tokens=32,
        progress=lambda done, total=None, note="": calls.append((done, total)),
    )
    assert calls[-1] == (178, 178)
    assert calls == sorted(calls)


def test_interval_holds_the_value_and_shrinks_with_more_documents() -> None:
    model = make_model()
    few = bits_per_byte(model, make_documents((8,) * 5), end_of_text_id=END, context=CONTEXT)
    many = bits_per_byte(model, make_documents((8,) * 200), end_of_text_id=END, context=CONTEXT)
    for score in (few, many):
        assert score.low < score.value < score.high
    assert many.high - many.low < few.high - few.low
    again = bits_per_byte(model, make_documents((8,) * 5), end_of_text_id=END, context=CONTEXT)
    assert (again.low, again.high) == (few.low, few.high)


@pytest.mark.parametrize("documents", [[], [([], 0), ([], 0)]])
def test_no_text_is_an_error(documents: list) -> None:
    with pytest.raises(InputError):
        bits_per_byte(make_model(), documents, end_of_text_id=END, context=CONTEXT)
