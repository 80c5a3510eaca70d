"""A head that looks at the token before from the first step on."""

import dataclasses

import pytest
import torch

from textmill.model.config import classic, modern
from textmill.model.gpt import GPT
from textmill.model.look_back import can_look_back, look_back
from textmill.model.trace import Trace

CONFIG = modern(vocabulary_size=300, context=128, layers=3, width=128, heads=2)


def weights(model: GPT, layer: int = 0) -> torch.Tensor:
    ids = torch.randint(0, 300, (2, 128), generator=torch.Generator().manual_seed(3))
    trace = Trace()
    with torch.no_grad():
        model(ids, trace=trace)
    return trace.tensors[f"layer.{layer}.attention.weights"]


def made(looks_back: bool) -> GPT:
    model = GPT(CONFIG)
    model.initialise(torch.Generator().manual_seed(0), looks_back=looks_back)
    return model.eval()


def test_the_first_head_looks_at_the_token_before_whatever_it_is():
    place = torch.arange(1, 128)
    attended = weights(made(True))[:, :, place, place - 1]
    assert attended[:, 0].min() > 0.97
    assert attended[:, 1].mean() < 0.1
    assert weights(made(False))[:, :, place, place - 1].mean() < 0.1


def test_what_it_writes_tells_the_token_before():
    model = made(True)
    ids = torch.randint(0, 300, (1, 64), generator=torch.Generator().manual_seed(5))
    trace = Trace()
    with torch.no_grad():
        model(ids, trace=trace)
    written_TD = trace.tensors["layer.0.attention.output"][0, 1:]
    first = model.blocks[0].attention
    value_VK = model.token_embedding.weight @ first.value.weight[:64].T
    guess_TV = torch.nn.functional.normalize(written_TD @ first.output.weight[:, :64], dim=-1) @ (
        torch.nn.functional.normalize(value_VK, dim=-1).T
    )
    assert (guess_TV.argmax(dim=-1) == ids[0, :-1]).float().mean() > 0.95


def test_only_where_it_can_be_made():
    generator = torch.Generator().manual_seed(0)
    assert can_look_back(CONFIG)
    assert not can_look_back(classic(vocabulary_size=300, context=64, layers=2, width=64, heads=2))
    assert not can_look_back(dataclasses.replace(CONFIG, positions="none"))
    alone = modern(vocabulary_size=300, context=64, layers=1, width=64, heads=1)
    with pytest.raises(ValueError, match="rotary"):
        look_back(GPT(alone), generator)
    GPT(alone).initialise(generator, looks_back=True)  # as any other weights, without one
