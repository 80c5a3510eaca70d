"""Trees through the compiled kernels: bf16 matrices, a float32 residual stream, no token that only pads.

The tokens of all rows stand one after another (N of them); products, norms, rotation and SwiGLU see no rows at all.
Only attention is by row: its queries, keys and values are laid out with padding, and what comes of the padding is left.

The models are those that the kernels compute in training (`native.fits`); weights that read the same input lie under
one another, rounded once.

Shapes: N tokens of a batch, B rows, T tokens of the longest, C tokens of a shared beginning, H heads, G key heads, K
head width, D width, V vocabulary, P rotated pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import BFloat16, Bool, Float, Int
from torch import Tensor

from textmill.evaluate.forest import TRUNK, Tree, arranged, tree_bias
from textmill.kernels import build, operations
from textmill.model.block import Block
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT
from textmill.model.native import fits

Norms = tuple[Tensor | None, Tensor | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedLayer:
    """A block's weights: matrices in bf16, norms in float32."""

    qkv: Tensor
    output: Tensor
    gate_up: Tensor
    down: Tensor
    attention_norm: Tensor
    feed_forward_norm: Tensor
    head_norms: Norms


@dataclass(slots=True, kw_only=True)
class PackedBeginning:
    """Keys and values of a shared beginning by layer, each (1 C G K)."""

    length: int
    layers: list[tuple[Tensor, Tensor]] = field(default_factory=list)


def can_pack(model: GPT) -> bool:
    """True where the kernels compute the model, on this machine."""
    config = model.config
    plain = not config.logit_softcap and config.logit_divisor == 1.0
    on_cpu = model.token_embedding.weight.device.type == "cpu"
    return on_cpu and plain and fits(config) and build.available()[0]


class PackedModel:
    """A model whose weights were packed; `model` itself gives embeddings and angles."""

    def __init__(self, model: GPT) -> None:
        self.model, self.config = model, model.config
        self.layers = [packed_layer(cast(Block, block)) for block in model.blocks]
        self.last_norm = weight_of(model.norm)
        self.output_VD = narrow(model.output.weight)

    def read_beginning(self, ids: Sequence[int]) -> PackedBeginning | None:
        """Returns the keys and values of a shared beginning, None for an empty one."""
        if not ids:
            return None
        length = len(ids)
        tree = Tree(
            number=0, ids=tuple(ids), branches=(TRUNK,) * length, positions=tuple(range(length)), rows=(), targets=()
        )
        kept = PackedBeginning(length=length)
        self.states([tree], None, keep=kept)
        return kept

    def states(
        self, trees: Sequence[Tree], beginning: PackedBeginning | None, *, keep: PackedBeginning | None = None
    ) -> BFloat16[Tensor, "N D"]:
        """Returns the normed residual stream of all trees' tokens; `keep` gets their keys and values."""
        ids_BT, branches_BT, positions_BT = arranged(trees)
        real_BT = torch.tensor([[at < len(tree.ids) for at in range(ids_BT.shape[1])] for tree in trees])
        rows = Rows(self.model, branches_BT, positions_BT, real_BT, beginning)
        positions_N = positions_BT[real_BT]
        cos, sin = (x[0].contiguous() for x in self.model.rope(positions_N[None], int(positions_N.max()) + 1))
        x_ND, added_ND = self.model.embed(ids_BT[real_BT][None], positions_N[None])[0].float(), None
        for number, layer in enumerate(self.layers):
            x_ND, y_ND, _ = operations.add_norm(x_ND, added_ND, layer.attention_norm, self.config.norm_epsilon)
            q, k, v = self._heads(y_ND, layer, (cos, sin))
            if keep is not None:
                keep.layers.append((k[None], v[None]))
            added_ND = rows.attend(number, q, k, v) @ layer.output.T
            x_ND, y_ND, _ = operations.add_norm(x_ND, added_ND, layer.feed_forward_norm, self.config.norm_epsilon)
            added_ND = operations.swiglu(y_ND @ layer.gate_up.T) @ layer.down.T
        return operations.add_norm(x_ND, added_ND, self.last_norm, self.config.norm_epsilon)[1]

    def _heads(
        self, y_ND: Tensor, layer: PackedLayer, angles: tuple[Tensor, Tensor]
    ) -> tuple[Float[Tensor, "N H K"], Float[Tensor, "N G K"], Float[Tensor, "N G K"]]:
        """Returns queries, keys and values, normed and rotated."""
        config = self.config
        qkv = (y_ND @ layer.qkv.T)[None]
        shape = (config.heads, config.kv_heads)
        q, k, _ = operations.norm_rotate(qkv, shape, layer.head_norms, angles, config.norm_epsilon)
        v = qkv[0, :, -config.kv_heads * config.head_width :].unflatten(-1, (config.kv_heads, config.head_width))
        return q[0], k[0], v

    def log_sums(
        self, x_ND: BFloat16[Tensor, "N D"], index_M: Int[Tensor, " M"], target_M: Int[Tensor, " M"]
    ) -> tuple[Float[Tensor, " M"], Bool[Tensor, " M"]]:
        """Returns each target's log-probability after its row, and whether it is the likeliest token there."""
        logits_NV = x_ND @ self.output_VD.T
        sum_N, best_N = operations.log_sums(logits_NV)
        return logits_NV[index_M, target_M].float() - sum_N[index_M], best_N[index_M] == target_M


class Rows:
    """Attention by row for tokens that stand one after another."""

    def __init__(
        self,
        model: GPT,
        branches_BT: Tensor,
        positions_BT: Tensor,
        real_BT: Bool[Tensor, "B T"],
        beginning: PackedBeginning | None,
    ) -> None:
        self.config: ModelConfig = model.config
        self.shape, self.beginning = real_BT.shape, beginning
        self.scale = model.config.attention_scale or model.config.head_width**-0.5
        past = beginning.length if beginning is not None else 0
        self.bias = tree_bias(model, branches_BT, positions_BT, past, 0).to(torch.bfloat16)
        self.full = bool(real_BT.all())
        self.places_N = real_BT.flatten().nonzero()[:, 0]
        self.source_X = (real_BT.flatten().cumsum(0) - 1).clamp_min(0)
        """For each place of the padded rows, a token; what is computed for padding is not read."""

    def attend(self, layer: int, q_NHK: Tensor, k_NGK: Tensor, v_NGK: Tensor) -> BFloat16[Tensor, "N X"]:
        """Returns the heads' outputs side by side."""
        q, k, v = (self._padded(x).transpose(1, 2) for x in (q_NHK, k_NGK, v_NGK))
        if self.beginning is not None:
            keys, values = (x.transpose(1, 2).expand(len(q), -1, -1, -1) for x in self.beginning.layers[layer])
            k, v = torch.cat((keys, k), dim=2), torch.cat((values, v), dim=2)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=self.bias, scale=self.scale, enable_gqa=True)
        y_XO = y.transpose(1, 2).reshape(self.shape[0] * self.shape[1], -1)
        return y_XO if self.full else y_XO[self.places_N]

    def _padded(self, x_NHK: Tensor) -> Tensor:
        whole = x_NHK if self.full else x_NHK[self.source_X]
        return whole.unflatten(0, (self.shape[0], self.shape[1]))


def packed_layer(block: Block) -> PackedLayer:
    """Returns a block's weights for the kernels."""
    attention, feed_forward = block.attention, block.feed_forward
    return PackedLayer(
        qkv=narrow(attention.query.weight, attention.key.weight, attention.value.weight),
        output=narrow(attention.output.weight),
        gate_up=narrow(feed_forward.gate.weight, feed_forward.up.weight),  # type: ignore[union-attr]
        down=narrow(feed_forward.down.weight),  # type: ignore[union-attr]
        attention_norm=weight_of(block.attention_norm),
        feed_forward_norm=weight_of(block.feed_forward_norm),
        head_norms=(head_weight(attention.query_norm), head_weight(attention.key_norm)),
    )


def narrow(*weights: Tensor) -> Tensor:
    """Returns weights under one another in bf16."""
    return torch.cat([weight.detach().to(torch.bfloat16) for weight in weights])


def weight_of(norm: object) -> Tensor:
    """Returns a norm's weight in float32."""
    return cast(Tensor, norm.weight).detach().float().contiguous()  # type: ignore[attr-defined]


def head_weight(norm: object | None) -> Tensor | None:
    """Returns the weight of a head's norm, None where there is none."""
    return None if norm is None else weight_of(norm)
