"""The chunked loss equals the plain one, in value and gradient."""

import pytest
import torch
import torch.nn.functional as F

from textmill.model.config import modern
from textmill.model.gpt import GPT
from textmill.train import loss
from textmill.train.loss import linear_cross_entropy
from textmill.train.step import loss_of_hidden, loss_of_logits


def inputs(tokens: int = 37, width: int = 16, vocabulary: int = 50) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(tokens, width, generator=generator, requires_grad=True)
    weight = torch.randn(vocabulary, width, generator=generator, requires_grad=True)
    return hidden, weight, torch.randint(0, vocabulary, (tokens,), generator=generator)


@pytest.mark.parametrize("chunk", [1, 8, 37, 512])
def test_equals_plain_cross_entropy(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK_TOKENS", chunk)
    hidden, weight, targets = inputs()
    ours = linear_cross_entropy(hidden, weight, targets)
    (ours * 0.25).backward()
    grads = hidden.grad.clone(), weight.grad.clone()
    hidden.grad = weight.grad = None
    plain = F.cross_entropy(hidden @ weight.T, targets, reduction="sum")
    (plain * 0.25).backward()
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(grads[0], hidden.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(grads[1], weight.grad, rtol=1e-4, atol=1e-6)


def test_float64_gradcheck(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float64 the gradient agrees with the difference quotient of the exact loss."""
    hidden, weight, targets = (value.double() if value.is_floating_point() else value for value in inputs(5, 4, 7))
    hidden, weight = hidden.detach().requires_grad_(), weight.detach().requires_grad_()
    value = linear_cross_entropy(hidden, weight, targets, torch.float64)
    value.backward()
    plain = F.cross_entropy(hidden @ weight.T, targets, reduction="sum")
    expected = torch.autograd.grad(plain, (hidden, weight))
    torch.testing.assert_close(hidden.grad, expected[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(weight.grad, expected[1], rtol=1e-5, atol=1e-6)


def test_bf16_is_close_and_its_loss_is_float32() -> None:
    hidden, weight, targets = inputs(200)
    ours = linear_cross_entropy(hidden, weight, targets, torch.bfloat16)
    assert ours.dtype == torch.float32
    ours.backward()
    plain = F.cross_entropy(hidden @ weight.T, targets, reduction="sum")
    expected = torch.autograd.grad(plain, (hidden, weight))
    torch.testing.assert_close(ours, plain, rtol=5e-3, atol=0)
    for got, wanted in zip((hidden.grad, weight.grad), expected, strict=True):
        assert float((got - wanted).norm() / wanted.norm()) < 0.02


def test_without_gradients_nothing_is_kept() -> None:
    hidden, weight, targets = inputs()
    with torch.no_grad():
        value = linear_cross_entropy(hidden, weight, targets)
    assert not value.requires_grad
    torch.testing.assert_close(value, F.cross_entropy(hidden @ weight.T, targets, reduction="sum"))


def test_very_unlikely_targets_do_not_overflow() -> None:
    hidden = torch.full((2, 4), 100.0, requires_grad=True)
    weight = torch.tensor([[1.0] * 4, [-1.0] * 4])
    value = linear_cross_entropy(hidden, weight, torch.tensor([1, 1]))
    assert value.item() == pytest.approx(1600, rel=1e-6)


def test_z_loss_is_in_the_gradient_and_not_in_the_value() -> None:
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(700, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(50, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 50, (700,), generator=generator)
    ours = linear_cross_entropy(hidden, weight, targets, torch.float64, z=0.01)
    got = torch.autograd.grad(ours, (hidden, weight))
    logits = hidden @ weight.T
    plain = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
    wanted = torch.autograd.grad(plain + 0.01 * logits.logsumexp(dim=-1).square().sum(), (hidden, weight))
    torch.testing.assert_close(ours.double(), plain, rtol=1e-5, atol=0)
    for mine, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_smoothed_labels_are_in_the_gradient_and_not_in_the_value() -> None:
    generator = torch.Generator().manual_seed(4)
    model = GPT(modern(vocabulary_size=50, layers=1, width=8, heads=1, context=8)).double()
    weight = model.output.weight
    torch.nn.init.normal_(weight, generator=generator)
    hidden = torch.randn(60, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 50, (60,), generator=generator)
    plain = F.cross_entropy(hidden @ weight.T, targets, reduction="sum")
    smooth = F.cross_entropy(hidden @ weight.T, targets, reduction="sum", label_smoothing=0.2)
    wanted = torch.autograd.grad(smooth, (hidden, weight))
    whole = loss_of_hidden(model, hidden, targets, torch.float64, smoothing=0.2)
    of_logits = loss_of_logits(hidden @ weight.T, targets, 0.0, 0.2)
    for value in (whole, of_logits):
        torch.testing.assert_close(value, plain)
        for mine, theirs in zip(torch.autograd.grad(value, (hidden, weight)), wanted, strict=True):
            torch.testing.assert_close(mine, theirs)
