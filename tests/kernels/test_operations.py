"""The compiled kernels against torch's own formulas in float32: values and gradients, at awkward sizes too."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from textmill.kernels import build, layers, operations
from textmill.kernels.layers import HeadShape, document_starts

pytestmark = pytest.mark.skipif(not build.available()[0], reason=f"no kernels here: {build.available()[1]}")
NARROW = 0.006
"""What a bf16 result may differ from float32, as a share of its norm: one rounding to 8 bits is 0.002 on average."""


def difference(got: Tensor, wanted: Tensor) -> float:
    return float((got.float() - wanted).norm() / wanted.norm().clamp_min(1e-6))


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape))).to(torch.bfloat16)


def documents(rows: int, length: int) -> Tensor:
    return (torch.rand(rows, length, generator=torch.Generator().manual_seed(length)) < 3 / length).long().cumsum(1)


def reference_attention(q: Tensor, k: Tensor, v: Tensor, documents_BT: Tensor) -> Tensor:
    """Float32, (B T H K) in and out."""
    place = torch.arange(q.shape[1])
    allowed = (place <= place[:, None]) & (documents_BT[:, :, None] == documents_BT[:, None])
    groups = q.shape[2] // k.shape[2]
    k, v = k.repeat_interleave(groups, 2), v.repeat_interleave(groups, 2)
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed[:, None]).transpose(1, 2)


def test_where_documents_start() -> None:
    starts = document_starts(torch.tensor([[0, 0, 1, 1, 1], [3, 4, 4, 4, 5]]))
    assert starts.tolist() == [[0, 0, 2, 2, 2], [0, 1, 1, 1, 4]]


@pytest.mark.parametrize(
    ("rows", "length", "heads", "key_heads", "width"),
    [
        (2, 256, 6, 6, 64),
        (1, 100, 4, 2, 64),
        (2, 64, 2, 1, 32),
        (1, 333, 4, 4, 128),
        (2, 37, 3, 3, 96),
        (3, 17, 2, 2, 64),
    ],
)
def test_attention(rows: int, length: int, heads: int, key_heads: int, width: int) -> None:
    q, grad = (random(rows, length, heads, width, seed=i) for i in (0, 1))
    k, v = (random(rows, length, key_heads, width, seed=i) for i in (2, 3))
    inside = documents(rows, length)
    starts = document_starts(inside)
    wide = [x.float().requires_grad_() for x in (q, k, v)]
    wanted = reference_attention(*wide, inside)
    gradients = torch.autograd.grad(wanted, wide, grad.float())
    out, sums = operations.attention(q, k, v, starts, width**-0.5)
    assert difference(out, wanted.detach()) < NARROW
    found = operations.attention_backward(grad, q, k, v, out, sums, starts, width**-0.5)
    for got, exact in zip(found, gradients, strict=True):
        assert difference(got, exact) < NARROW


def test_attention_reads_heads_out_of_wider_rows() -> None:
    joint = random(2, 40, 3 * 4 * 32)
    q, k, v = (part.unflatten(-1, (4, 32)) for part in joint.chunk(3, dim=-1))
    starts = torch.zeros(2, 40, dtype=torch.int32)
    dense = operations.attention(q.contiguous(), k.contiguous(), v.contiguous(), starts, 0.2)
    assert torch.equal(operations.attention(q, k, v, starts, 0.2)[0], dense[0])


@pytest.mark.parametrize(("tokens", "outputs", "inputs"), [(700, 130, 48), (1000, 520, 100), (7, 33, 20), (1, 16, 16)])
def test_weight_gradient(tokens: int, outputs: int, inputs: int) -> None:
    grad, x = random(tokens, outputs), random(tokens, inputs, seed=1)
    wanted = grad.float().T @ x.float()
    out = operations.weight_gradient(grad, x)
    assert difference(out, wanted) < 1e-5
    assert operations.weight_gradient(grad, x, out) is out
    assert difference(out, 2 * wanted) < 1e-5


@pytest.mark.parametrize("vocabulary", [8192, 50, 1001])
@pytest.mark.parametrize("z", [0.0, 0.01])
def test_softmax_error(vocabulary: int, z: float) -> None:
    logits = random(70, vocabulary) * 3
    targets = torch.randint(0, vocabulary, (70,), generator=torch.Generator().manual_seed(0))
    wide = logits.float().requires_grad_()
    losses = F.cross_entropy(wide, targets, reduction="none")
    (exact,) = torch.autograd.grad((losses + z * wide.logsumexp(1).square()).sum(), wide)
    found = operations.softmax_error_(logits, targets, z)
    torch.testing.assert_close(found, losses.detach(), rtol=1e-5, atol=1e-5)
    assert difference(logits, exact) < NARROW


def test_a_certain_token_leaves_no_error() -> None:
    logits = torch.full((1, 40), -90.0, dtype=torch.bfloat16)
    logits[0, 3] = 100.0
    assert operations.softmax_error_(logits, torch.tensor([3])).item() == 0.0
    assert not logits.any()


@pytest.mark.parametrize("adds", [True, False])
@pytest.mark.parametrize("passes", [True, False])
def test_add_norm(adds: bool, passes: bool) -> None:
    x, added, weight, grad, passed = (
        torch.randn(130, 72) * 3,
        random(130, 72, seed=9),
        *(
            torch.rand(72) + 0.5,
            random(130, 72),
            torch.randn(130, 72),
        ),
    )
    wide = x.clone().requires_grad_(), weight.clone().requires_grad_()
    stream = wide[0] + added.float() if adds else wide[0]
    wanted = F.rms_norm(stream, (72,), wide[1], 1e-6)
    exact = torch.autograd.grad((wanted * grad.float()).sum() + (stream * passed * passes).sum(), wide)
    total, y, scales = operations.add_norm(x, added if adds else None, weight, 1e-6)
    assert difference(y, wanted.detach()) < NARROW
    assert torch.equal(total, stream.detach())
    dx, narrow, dw = operations.add_norm_backward(grad, passed if passes else None, total, weight, scales, narrow=adds)
    assert difference(dx, exact[0]) < 1e-4
    assert difference(dw, exact[1]) < 1e-4
    assert (narrow is not None) == adds
    if narrow is not None:
        assert torch.equal(narrow, dx.to(torch.bfloat16))


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    return F.silu(gate) * up


def test_swiglu() -> None:
    gate_up, grad = random(33, 2 * 40) * 4, random(33, 40, seed=5)
    wide = gate_up.float().requires_grad_()
    wanted = swiglu(*wide.chunk(2, dim=-1))
    (exact,) = torch.autograd.grad(wanted, wide, grad.float())
    assert difference(operations.swiglu(gate_up), wanted.detach()) < NARROW
    assert difference(operations.swiglu_backward(grad, gate_up), exact) < NARROW


@pytest.mark.parametrize("normed", [True, False])
def test_heads_and_their_gradients(normed: bool) -> None:
    """`layers.attend` behind `layers.linear`, with keys shared between queries, beside the formula."""
    shape = HeadShape(heads=4, key_heads=2, width=32, scale=0.18, epsilon=1e-6)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(rows, 64, generator=generator) / 8 for rows in (128, 64, 64)]
    norms = [torch.rand(32, generator=generator) + 0.5 for _ in range(2)] if normed else [None, None]
    angle = torch.rand(50, 16, generator=generator) * 6
    inside = documents(3, 50)
    x, grad = random(3, 50, 64), random(3, 50, 128, seed=2)

    def run(function: Any, dtype: torch.dtype) -> tuple[Tensor, tuple[Tensor, ...]]:
        given = [
            value.clone().requires_grad_() for value in (x.to(dtype), *weights, *(n for n in norms if n is not None))
        ]
        out = function(given[0], tuple(given[1:4]), tuple(given[4:]) if normed else (None, None))
        return out.detach(), torch.autograd.grad(out, given, grad.to(dtype))

    def formula(x: Tensor, weights: tuple[Tensor, ...], norms: tuple[Tensor | None, ...]) -> Tensor:
        q, k, v = ((x @ weight.T).unflatten(-1, (-1, 32)) for weight in weights)
        rotated = []
        for part, norm in zip((q, k), norms, strict=True):
            part = part if norm is None else F.rms_norm(part, (32,), norm, 1e-6)
            a, b = part.chunk(2, dim=-1)
            cos, sin = angle.cos()[:, None], angle.sin()[:, None]
            rotated.append(torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1))
        return reference_attention(rotated[0] * (0.18 * 32**0.5), rotated[1], v, inside).flatten(2)

    def ours(x: Tensor, weights: Any, norms: Any) -> Tensor:
        qkv = layers.linear(x, *weights)
        return layers.attend(qkv, norms, (angle.cos(), angle.sin()), document_starts(inside), shape)

    (wanted, exact), (got, found) = run(formula, torch.float32), run(ours, torch.bfloat16)
    assert difference(got, wanted) < 0.015
    for one, other in zip(found, exact, strict=True):
        assert difference(one, other) < 0.03


def test_threads_change_no_bit() -> None:
    q, k, v, grad = (random(2, 90, 4, 32, seed=i) for i in range(4))
    starts = document_starts(documents(2, 90))
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            out, sums = operations.attention(q, k, v, starts, 0.2)
            found = operations.attention_backward(grad, q, k, v, out, sums, starts, 0.2)
            flat = grad.flatten(0, 1).flatten(1)
            norm = operations.add_norm_backward(
                flat, None, flat.float(), torch.ones(128), torch.ones(180), narrow=False
            )[::2]
            results.append((out, sums, *found, operations.weight_gradient(flat, flat), *norm))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("vocabulary", [8192, 50, 1001])
def test_log_sums(vocabulary: int) -> None:
    logits = random(70, vocabulary) * 3
    logits[3, [7, 20]] = 100.0
    sums, best = operations.log_sums(logits)
    torch.testing.assert_close(sums, logits.float().logsumexp(1), rtol=1e-5, atol=1e-5)
    assert best.tolist() == [int((row == row.max()).nonzero()[0, 0]) for row in logits.float()] and best[3] == 7
