"""The part of a block that looks at one position at a time: plain, gated, or a mixture of experts.

plain:  y = W_down · act(W_up · x)           act = GELU (its tanh form or exact) or ReLU²
gated:  y = W_down · (act(W_gate · x) ⊙ W_up · x)      act = SiLU (SwiGLU) or GELU (GeGLU), https://arxiv.org/abs/2002.05202
experts: the router picks `experts_per_token` of E such parts a token and adds their outputs, weighted.

Shapes: B batch, T time, D width, F feed-forward width, N tokens (B·T), E experts.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from textmill.model.config import ModelConfig


class FeedForward(nn.Module):
    """One position-wise feed-forward part."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.kind = config.feed_forward_kind
        bias = config.feed_forward_bias
        gated = self.kind in ("swiglu", "geglu")
        self.gate = nn.Linear(config.width, config.feed_forward, bias=bias) if gated else None
        self.up = nn.Linear(config.width, config.feed_forward, bias=bias)
        self.down = nn.Linear(config.feed_forward, config.width, bias=bias)

    def forward(self, x: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """Returns the part's output, of the shape and dtype of its input."""
        up = self.up(x)
        if self.gate is not None:
            act = F.silu if self.kind == "swiglu" else _gelu
            return self.down(act(self.gate(x)) * up)
        if self.kind == "relu2":
            return self.down(F.relu(up).square())
        return self.down(_gelu(up) if self.kind == "gelu" else F.gelu(up))


def _gelu(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")  # the form GPT-2 and Gemma were trained with


class MixtureOfExperts(nn.Module):
    """A router and E feed-forward parts; each token goes through the k the router likes best (Mixtral, Qwen-MoE)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.per_token = config.experts_per_token
        self.normalise = config.norm_expert_weights
        self.router = nn.Linear(config.width, config.experts, bias=False)
        self.experts = nn.ModuleList(FeedForward(config) for _ in range(config.experts))

    def forward(self, x_BTD: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Returns the weighted sum of the chosen experts' outputs."""
        x_ND = x_BTD.reshape(-1, x_BTD.shape[-1])
        probability_NE = self.router(x_ND).float().softmax(dim=-1)
        weight_Nk, choice_Nk = probability_NE.topk(self.per_token, dim=-1)
        if self.normalise:
            weight_Nk = weight_Nk / weight_Nk.sum(dim=-1, keepdim=True)
        out_ND = torch.zeros_like(x_ND)
        for index, expert in enumerate(self.experts):
            token, slot = (choice_Nk == index).nonzero(as_tuple=True)
            y = expert(x_ND[token]) * weight_Nk[token, slot, None].to(x_ND.dtype)
            out_ND = out_ND.index_add(0, token, y.to(out_ND.dtype))
        return out_ND.view_as(x_BTD)


def make_feed_forward(config: ModelConfig) -> nn.Module:
    """Returns the feed-forward part that the config asks for."""
    return MixtureOfExperts(config) if config.experts else FeedForward(config)
