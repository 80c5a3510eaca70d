"""The losses against the formulas as TRL writes them in its documentation, worked out here number by number."""

import math

import pytest
import torch

from textmill.tune.preference_losses import (
    HINGE,
    IPO,
    ORPO,
    ROBUST,
    SIGMOID,
    SIMPO,
    JudgedLoss,
    PairLoss,
    Pairs,
    log_odds,
)

BETA, EPSILON = 0.25, 0.2
ROWS = [  # ln π(w), ln π(l), ln ρ(w), ln ρ(l), |w|, |l|
    (-12.0, -15.5, -13.0, -14.0, 5, 7),
    (-30.25, -20.5, -28.0, -21.0, 11, 6),
    (-3.0, -3.0, -3.0, -3.0, 2, 2),
]


def pairs() -> Pairs:
    columns = [torch.tensor(column, dtype=torch.float64) for column in list(zip(*ROWS, strict=True))[:4]]
    lengths = [torch.tensor(column) for column in list(zip(*ROWS, strict=True))[4:]]
    return Pairs(
        chosen_P=columns[0],
        rejected_P=columns[1],
        chosen_reference_P=columns[2],
        rejected_reference_P=columns[3],
        chosen_tokens_P=lengths[0],
        rejected_tokens_P=lengths[1],
    )


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def by_hand(kind: str, row: tuple, by_length: bool) -> float:
    """Each formula in plain numbers, from the papers and TRL's table of losses."""
    w, lost, rw, rl, nw, nl = row
    logits = (w / nw - rw / nw) - (lost / nl - rl / nl) if by_length or kind == IPO else (w - lost) - (rw - rl)
    if kind == SIGMOID:
        return -math.log(sigmoid(BETA * logits)) * (1 - EPSILON) - math.log(sigmoid(-BETA * logits)) * EPSILON
    if kind == ROBUST:
        right, wrong = math.log(sigmoid(BETA * logits)), math.log(sigmoid(-BETA * logits))
        return (-right * (1 - EPSILON) + wrong * EPSILON) / (1 - 2 * EPSILON)
    if kind == HINGE:
        return max(0.0, 1 - BETA * logits)
    if kind == IPO:
        return (logits - 1 / (2 * BETA)) ** 2
    if kind == SIMPO:
        return -math.log(sigmoid(BETA * (w / nw - lost / nl) - 0.5))
    odds = [math.exp(mean) / (1 - math.exp(mean)) for mean in (w / nw, lost / nl)]
    return -w / nw - 0.1 * math.log(sigmoid(math.log(odds[0] / odds[1])))


@pytest.mark.parametrize("by_length", [False, True])
@pytest.mark.parametrize("kind", [SIGMOID, ROBUST, HINGE, IPO, SIMPO, ORPO])
def test_pair_losses_are_the_published_ones(kind, by_length):
    loss = PairLoss(kind=kind, beta=BETA, smoothing=EPSILON, by_length=by_length)(pairs())
    assert loss.tolist() == pytest.approx([by_hand(kind, row, by_length) for row in ROWS], abs=1e-12)


def test_before_training_dpo_is_ln_2_and_its_gradient_half_of_beta():
    given = pairs()
    chosen = given.chosen_reference_P.clone().requires_grad_()
    same = Pairs(
        chosen_P=chosen,
        rejected_P=given.rejected_reference_P,
        chosen_reference_P=given.chosen_reference_P,
        rejected_reference_P=given.rejected_reference_P,
        chosen_tokens_P=given.chosen_tokens_P,
        rejected_tokens_P=given.rejected_tokens_P,
    )
    loss = PairLoss(beta=BETA)(same)
    assert loss.tolist() == pytest.approx([math.log(2)] * 3)
    loss.sum().backward()
    assert chosen.grad is not None
    assert chosen.grad.tolist() == pytest.approx([-BETA / 2] * 3)


def test_margins_say_which_answer_is_preferred():
    assert PairLoss(beta=BETA).margins(pairs()).tolist() == pytest.approx([BETA * 2.5, BETA * -2.75, 0.0])
    assert PairLoss(kind=SIMPO).margins(pairs()).tolist() == pytest.approx([-12 / 5 + 15.5 / 7, -2.75 + 20.5 / 6, 0.0])


def test_log_odds_where_p_is_nearly_one():
    means = torch.tensor([-1e-30, 0.0, -50.0, -0.5])
    odds = log_odds(means)
    assert bool(torch.isfinite(odds).all())
    assert float(odds[3]) == pytest.approx(math.log(math.exp(-0.5) / (1 - math.exp(-0.5))), rel=1e-5)


def test_kto_is_the_published_one():
    ratios, good, point = [1.0, -2.0, 0.5, 0.5], [1, 1, 0, 0], 0.75
    losses = JudgedLoss(beta=BETA, good_weight=1.5, bad_weight=0.8)(
        torch.tensor(ratios, dtype=torch.float64), torch.tensor(good), point
    )
    wanted = [
        1.5 * (1 - sigmoid(BETA * (r - point))) if g else 0.8 * (1 - sigmoid(BETA * (point - r)))
        for r, g in zip(ratios, good, strict=True)
    ]
    assert losses.tolist() == pytest.approx(wanted, abs=1e-12)
