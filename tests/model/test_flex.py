"""FlexAttention gives what the masked attention gives: over documents, windows, grouped heads, ALiBi and soft-caps."""

import dataclasses
from typing import Any

import pytest
import torch

from textmill.model.config import ModelConfig, classic, modern
from textmill.model.flex import flexible
from textmill.model.gpt import GPT
from textmill.train.batches import Batch
from textmill.train.step import batch_loss

SMALL = {"vocabulary_size": 300, "layers": 2, "width": 32, "heads": 4, "context": 160}
VARIANTS: dict[str, Any] = {
    "modern": {},
    "grouped": {"kv_heads": 2},
    "windows": {"windows": (40, 0)},
    "soft-cap": {"attention_softcap": 5.0},
    "alibi": {"positions": "alibi"},
}


def make(config: ModelConfig) -> GPT:
    model = GPT(config)
    generator = torch.Generator().manual_seed(0)
    model.initialise(generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model.train()


def packed() -> Batch:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 300, (2, 161), generator=generator)
    documents = (torch.rand(2, 160, generator=generator) < 0.02).long().cumsum(1)
    return Batch(inputs_BT=ids[:, :-1].contiguous(), targets_BT=ids[:, 1:].contiguous(), documents_BT=documents)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")  # a CPU shows the formula
def test_the_same_hidden_states(variant: str) -> None:
    model, batch = make(dataclasses.replace(modern(**SMALL), **VARIANTS[variant])), packed()
    with torch.no_grad():
        masked = model.hidden(batch.inputs_BT, documents_BT=batch.documents_BT)
        model.tiled = True
        tiled = model.hidden(batch.inputs_BT, documents_BT=batch.documents_BT)
        alone = model.hidden(batch.inputs_BT, documents_BT=torch.zeros_like(batch.documents_BT))
    torch.testing.assert_close(tiled, masked, rtol=1e-4, atol=1e-5)
    assert (tiled - alone).abs().max() > 0.01  # the borders count


def test_what_it_cannot_compute() -> None:
    assert flexible(modern(**SMALL)) and flexible(classic(**SMALL))
    assert not flexible(modern(**SMALL, dropout=0.1))
    assert not flexible(dataclasses.replace(modern(**SMALL), attention_sinks=True))


@pytest.mark.gpu
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_gradients_on_a_gpu(variant: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device; torch has no backward pass of FlexAttention for a CPU")
    model = make(dataclasses.replace(modern(**SMALL), **VARIANTS[variant])).cuda()
    batch, found = packed().to("cuda"), []
    for tiled in (False, True):
        model.tiled = tiled
        model.zero_grad(set_to_none=True)
        batch_loss(model, batch, torch.float32).backward()
        found.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=2e-2, atol=2e-3 * float(value.abs().max()))
