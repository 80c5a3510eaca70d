"""Causal self-attention: Q = X·W_Q, K = X·W_K, V = X·W_V;  softmax(Q·Kᵀ / √K + mask) · V, heads joined by W_O.

With options: grouped keys and values (GQA, MQA), rotary positions or ALiBi, norms on queries and keys, sliding windows,
soft-capped scores, attention sinks. The plain case runs torch's fused kernel; soft-caps, sinks and a trace run the
explicit one below, and a test holds both equal.

Shapes: B batch, T query positions, S key positions, H heads, G key/value heads, K head width, P rotated pairs,
D width.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from textmill.model.cache import Cache
from textmill.model.config import ModelConfig
from textmill.model.flex import TiledMask
from textmill.model.norm import make_head_norm
from textmill.model.positions import alibi_slopes, rotate
from textmill.model.trace import Trace


class Attention(nn.Module):
    """Multi-head causal self-attention of one layer."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.config, self.layer = config, layer
        inner, shared = config.heads * config.head_width, config.kv_heads * config.head_width
        self.query = nn.Linear(config.width, inner, bias=config.attention_bias)
        self.key = nn.Linear(config.width, shared, bias=config.attention_bias)
        self.value = nn.Linear(config.width, shared, bias=config.attention_bias)
        self.output = nn.Linear(inner, config.width, bias=config.attention_output_bias)
        self.query_norm = make_head_norm(config, config.heads) if config.qk_norm else None
        self.key_norm = make_head_norm(config, config.kv_heads) if config.qk_norm else None
        self.sinks = nn.Parameter(torch.zeros(config.heads)) if config.attention_sinks else None
        self.scale = config.attention_scale or config.head_width**-0.5

    def forward(
        self,
        x_BTD: Float[Tensor, "B T D"],
        rope: tuple[Tensor, Tensor] | None,
        bias: Tensor | TiledMask | None,
        cache: Cache | None,
        trace: Trace | None,
    ) -> Float[Tensor, "B T D"]:
        """Returns the layer's attention output.

        `rope`: cosines and sines (B T P) of the queries' positions. `bias`: what `attention_bias` made, boolean
        (True: may attend) or additive; None means plain causal over T = S. A `TiledMask` runs FlexAttention.
        """
        q_BHTK, k_BGTK, v_BGTK = self._heads(x_BTD, rope, trace)
        if isinstance(bias, TiledMask):
            return self.output(bias.attend(q_BHTK, k_BGTK, v_BGTK, self.scale).transpose(1, 2).flatten(2))
        if cache is not None:
            k_BGTK, v_BGTK = cache.update(self.layer, k_BGTK, v_BGTK)
        groups = self.config.heads // self.config.kv_heads
        if groups > 1:
            k_BGTK, v_BGTK = (x.repeat_interleave(groups, dim=1) for x in (k_BGTK, v_BGTK))
        k_BHSK, v_BHSK = k_BGTK.to(q_BHTK.dtype), v_BGTK.to(q_BHTK.dtype)
        dropout = self.config.dropout if self.training else 0.0
        if trace is None and self.sinks is None and not self.config.attention_softcap:
            causal = bias is None and q_BHTK.shape[2] > 1
            if bias is not None and bias.dtype != torch.bool:
                bias = bias.to(q_BHTK.dtype)
            y_BHTK = F.scaled_dot_product_attention(
                q_BHTK, k_BHSK, v_BHSK, attn_mask=bias, is_causal=causal, scale=self.scale, dropout_p=dropout
            )
        else:
            y_BHTK = self._explicit(q_BHTK, k_BHSK, v_BHSK, bias, dropout, trace)
        y_BTD = self.output(y_BHTK.transpose(1, 2).flatten(2))
        if trace is not None:
            trace.record(f"layer.{self.layer}.attention.heads", y_BHTK)
            trace.record(f"layer.{self.layer}.attention.output", y_BTD)
        return y_BTD

    def _heads(
        self, x_BTD: Tensor, rope: tuple[Tensor, Tensor] | None, trace: Trace | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Projects to queries (B H T K), keys and values (B G T K), normed and rotated."""
        shape = (*x_BTD.shape[:2], -1, self.config.head_width)
        q, k, v = self.query(x_BTD), self.key(x_BTD), self.value(x_BTD)
        joint = self.config.qk_norm_joint
        if not joint:
            q, k = q.view(shape), k.view(shape)
        if self.query_norm is not None and self.key_norm is not None:
            q, k = self.query_norm(q), self.key_norm(k)
        q, k, v = q.view(shape), k.view(shape), v.view(shape)
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        if rope is not None:
            q, k = rotate(q, *rope), rotate(k, *rope)
        if trace is not None:
            for name, value in (("q", q), ("k", k), ("v", v)):
                trace.record(f"layer.{self.layer}.attention.{name}", value)
        return q, k, v

    def _explicit(
        self, q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, bias: Tensor | None, dropout: float, trace: Trace | None
    ) -> Float[Tensor, "B H T K"]:
        """The formula written out; every intermediate can be seen."""
        score_BHTS = (q_BHTK @ k_BHSK.transpose(2, 3)) * self.scale
        if trace is not None:
            trace.record(f"layer.{self.layer}.attention.scores", score_BHTS)
        if self.config.attention_softcap:
            score_BHTS = self.config.attention_softcap * torch.tanh(score_BHTS / self.config.attention_softcap)
        if bias is None:
            bias = causal_mask(q_BHTK.shape[2], k_BHSK.shape[2], q_BHTK.device)
        if bias.dtype == torch.bool:
            score_BHTS = score_BHTS.masked_fill(~bias, float("-inf"))
        else:
            score_BHTS = score_BHTS + bias
        if self.sinks is not None:
            sink = self.sinks.to(score_BHTS.dtype)[None, :, None, None].expand(*score_BHTS.shape[:3], 1)
            weight_BHTS = torch.cat((score_BHTS, sink), dim=-1).float().softmax(dim=-1)[..., :-1]
        else:
            weight_BHTS = score_BHTS.float().softmax(dim=-1)
        if trace is not None:
            trace.record(f"layer.{self.layer}.attention.weights", weight_BHTS)
        return F.dropout(weight_BHTS.to(v_BHSK.dtype), dropout) @ v_BHSK


def causal_mask(queries: int, keys: int, device: torch.device) -> Bool[Tensor, "1 1 T S"]:
    """True where a query may see a key; the last query stands at the last key."""
    query_T1 = torch.arange(keys - queries, keys, device=device)[:, None]
    return (torch.arange(keys, device=device)[None, :] <= query_T1)[None, None]


def attention_bias(
    config: ModelConfig,
    layer: int,
    *,
    queries: int,
    keys: int,
    device: torch.device,
    documents_BT: Tensor | None = None,
    padding_BS: Tensor | None = None,
) -> Tensor | None:
    """Returns what attention adds to or allows of the scores, or None for plain causal attention.

    Boolean (B or 1, 1, T, S), True where allowed; with documents an additive float of that shape, with ALiBi one of
    (B or 1, H, T, S).
    `documents_BT`: the index of each token's document, attention stays inside it; `padding_BS`: True for real tokens.
    """
    window = config.window(layer)
    plain = documents_BT is None and padding_BS is None and config.positions != "alibi"
    if plain and not (window and window < keys) and queries in (1, keys):
        return None
    allowed = causal_mask(queries, keys, device)
    distance_TS = torch.arange(keys - queries, keys, device=device)[:, None] - torch.arange(keys, device=device)
    if window:
        allowed = allowed & (distance_TS < window)
    if documents_BT is not None:
        allowed = allowed & (documents_BT[:, None, -queries:, None] == documents_BT[:, None, None, :])
    if padding_BS is not None:
        # a padded query sees itself, so that its softmax is defined; nobody reads its result
        allowed = allowed & (padding_BS[:, None, None, :] | (distance_TS == 0))
    if config.positions != "alibi" and documents_BT is None:
        return allowed
    if config.positions != "alibi":
        # additive, made once: the CPU kernel turns a boolean mask into this in every layer, at 1.8 times the time
        return torch.zeros(allowed.shape, device=device).masked_fill(~allowed, float("-inf"))
    penalty = -alibi_slopes(config.heads).to(device)[:, None, None] * distance_TS
    return penalty[None].masked_fill(~allowed, float("-inf"))
