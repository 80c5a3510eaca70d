"""A model trained with the compiled kernels has the loss and gradients of the plain modules; which ones fit."""

import dataclasses

import pytest
import torch

from textmill.kernels import build
from textmill.model.config import classic, modern
from textmill.model.gpt import GPT
from textmill.model.native import fits
from textmill.train.batches import Batch
from textmill.train.step import batch_loss

SMALL = {"vocabulary_size": 300, "layers": 3, "width": 128, "heads": 2, "context": 96}


def test_which_models_fit() -> None:
    assert fits(modern(**SMALL))
    assert not fits(classic(**SMALL))
    assert not fits(dataclasses.replace(modern(**SMALL), windows=(16, 16, 16)))
    assert fits(modern(**SMALL, dropout=0.1))
    assert not fits(modern(**{**SMALL, "heads": 8}))  # heads of 16


def gradients(model: GPT, batch: Batch, dtype: torch.dtype, *, native: bool) -> tuple[float, dict[str, torch.Tensor]]:
    model.native = native
    model.zero_grad(set_to_none=True)
    loss = batch_loss(model, batch, dtype)
    (loss / batch.tokens).backward()
    return loss.item() / batch.tokens, {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("options", [{}, {"kv_heads": 1}, {"qk_norm": False}, {"tied": True}], ids=str)
@pytest.mark.parametrize("recompute", [False, True])
def test_gradients(options: dict, recompute: bool) -> None:
    if not build.available()[0]:
        pytest.skip(str(build.available()[1]))
    model = GPT(dataclasses.replace(modern(**SMALL), **options)).train()
    generator = torch.Generator().manual_seed(0)
    model.initialise(generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    ids = torch.randint(0, 300, (5, 97), generator=generator)
    documents = (torch.rand(5, 96, generator=generator) < 0.04).long().cumsum(1)
    batch = Batch(inputs_BT=ids[:, :-1].contiguous(), targets_BT=ids[:, 1:].contiguous(), documents_BT=documents)
    model.recompute = recompute
    exact_loss, exact = gradients(model, batch, torch.float32, native=False)
    plain_loss, plain = gradients(model, batch, torch.bfloat16, native=False)
    loss, found = gradients(model, batch, torch.bfloat16, native=True)
    assert loss == pytest.approx(exact_loss, rel=2e-3)
    assert plain_loss == pytest.approx(exact_loss, rel=2e-3)
    for name, wanted in exact.items():
        error = (found[name] - wanted).norm() / wanted.norm()
        theirs = (plain[name] - wanted).norm() / wanted.norm()
        assert error < max(0.03, 1.5 * theirs), name


def test_dropout_is_drawn_in_what_the_layers_add() -> None:
    if not build.available()[0]:
        pytest.skip(str(build.available()[1]))
    model = GPT(modern(**SMALL, dropout=0.3)).train()
    model.initialise(torch.Generator().manual_seed(0))
    ids = torch.randint(0, 300, (1, 96), generator=torch.Generator().manual_seed(1))
    batch = Batch(inputs_BT=ids, targets_BT=ids, documents_BT=torch.zeros_like(ids))
    for name, parameter in model.named_parameters():
        if name.endswith(("attention.output.weight", "down.weight", "output.weight")):
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(2))
    model.native = True

    def loss(seed: int) -> float:
        torch.manual_seed(seed)
        return batch_loss(model, batch, torch.bfloat16).item()

    assert loss(0) == loss(0) != loss(1)
