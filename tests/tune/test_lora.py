"""Adapters: what they learn is what PEFT computes, written and read back bit for bit, merged close to it."""

from pathlib import Path

import pytest
import torch

from textmill.config_tune import TuneSettings
from textmill.kernels import build
from textmill.model.config import modern
from textmill.model.gpt import GPT
from textmill.model.hub import load_model
from textmill.model.hub.adapters import load_adapter, merge
from textmill.model.hub.base import Base
from textmill.train.batches import Batch
from textmill.train.objective import NextToken
from textmill.tune.adapter_form import AdapterForm
from textmill.tune.lora import adapt, adapted_layers

METHODS = [
    TuneSettings(method="lora", rank=4),
    TuneSettings(method="lora", rank=4, stabilised=True, alpha=3.0, modules=("query", "down")),
    TuneSettings(method="dora", rank=4, stabilised=True),
]


def learn_something(model: GPT) -> None:
    generator = torch.Generator().manual_seed(4)
    for layer in adapted_layers(model).values():
        assert layer.lora_b_Or is not None
        torch.nn.init.normal_(layer.lora_b_Or, std=0.1, generator=generator)
        if layer.magnitude_O is not None:
            layer.magnitude_O.data *= 1 + 0.2 * torch.rand(layer.magnitude_O.shape, generator=generator)


@pytest.mark.parametrize("name", ["llama 3", "qwen3", "gpt2", "phi3", "gpt_neox"])
@pytest.mark.parametrize("settings", METHODS, ids=["lora", "some_stabilised", "dora"])
@pytest.mark.filterwarnings("ignore")
def test_peft_loads_it_with_equal_logits(name: str, settings: TuneSettings, tmp_path: Path) -> None:
    peft, models = pytest.importorskip("peft"), pytest.importorskip("peer_models")
    torch.manual_seed(3)
    theirs = models.MODELS[name]().eval()
    theirs.save_pretrained(tmp_path / "base")
    model = load_model(tmp_path / "base")
    adapt(model, settings, dtype=torch.float32, seed=1)
    learn_something(model)
    base = Base(reference="base", folder=str(tmp_path / "base"), fingerprint="")
    form = AdapterForm.of(model, settings, base)
    (tmp_path / "adapter").mkdir()
    form.write(form.parameters(model), tmp_path / "adapter", tmp_path / "base")
    ids = torch.randint(0, 300, (2, 12), generator=torch.Generator().manual_seed(1))
    wrapped = peft.PeftModel.from_pretrained(theirs, tmp_path / "adapter").eval()
    with torch.no_grad():
        ours, expected = model.eval()(ids), wrapped(ids).logits
        assert float((ours - expected).abs().max()) < 1e-5 * float(expected.abs().max())
        whole = load_model(tmp_path / "base")
        plain = whole(ids)
        merge(whole, load_adapter(tmp_path / "adapter", whole, to_merge=True))
        assert float((whole(ids) - ours).abs().max()) < 1e-5 * float(ours.abs().max())
        assert float((plain - ours).abs().max()) > 1e-2 * float(ours.abs().max())
    again = load_model(tmp_path / "base")
    adapt(again, settings, dtype=torch.float32, seed=2)
    form.read(again, tmp_path / "adapter")
    for (key, one), two in zip(form.parameters(model).items(), form.parameters(again).values(), strict=True):
        assert torch.equal(one, two), key


def small(settings: TuneSettings, *, native: bool, tied: bool = False) -> GPT:
    model = GPT(modern(vocabulary_size=64, context=32, layers=2, width=64, heads=2, tied=tied))
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.15, generator=generator)
    adapt(model, settings, dtype=torch.bfloat16 if native else torch.float32, seed=1)
    learn_something(model)
    model.native = native
    return model.train()


def batch() -> Batch:
    ids = torch.randint(0, 64, (4, 33), generator=torch.Generator().manual_seed(0))
    documents = torch.zeros(4, 32, dtype=torch.long)
    return Batch(inputs_BT=ids[:, :-1].contiguous(), targets_BT=ids[:, 1:].contiguous(), documents_BT=documents)


@pytest.mark.parametrize("tied", [False, True], ids=["own_output", "tied"])
@pytest.mark.parametrize(
    "settings",
    [*METHODS, TuneSettings(method="qlora", rank=3)],
    ids=["lora", "some_stabilised", "dora", "four_bits"],
)
def test_the_compiled_kernels_compute_the_same(settings: TuneSettings, tied: bool) -> None:
    if not build.available()[0]:
        pytest.skip("no compiled kernels here")
    plain, native = small(settings, native=False, tied=tied), small(settings, native=True, tied=tied)
    one = NextToken().loss(plain, batch(), torch.float32)
    two = NextToken().loss(native, batch(), torch.bfloat16)
    torch.testing.assert_close(one, two, rtol=0.01, atol=0)
    one.backward()
    two.backward()
    compared = 0
    for (name, first), (_, second) in zip(plain.named_parameters(), native.named_parameters(), strict=True):
        assert first.requires_grad == second.requires_grad == ("lora" in name or "magnitude" in name)
        if first.grad is None:
            assert second.grad is None
            continue
        assert second.grad is not None
        assert float((first.grad - second.grad).norm() / first.grad.norm()) < 0.05, name
        compared += 1
    assert compared == len(adapted_layers(plain)) * (3 if settings.method == "dora" else 2)


def test_an_adapter_adds_nothing_at_first_and_drops_out_in_training_only() -> None:
    model = GPT(modern(vocabulary_size=64, context=32, layers=2, width=64, heads=2))
    model.initialise(torch.Generator().manual_seed(0))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.15, generator=torch.Generator().manual_seed(1))
    ids = batch().inputs_BT
    with torch.no_grad():
        before = model.eval()(ids)
        adapt(model, TuneSettings(method="dora", rank=4, dropout=0.5), dtype=torch.float32, seed=1)
        torch.testing.assert_close(model.eval()(ids), before)
        learn_something(model)
        assert torch.equal(model(ids), model(ids))
        assert not torch.equal(model.train()(ids), model(ids))


def test_four_bits_are_close_and_what_they_say() -> None:
    from textmill.model.four_bits import LEVELS, FourBits

    weight = torch.randn(70, 36, generator=torch.Generator().manual_seed(0))
    packed = FourBits.of(weight)
    dense = packed.dense(torch.float32)
    assert dense.shape == weight.shape
    assert packed.codes_P.numel() * 2 == -(-weight.numel() // 64) * 64
    assert float((dense - weight).norm() / weight.norm()) < 0.1
    again = FourBits.of(dense)
    torch.testing.assert_close(again.dense(torch.float32), dense, rtol=0.01, atol=0)
    levels = torch.tensor(LEVELS) * packed.largest_K[0].float()
    assert torch.isin(dense.flatten()[:64], levels).all()
