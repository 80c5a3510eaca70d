"""The law: found again from losses that follow one, and its advice."""

import itertools

import numpy as np
import pytest

from textmill.train.scaling import Law, Point, fit_law


def losses(alpha: float, beta: float, noise: float = 0.0) -> list[Point]:
    random = np.random.default_rng(1)
    sizes, lengths = (1e5, 4e5, 1.6e6), (1e6, 4e6, 1.6e7)
    return [
        Point(weights=n, tokens=d, bits_per_byte=0.6 + 20 / n**alpha + 90 / d**beta + noise * float(random.normal()))
        for n, d in itertools.product(sizes, lengths)
    ]


@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.3), (0.35, 0.4), (0.5, 0.25)])
def test_a_law_is_found_again(alpha: float, beta: float) -> None:
    law = fit_law(losses(alpha, beta))
    assert (law.alpha, law.beta) == pytest.approx((alpha, beta), abs=0.051)
    assert law.error < 1e-3
    assert law.loss(3e6, 1e8) == pytest.approx(0.6 + 20 / 3e6**alpha + 90 / 1e8**beta, abs=0.05)


def test_noise_widens_the_ranges_and_moves_the_prediction_little() -> None:
    exact, noisy = fit_law(losses(0.3, 0.3)), fit_law(losses(0.3, 0.3, noise=0.02))
    assert noisy.alpha_range[1] - noisy.alpha_range[0] >= exact.alpha_range[1] - exact.alpha_range[0]
    assert noisy.loss(3e6, 3e7) == pytest.approx(exact.loss(3e6, 3e7), abs=0.1)
    assert noisy.error == pytest.approx(0.02, abs=0.015)


def test_more_work_deserves_a_larger_model_and_the_advice_is_the_least_loss() -> None:
    law = fit_law(losses(0.3, 0.3))
    best = [law.best_weights(flops) for flops in (1e13, 1e15, 1e17)]
    assert best == sorted(best)
    assert best[0] < best[2]
    for factor in (0.7, 1.4):
        size = best[1] * factor
        assert law.loss(size, 1e15 / 6 / size) >= law.loss(best[1], 1e15 / 6 / best[1])


def test_constants_are_never_negative_and_survive_json() -> None:
    places = itertools.product((1e5, 1e6, 1e7), (1e6, 1e7))
    flat = [Point(weights=n, tokens=d, bits_per_byte=1.0 + 1e-9 * n) for n, d in places]
    law = fit_law(flat)
    assert min(law.e, law.a, law.b) >= 0
    assert Law.from_dict(law.as_dict()) == law


@pytest.mark.parametrize("points", [losses(0.3, 0.3)[:4], losses(0.3, 0.3)[::3] * 3, losses(0.3, 0.3)[:3] * 2])
def test_too_few_points_are_refused(points: list[Point]) -> None:
    with pytest.raises(ValueError, match="five"):
        fit_law(points)


def test_a_law_without_one_of_its_parts_tells_nothing() -> None:
    points = [
        Point(weights=n, tokens=d, bits_per_byte=0.5 + 90 / d**0.3)
        for n, d in itertools.product((1e5, 1e6, 1e7), (1e6, 1e7, 1e8))
    ]
    assert not fit_law(points).tells
    assert fit_law(losses(0.3, 0.3)).tells
    assert fit_law(losses(0.3, 0.3)).best_weights(1e30) <= 1000 * 1.6e6 * 1.001
