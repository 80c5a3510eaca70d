"""The compiled draw gives the tokens of the torch one, for every filter and their combinations."""

import math

import pytest
import torch

from textmill.errors import ModelError, UsageError
from textmill.infer.native.draw import RowDrawer
from textmill.infer.sampling import SamplingSettings, draw, filter_logits
from textmill.kernels.build import can_build_inference, inference_library

pytestmark = pytest.mark.skipif(not can_build_inference()[0], reason=str(can_build_inference()[1]))

FILTERS = [
    {},
    {"top_p": 0.9},
    {"top_p": 0.999},
    {"top_p": 0.0},
    {"top_k": 1},
    {"top_k": 40},
    {"top_k": 5000},
    {"min_p": 0.05},
    {"min_p": 1e-12},
    {"top_k": 50, "top_p": 0.8},
    {"top_k": 50, "top_p": 0.9, "min_p": 0.02},
    {"temperature": 0.01},
    {"temperature": 30.0, "top_p": 0.97},
    {"temperature": 2.0, "top_k": 200, "top_p": 0.5},
]


@pytest.fixture(scope="module")
def drawer() -> RowDrawer:
    return RowDrawer(inference_library())


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize(("size", "spread"), [(276, 2.0), (49_152, 3.0), (1003, 0.01)])
def test_as_torch_draws(filters: dict, size: int, spread: float, drawer: RowDrawer) -> None:
    settings = SamplingSettings(**{"temperature": 1.0, "top_p": 1.0} | filters)
    random = torch.Generator().manual_seed(size)
    for _ in range(12):
        scores = torch.randn(size, generator=random) * spread
        scores[torch.randint(0, size, (size // 7,), generator=random)] = -math.inf
        number = torch.rand(1, generator=random, dtype=torch.float64)
        id, log_probability = drawer.draw(scores, scores, settings, float(number))
        left = filter_logits(scores[None], settings)
        assert left[0, id] > -math.inf, "a token that the filters leave"
        shares = left[0].double().softmax(0).cumsum(0)
        below = 0.0 if id == 0 else float(shares[id - 1])
        assert below - 1e-5 <= float(number) <= float(shares[id]) + 1e-5, "the one at which the sum passes the number"
        if min(abs(float(number) - below), abs(float(number) - float(shares[id]))) > 1e-5:
            assert id == int(draw(left, number))
        assert log_probability == pytest.approx(float(scores.log_softmax(0)[id]), abs=1e-5)


def test_greedy_takes_the_first_best_and_tells_the_models_own_probability(drawer: RowDrawer) -> None:
    scores = torch.randn(5001, generator=torch.Generator().manual_seed(1))
    chosen = scores.clone()
    chosen[scores.argmax()] = -math.inf
    chosen[[17, 4000]] = 50.0
    id, log_probability = drawer.draw(scores, chosen, SamplingSettings(temperature=0), 0.5)
    assert id == 17
    assert log_probability == pytest.approx(float(scores.log_softmax(0)[17]), abs=1e-5)


def test_bad_scores_are_errors(drawer: RowDrawer) -> None:
    good = torch.zeros(100)
    for bad in (math.nan, math.inf):
        scores = good.clone()
        scores[99] = bad
        with pytest.raises(ModelError):
            drawer.draw(scores, scores, SamplingSettings(), 0.5)
    with pytest.raises(UsageError):
        drawer.draw(good, torch.full((100,), -math.inf), SamplingSettings(), 0.5)


def test_every_number_draws_something(drawer: RowDrawer) -> None:
    scores = torch.tensor([0.0, -math.inf, 1.0, -math.inf])
    found = {
        drawer.draw(scores, scores, SamplingSettings(temperature=1.0, top_p=1.0), number / 1000)[0]
        for number in range(1000)
    }
    assert found == {0, 2}
    assert drawer.draw(scores, scores, SamplingSettings(temperature=1.0, top_p=1.0), 1 - 2**-53)[0] == 2
    assert not drawer.covers(SamplingSettings(typical_p=0.5))


def test_what_is_forbidden_is_never_drawn(drawer: RowDrawer) -> None:
    scores = torch.randn(5003)
    allowed = torch.rand(5003) < 0.3
    expected = torch.where(allowed, scores, -torch.inf)
    drawer.forbid(scores, allowed)
    assert torch.equal(scores, expected)
