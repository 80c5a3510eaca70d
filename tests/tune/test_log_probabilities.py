"""Log-probabilities in chunks against plain log_softmax, in value and gradient, whatever is learned."""

import pytest
import torch

from textmill.kernels import build
from textmill.model.config import ModelConfig, modern
from textmill.model.gpt import GPT
from textmill.train.loss import CHUNK_TOKENS
from textmill.tune.log_probabilities import token_log_probabilities

N = CHUNK_TOKENS + 37


def model(**changes) -> GPT:
    import dataclasses

    config = modern(layers=1, width=32, heads=2, context=16, vocabulary_size=50)
    made = GPT(dataclasses.replace(config, **changes))
    made.initialise(torch.Generator().manual_seed(0))
    torch.nn.init.normal_(made.output.weight, std=0.3, generator=torch.Generator().manual_seed(1))
    return made


def given() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    hidden = torch.randn(N, 32, generator=generator)
    return hidden, torch.randint(50, (N,), generator=generator), torch.randn(N, generator=generator)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("changes", [{}, {"logit_softcap": 2.0}])
def test_values_and_gradients_are_those_of_log_softmax(frozen, changes):
    gpt = model(**changes).double()
    gpt.output.weight.requires_grad_(not frozen)
    hidden, targets, factors = given()
    found = []
    for chunked in (False, True):
        x = hidden.double().requires_grad_()
        if chunked:
            log = token_log_probabilities(gpt, x, targets, torch.float64)
        else:
            log = torch.log_softmax(gpt.logits(x), -1).gather(1, targets[:, None])[:, 0]
        gpt.output.weight.grad = None
        (log * factors.double()).sum().backward()
        found.append((log.detach(), x.grad, gpt.output.weight.grad))
    for plain, ours in zip(*found, strict=True):
        assert (plain is None) == (ours is None)
        if plain is not None and ours is not None:
            torch.testing.assert_close(ours, plain)
    assert (found[0][2] is None) == frozen


@pytest.mark.parametrize("frozen", [False, True])
def test_in_bf16_the_compiled_kernels_agree_with_torch(frozen):
    if not build.available()[0]:
        pytest.skip(str(build.available()[1]))
    gpt = model()
    gpt.output.weight.requires_grad_(not frozen)
    hidden, targets, factors = given()
    found = []
    for native in (False, True):
        gpt.native, gpt.output.weight.grad = native, None
        x = hidden.clone().requires_grad_()
        log = token_log_probabilities(gpt, x, targets, torch.bfloat16)
        (log * factors).sum().backward()
        found.append((log.detach(), x.grad, gpt.output.weight.grad))
    for plain, ours in zip(*found, strict=True):
        if plain is not None and ours is not None:
            assert float((ours - plain).norm() / plain.norm()) < 0.02


def test_no_tokens_at_all():
    gpt = model()
    hidden = torch.zeros(0, 32, requires_grad=True)
    log = token_log_probabilities(gpt, hidden, torch.zeros(0, dtype=torch.long), torch.float32)
    log.sum().backward()
    assert log.shape == (0,)
    assert hidden.grad is not None


def test_without_gradient_nothing_is_kept():
    gpt, (hidden, targets, _) = model(), given()
    with torch.no_grad():
        log = token_log_probabilities(gpt, hidden, targets, torch.float32)
    assert not log.requires_grad
    assert ModelConfig is type(gpt.config)
