"""Products in float8: near those of float32, in all three directions, and training as good as in bf16."""

import pytest
import torch

from textmill.config import Settings, TrainSettings
from textmill.errors import TrainingError
from textmill.model.config import modern
from textmill.model.float8 import Float8Linear, product, scaled, use_float8
from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.kernels import choose_kernels
from textmill.train.optimizers import Optimizers
from textmill.train.step import train_step

SMALL = {"vocabulary_size": 256, "layers": 1, "width": 64, "heads": 2, "context": 64}


def test_scaling_fills_the_range_and_turns_back() -> None:
    x = torch.randn(64, 32, generator=torch.Generator().manual_seed(0)) * 1e-3
    for dtype, error in ((torch.float8_e4m3fn, 0.07), (torch.float8_e5m2, 0.13)):
        narrow, factor = scaled(x, dtype)
        assert narrow.float().abs().max() == torch.finfo(dtype).max
        assert ((narrow.float() * factor - x).abs() <= error * x.abs() + 1e-6).all()
    zero, factor = scaled(torch.zeros(16, 16), torch.float8_e4m3fn)
    assert not zero.float().any() and torch.isfinite(factor)


def test_a_layer_and_its_gradients_are_near_those_of_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    layer = torch.nn.Linear(64, 96, bias=False)
    x = torch.randn(2, 16, 64, generator=generator, requires_grad=True)
    above = torch.randn(2, 16, 96, generator=generator)
    found = []
    for kind in (torch.nn.Linear, Float8Linear):
        layer.__class__ = kind
        layer.zero_grad(set_to_none=True)
        x.grad = None
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind is Float8Linear):
            y = layer(x)
        (y.float() * above).sum().backward()
        assert x.grad is not None and layer.weight.grad is not None
        found.append((y.detach().float(), x.grad.clone(), layer.weight.grad.clone()))
    for exact, narrow in zip(*found, strict=True):
        assert 1e-3 < float((narrow - exact).norm() / exact.norm()) < 0.06


def test_a_product_is_that_of_the_rounded_matrices() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (scaled(torch.randn(32, 48, generator=generator), torch.float8_e4m3fn) for _ in range(2))
    wanted = (a[0].float() * a[1]) @ (b[0].float() * b[1]).t()
    torch.testing.assert_close(product(a, b).float(), wanted, rtol=1e-2, atol=2e-2)


def losses(*, float8: bool) -> list[float]:
    """Eight steps on text that repeats itself; on a CPU torch multiplies float8 number by number."""
    model = GPT(modern(**SMALL))
    model.initialise(torch.Generator().manual_seed(0))
    model.train()
    assert use_float8(model, 64 if float8 else 10_000) == (7 if float8 else 0)
    optimizers = Optimizers(model, TrainSettings())
    optimizers.set_rates(0.3, 0)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 32, (1, 9), generator=generator).repeat(1, 8)[:, :65]
    zeros = torch.zeros(1, 64, dtype=torch.int64)
    batch = Batch(inputs_BT=ids[:, :-1].contiguous(), targets_BT=ids[:, 1:].contiguous(), documents_BT=zeros)
    return [
        train_step(model, optimizers, [batch], batch_tokens=64, step=step, clip=1.0, dtype=torch.bfloat16).loss
        for step in range(8)
    ]


@pytest.mark.slow
def test_training_goes_as_in_bf16() -> None:
    plain, narrow = losses(float8=False), losses(float8=True)
    assert plain[-1] < 0.8 * plain[0] and narrow != plain
    assert narrow == pytest.approx(plain, rel=0.05)


def test_where_there_is_no_bf16_float8_is_refused() -> None:
    settings = Settings().replace({"train.float8": True, "train.precision": "fp32"})
    with pytest.raises(TrainingError) as error:
        choose_kernels(settings, "cpu")
    assert error.value.key == "train.float8_unfit"
    assert choose_kernels(settings.replace({"train.precision": "bf16", "train.native": "off"}), "cpu").float8
