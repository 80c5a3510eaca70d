"""First weights with which one head of the first layer looks at the token before, from the first step on.

Which token came before is what every model finds out first, and what copying from the context ("induction",
https://arxiv.org/abs/2209.11895) is built on; a short run spends a good part of its steps on it. First weights made
after what trained ones look like are known to help (https://arxiv.org/abs/2305.09828); these are only first weights,
and the model stays the same to everyone else. docs/log.md has the figures.

One dimension of the embedding begins with the same value for every token, so that the head's query and key begin as
vectors that do not depend on the token. Rotary positions turn pair i of query and key by position · θ_i:

    score(distance) = Σ_i cos((distance − 1) · θ_i)        greatest at distance 1, sharp where θ_i is large

Values and output begin as a random projection of the token that is looked at. Shapes: D width, K head width.
"""

from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from textmill.model.config import ModelConfig
from textmill.model.positions import rope_frequencies

if TYPE_CHECKING:
    from textmill.model.block import Block
    from textmill.model.gpt import GPT

CONSTANT = 4.0
"""The dimension that all tokens share, in deviations of the others: large enough to be heard through the norm."""
FAST = 0.2
"""Pairs that turn faster than this (radians a token) tell one distance from the next."""
GAIN = 2.0
"""Of the norms on those pairs of queries and keys: 99% of the attention falls on the token before."""


def can_look_back(config: ModelConfig) -> bool:
    """True where the head can be made: rotary positions over the whole head, and normed queries and keys."""
    rotates = config.positions == "rope" and config.rotated_width == config.head_width
    return rotates and config.qk_norm and not config.qk_norm_joint and config.heads > 1 and config.layers > 1


@torch.no_grad()
def look_back(model: "GPT", generator: torch.Generator) -> None:
    """Changes the first weights of the first head of the first layer; ValueError where `can_look_back` is false."""
    config = model.config
    if not can_look_back(config):
        raise ValueError("a head that looks back needs rotary positions and normed queries and keys")
    width, pairs = config.head_width, config.head_width // 2
    frequency = rope_frequencies(config, config.context)[0]
    fast = [pair for pair in range(pairs) if frequency[pair] > FAST]
    attention = cast("Block", model.blocks[0]).attention
    embedding = model.token_embedding.weight
    embedding[:, 0] = CONSTANT * embedding[:, 1:].std()
    attention.query.weight[:width] = 0.0
    attention.key.weight[:width] = 0.0
    attention.key.weight[fast, 0] = 1.0
    attention.query.weight[fast, 0] = frequency[fast].cos()
    attention.query.weight[[pair + pairs for pair in fast], 0] = -frequency[fast].sin()
    for norm in (attention.query_norm, attention.key_norm):
        cast("nn.RMSNorm", norm).weight[[*fast, *(pair + pairs for pair in fast)]] *= GAIN
    value_KD, output_DK = attention.value.weight[:width], attention.output.weight[:, :width]
    value_KD.copy_(nn.init.orthogonal_(torch.empty_like(value_KD), generator=generator))
    output_DK.copy_(nn.init.orthogonal_(torch.empty_like(output_DK), generator=generator))
    output_DK *= (config.width / width) ** 0.5  # so that the head writes about as much as the embedding did
    value_KD[:, 0] = 0.0
    output_DK[0] = 0.0
