"""Objectives: what is not learned has no part in loss and gradient, and a step divides once by the units of all."""

import pytest
import torch
import torch.nn.functional as F

from textmill.config import TrainSettings
from textmill.kernels import build
from textmill.model.config import modern
from textmill.model.gpt import GPT
from textmill.train.batches import IGNORED, Batch
from textmill.train.objective import NextToken, Objective, Tally
from textmill.train.optimizers import Optimizers
from textmill.train.step import train_step


def make(native: bool = False) -> GPT:
    model = GPT(modern(vocabulary_size=64, context=16, layers=2, width=64, heads=2))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(4))
    model.native = native
    return model.train()


def batch(learned: torch.Tensor) -> Batch:
    ids = torch.randint(0, 64, (*learned.shape[:1], 17), generator=torch.Generator().manual_seed(1))
    return Batch(
        inputs_BT=ids[:, :-1].contiguous(),
        targets_BT=torch.where(learned, ids[:, 1:], IGNORED),
        documents_BT=torch.zeros(len(ids), 16, dtype=torch.int64),
        masked=True,
    )


def some_learned(rows: int = 6) -> torch.Tensor:
    learned = torch.rand(rows, 16, generator=torch.Generator().manual_seed(2)) < 0.3
    learned[2] = False  # a row with nothing to learn
    return learned


@pytest.mark.parametrize("native", [False, True], ids=["torch", "native"])
def test_only_what_is_learned_counts(native: bool) -> None:
    if native and not build.available()[0]:
        pytest.skip("no compiled kernels here")
    dtype = torch.bfloat16 if native else torch.float32
    model, other, data = make(native), make(), batch(some_learned())
    loss = NextToken().loss(model, data, dtype)
    loss.backward()
    logits = other(data.inputs_BT, documents_BT=data.documents_BT)
    expected = F.cross_entropy(logits.flatten(0, 1), data.targets_BT.flatten(), ignore_index=IGNORED, reduction="sum")
    expected.backward()
    torch.testing.assert_close(loss.detach(), expected.detach(), rtol=0.02 if native else 1e-5, atol=1e-4)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert one.grad is not None and two.grad is not None
        difference = (one.grad - two.grad).norm() / two.grad.norm()
        assert difference < (0.05 if native else 1e-4)


@pytest.mark.parametrize("native", [False, True], ids=["torch", "native"])
def test_a_micro_batch_with_nothing_to_learn_gives_no_gradient(native: bool) -> None:
    if native and not build.available()[0]:
        pytest.skip("no compiled kernels here")
    model = make(native)
    loss = NextToken(z_loss=0.1).loss(
        model, batch(torch.zeros(2, 16, dtype=torch.bool)), torch.bfloat16 if native else torch.float32
    )
    loss.backward()
    assert float(loss.detach()) == 0
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


def test_a_frozen_output_gets_no_gradient_and_the_rest_the_same() -> None:
    model, other, data = make(), make(), batch(some_learned())
    model.output.weight.requires_grad_(False)
    NextToken().loss(model, data, torch.float32).backward()
    NextToken().loss(other, data, torch.float32).backward()
    assert model.output.weight.grad is None
    for (name, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        if name != "output.weight":
            torch.testing.assert_close(one.grad, two.grad)


class Margins:
    """A loss by row, with what a batch brings along and a metric."""

    name = "margins"

    def __init__(self) -> None:
        self.tally = Tally()

    def loss(self, model: GPT, batch: Batch, dtype: torch.dtype) -> torch.Tensor:
        logits_BTV = model(batch.inputs_BT, documents_BT=batch.documents_BT)
        margins_B = logits_BTV[:, -1, 0] - batch.extra["reference_B"]
        self.tally.add("above", (margins_B > 0).sum(), len(margins_B))
        return F.softplus(-margins_B).sum()


@pytest.mark.parametrize("size", [6, 4, 1])
def test_a_step_of_another_objective_does_not_know_of_micro_batches(size: int) -> None:
    data, reference = batch(some_learned()), torch.linspace(-1, 1, 6)
    results = []
    for rows in (6, size):
        model, objective = make(), Margins()
        assert isinstance(objective, Objective)
        parts = [
            Batch(
                inputs_BT=data.inputs_BT[start : start + rows],
                targets_BT=data.targets_BT[start : start + rows],
                documents_BT=data.documents_BT[start : start + rows],
                extra={"reference_B": reference[start : start + rows]},
            ).to("cpu")
            for start in range(0, 6, rows)
        ]
        optimizers = Optimizers(model, TrainSettings(optimizer="adamw"))
        result = train_step(
            model, optimizers, parts, batch_tokens=6, step=0, clip=1.0, dtype=torch.float32, objective=objective
        )
        results.append((result.loss, result.gradient_norm, objective.tally.means()))
        assert objective.tally.means() == {}
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-4)
    assert results[0][2] == results[1][2] != {}
