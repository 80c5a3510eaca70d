"""Parameters and operations, counted on the built model."""

import pytest
import torch
from model_variants import VARIANTS, build, random_ids
from torch.utils.flop_counter import FlopCounterMode

from textmill.model.attention import attention_bias, causal_mask
from textmill.model.config import ModelConfig
from textmill.model.counts import count_parameters, forward_flops, training_flops

every_variant = pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())


@every_variant
def test_parameter_counts_are_exact(config: ModelConfig) -> None:
    model, count = build(config), count_parameters(config)
    named = dict(model.named_parameters())

    def held(*words: str) -> int:
        return sum(value.numel() for name, value in named.items() if any(word in name for word in words))

    assert count.total == sum(value.numel() for value in model.parameters())
    assert count.embedding == held("token_embedding")
    assert count.position == held("position_embedding")
    assert count.feed_forward == held("feed_forward.")
    assert count.norms == held("norm")
    assert count.output == (0 if config.tied else model.output.weight.numel())
    assert count.matrices == count.total - held("_embedding")


def attention_pairs(config: ModelConfig, context: int) -> int:
    """Pairs of a query and a key that it sees, over all layers and heads, by counting."""
    pairs = 0
    for layer in range(config.layers):
        bias = attention_bias(config, layer, queries=context, keys=context, device=torch.device("cpu"))
        if bias is None:
            bias = causal_mask(context, context, torch.device("cpu"))
        seen = bias if bias.dtype == torch.bool else bias.isfinite()
        pairs += int(seen.expand(1, config.heads, context, context).sum())
    return pairs


@every_variant
@pytest.mark.parametrize("context", [4, 24])
def test_flops_are_those_of_the_matrices_and_of_causal_attention(config: ModelConfig, context: int) -> None:
    model, ids = build(config), random_ids(config, 1, context)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(ids)
    matrices = (torch.ops.aten.mm, torch.ops.aten.addmm)
    counted = sum(flops for op, flops in counter.get_flop_counts()["Global"].items() if op in matrices)
    attention = 4 * config.head_width * attention_pairs(config, context)
    assert forward_flops(config, context) == counted + attention
    assert training_flops(config, context) == 3 * (counted + attention)
