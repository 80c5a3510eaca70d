"""Filters against transformers' own, and the draw."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from textmill.config import GenerateSettings
from textmill.errors import ModelError, SettingsError, UsageError
from textmill.infer.sampling import (
    SamplingSettings,
    apply_temperature,
    draw,
    filter_logits,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    sample_tokens,
    uniform,
)

NO_FILTER = {"temperature": 1.0, "top_p": 1.0}


def random_logits(rows: int = 16, vocabulary: int = 500, scale: float = 3.0) -> Tensor:
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(3)) * scale


def theirs(name: str, value: float, logits: Tensor, ids: Tensor | None = None) -> Tensor:
    from transformers.generation import logits_process

    processor = getattr(logits_process, name)(value)
    return processor(torch.zeros(logits.shape[0], 1, dtype=torch.long) if ids is None else ids, logits.clone())


@pytest.mark.parametrize(
    ("ours", "name", "values"),
    [
        (keep_top_k, "TopKLogitsWarper", (1, 2, 50, 499, 500, 10_000)),
        (keep_top_p, "TopPLogitsWarper", (0.0, 1e-6, 0.1, 0.5, 0.9, 0.95, 0.999)),
        (keep_min_p, "MinPLogitsWarper", (0.0, 0.001, 0.05, 0.5, 1.0)),
    ],
)
@pytest.mark.parametrize("scale", [0.01, 3.0, 40.0])
def test_kept_sets_and_values_equal_transformers(
    ours: Callable[..., Tensor], name: str, values: tuple[float, ...], scale: float
) -> None:
    logits = random_logits(scale=scale)
    for value in values:
        kept = ours(logits, value)
        assert torch.equal(kept, theirs(name, value, logits)), (name, value)
        assert torch.isfinite(kept).any(dim=-1).all(), "one token is always left"


def test_switched_off_filters_change_nothing() -> None:
    logits = random_logits(scale=40)
    assert filter_logits(logits, SamplingSettings(temperature=1.0, top_p=1.0)).equal(
        logits - logits.amax(-1, keepdim=True)
    )
    assert keep_top_k(logits, 0) is keep_top_p(logits, 1.0) is keep_min_p(logits, 0.0) is logits


@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.3, 10.0])
def test_repetition_penalty_equals_transformers(penalty: float) -> None:
    logits = random_logits()
    ids = torch.randint(0, 500, (16, 40), generator=torch.Generator().manual_seed(1))
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, ids, True)
    expected = theirs("RepetitionPenaltyLogitsProcessor", penalty, logits, ids)
    assert torch.equal(penalize_repetition(logits, seen, penalty), expected)


@pytest.mark.parametrize("temperature", [0.1, 0.8, 1.0, 2.0, 100.0])
def test_temperature_gives_transformers_distribution(temperature: float) -> None:
    logits = random_logits()
    expected = theirs("TemperatureLogitsWarper", temperature, logits).softmax(dim=-1)
    torch.testing.assert_close(apply_temperature(logits, temperature).softmax(dim=-1), expected)


def test_whole_chain_equals_transformers() -> None:
    from transformers.generation import logits_process as theirs_

    logits = random_logits()
    ids = torch.randint(0, 500, (16, 40), generator=torch.Generator().manual_seed(1))
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, ids, True)
    settings = SamplingSettings(temperature=1.5, top_k=80, top_p=0.9, min_p=0.02, repetition_penalty=1.2)
    expected = logits
    for processor in (
        theirs_.RepetitionPenaltyLogitsProcessor(1.2),
        theirs_.TemperatureLogitsWarper(1.5),
        theirs_.TopKLogitsWarper(80),
        theirs_.TopPLogitsWarper(0.9),
        theirs_.MinPLogitsWarper(0.02),
    ):
        expected = processor(ids, expected)
    ours = filter_logits(logits, settings, seen)
    assert torch.equal(torch.isfinite(ours), torch.isfinite(expected))
    torch.testing.assert_close(ours.softmax(dim=-1), expected.softmax(dim=-1))


def test_draws_follow_the_distribution() -> None:
    """Chi-square over 40,000 draws of 12 classes: 99.9% of right samplers stay below 31.3 at 11 degrees of freedom."""
    logits = torch.tensor([[2.0, 1.0, 0.5, 0.0, -1.0, -2.0, 1.5, 0.3, -0.5, 0.9, -math.inf, 0.1, 0.2]])
    count = 40_000
    numbers = torch.tensor([uniform(1, place) for place in range(count)], dtype=torch.float64)
    drawn = draw(logits.expand(count, -1), numbers)
    observed = torch.bincount(drawn, minlength=13).double()
    expected = logits[0].double().softmax(dim=0) * count
    assert observed[10] == 0
    possible = expected > 0
    assert float((((observed - expected) ** 2) / expected)[possible].sum()) < 31.3


def test_draw_at_the_ends_of_the_unit_interval() -> None:
    logits = torch.tensor([[-math.inf, 0.0, -math.inf, 0.0, -math.inf, -math.inf]])
    for number, expected in ((0.0, 1), (0.49999, 1), (0.5, 3), (1 - 2.0**-53, 3), (1.0, 3)):
        assert draw(logits, torch.tensor([number], dtype=torch.float64)).item() == expected
    flat = torch.zeros(1, 100_003)
    assert draw(flat, torch.tensor([1 - 2.0**-53], dtype=torch.float64)).item() == 100_002


def test_uniform_numbers_are_fixed_for_ever() -> None:
    numbers = [uniform(seed, place) for seed in range(20) for place in range(500)]
    assert len(set(numbers)) == 10_000
    assert all(0 <= number < 1 for number in numbers)
    assert abs(sum(numbers) / 10_000 - 0.5) < 0.01
    assert uniform(7, 3) == FIXED_NUMBER


FIXED_NUMBER = 0.9903098485684205


def test_greedy_takes_the_first_best_token() -> None:
    logits = torch.tensor([[0.0, 5.0, 5.0, 1.0], [9.0, 5.0, 5.0, 1.0]])
    for temperature in (0.0, 1e-6, 1e-300):
        settings = SamplingSettings(temperature=temperature)
        ids, log_probabilities = sample_tokens(logits, settings, torch.tensor([0.9, 0.9]))
        assert ids.tolist() == [1, 0]
        torch.testing.assert_close(log_probabilities, logits.log_softmax(-1)[[0, 1], [1, 0]])
        assert filter_logits(logits, settings).softmax(-1).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("changes", [{"top_p": 0.0}, {"top_k": 1}, {"min_p": 1.0}, {"temperature": 1.1e-5}])
def test_settings_that_leave_one_token_equal_greedy(changes: dict[str, float]) -> None:
    logits = random_logits()
    settings = SamplingSettings(**{**NO_FILTER, **changes})  # type: ignore[arg-type]
    numbers = torch.rand(16, generator=torch.Generator().manual_seed(0))
    ids, _ = sample_tokens(logits, settings, numbers)
    assert torch.equal(ids, logits.argmax(dim=-1))


def test_extreme_scores_and_temperatures_stay_finite() -> None:
    for scale in (1e-30, 1.0, 1e30, 3e38):
        logits = torch.tensor([[1.0, 0.5, -1.0, -0.2]]) * scale
        for temperature in (1e-5, 1.0, 100.0):
            ids, _ = sample_tokens(logits, SamplingSettings(temperature=temperature), torch.tensor([0.5]))
            assert 0 <= ids.item() < 4
    flat = apply_temperature(random_logits(), 100.0).softmax(-1)
    assert float(flat.max() / flat.min()) < 1.5


@pytest.mark.parametrize("row", [[0.0, math.nan], [math.inf, 0.0], [-math.inf, -math.inf]])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_scores_that_are_no_numbers_are_an_error(row: list[float], temperature: float) -> None:
    with pytest.raises(ModelError) as caught:
        sample_tokens(torch.tensor([[0.0, 1.0], row]), SamplingSettings(temperature=temperature), torch.rand(2))
    assert caught.value.key == "infer.not_finite"


def test_rows_do_not_depend_on_each_other() -> None:
    logits = random_logits()
    numbers = torch.tensor([uniform(5 + row, 0) for row in range(16)], dtype=torch.float64)
    settings = SamplingSettings(top_k=40, top_p=0.9, min_p=0.01)
    together, log_probabilities = sample_tokens(logits, settings, numbers)
    for row in range(16):
        alone, log_probability = sample_tokens(logits[row : row + 1], settings, numbers[row : row + 1])
        assert alone.item() == together[row].item()
        assert log_probability.item() == log_probabilities[row].item()


def test_bfloat16_scores_are_drawn_in_float32() -> None:
    ids, log_probabilities = sample_tokens(random_logits().bfloat16(), SamplingSettings(), torch.rand(16))
    assert ids.shape == (16,)
    assert log_probabilities.dtype == torch.float32


def test_settings_check_themselves() -> None:
    for wrong in ({"temperature": -1.0}, {"top_p": 1.5}, {"max_tokens": 0}, {"seed": -2}):
        with pytest.raises(SettingsError):
            SamplingSettings(**wrong)  # type: ignore[arg-type]
    for wrong in ({"n": 0}, {"stop": ("a", "")}):
        with pytest.raises(UsageError):
            SamplingSettings(**wrong)  # type: ignore[arg-type]
    settings = SamplingSettings.of(GenerateSettings(temperature=0.3, top_k=7, seed=4), n=2, stop=("\n",))
    assert (settings.temperature, settings.top_k, settings.seed, settings.n, settings.stop) == (0.3, 7, 4, 2, ("\n",))
    assert SamplingSettings.of(GenerateSettings()) == SamplingSettings(), "one set of defaults"
    assert settings.seeded() is settings
    assert SamplingSettings().seeded().seed >= 0
