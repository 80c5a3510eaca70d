"""The divergence from a teacher against torch's own, in value and gradient, whole and of the most probable tokens."""

import pytest
import torch
import torch.nn.functional as F

from textmill.train.loss import CHUNK_TOKENS
from textmill.tune.divergence import distillation_loss

N, D, V = CHUNK_TOKENS + 21, 12, 30


def given():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(N, D, generator=generator, dtype=torch.float64)
    weight = torch.randn(V, D, generator=generator, dtype=torch.float64)
    teacher = 2 * torch.randn(N, V, generator=generator, dtype=torch.float64)
    return hidden, weight, torch.randint(V, (N,), generator=generator), teacher


def plainly(hidden, weight, targets, teacher, temperature, text_weight):
    logits = hidden @ weight.T
    inputs, aims = (F.log_softmax(scores / temperature, -1) for scores in (logits, teacher))
    kl = F.kl_div(inputs, aims, log_target=True, reduction="sum")
    text = F.cross_entropy(logits, targets, reduction="sum")
    return (1 - text_weight) * temperature**2 * kl + text_weight * text, kl


@pytest.mark.parametrize(("temperature", "text_weight"), [(1.0, 0.0), (2.0, 0.3)])
def test_all_tokens(temperature, text_weight):
    hidden, weight, targets, teacher = given()
    found = []
    for ours in (False, True):
        h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
        if ours:
            options = {"temperature": temperature, "text_weight": text_weight, "dtype": torch.float64}
            loss, kl = distillation_loss(h, w, targets, lambda part: teacher[part], **options)
        else:
            loss, kl = plainly(h, w, targets, teacher, temperature, text_weight)
        (loss / 7).backward()
        found.append((loss.detach(), kl.detach(), h.grad, w.grad))
    for plain, own in zip(*found, strict=True):
        torch.testing.assert_close(own, plain)


def top_of(teacher, k):
    best = F.log_softmax(teacher, -1).topk(k)
    return lambda part: (best.indices[part], best.values[part])


def test_the_most_probable_tokens_and_the_others_as_one():
    """The others are one event: plain divergence of k + 1 outcomes, with autograd's own gradient."""
    hidden, weight, targets, teacher = given()
    best = F.log_softmax(teacher, -1).topk(5)
    found = []
    for ours in (False, True):
        h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
        if ours:
            options = {"temperature": 1.0, "text_weight": 0.0, "dtype": torch.float64}
            loss, _ = distillation_loss(h, w, targets, top_of(teacher, 5), **options)
        else:
            log_s = F.log_softmax(h @ w.T, -1).gather(1, best.indices)
            aims = torch.cat([best.values, (1 - best.values.exp().sum(-1, keepdim=True)).log()], -1)
            inputs = torch.cat([log_s, (1 - log_s.exp().sum(-1, keepdim=True)).log()], -1)
            loss = F.kl_div(inputs, aims, log_target=True, reduction="sum")
        loss.backward()
        found.append((loss.detach(), h.grad, w.grad))
    for plain, own in zip(*found, strict=True):
        torch.testing.assert_close(own, plain)


def test_with_all_tokens_kept_it_is_the_whole_divergence_and_with_fewer_less():
    hidden, weight, targets, teacher = given()
    options = {"temperature": 1.0, "text_weight": 0.0, "dtype": torch.float64}
    whole = float(distillation_loss(hidden, weight, targets, lambda part: teacher[part], **options)[1])
    kept = [float(distillation_loss(hidden, weight, targets, top_of(teacher, k), **options)[1]) for k in (3, 10, V)]
    assert kept[0] < kept[1] < whole
    assert kept[2] == pytest.approx(whole)


def test_a_student_that_is_the_teacher_has_nothing_to_learn():
    hidden, weight, targets, _ = given()
    h = hidden.clone().requires_grad_()
    options = {"temperature": 1.5, "text_weight": 0.0, "dtype": torch.float64}
    loss, kl = distillation_loss(h, weight, targets, lambda part: hidden[part] @ weight.T, **options)
    loss.backward()
    assert h.grad is not None
    assert float(kl) == pytest.approx(0, abs=1e-9)
    assert float(h.grad.abs().max()) < 1e-9
