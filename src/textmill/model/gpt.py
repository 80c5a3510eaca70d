"""The decoder-only transformer: token ids in, a score for every possible next token out.

    ids ─▶ token embedding (+ position table) ─▶ block × layers ─▶ norm ─▶ output projection ─▶ logits

Shapes: B batch, T new positions, S all positions so far, D width, V vocabulary, P pairs of rotated dimensions.
"""

from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from textmill.kernels.layers import document_starts
from textmill.model.attention import attention_bias
from textmill.model.block import Block
from textmill.model.cache import Cache
from textmill.model.config import ModelConfig
from textmill.model.flex import TiledMask, tiled_mask
from textmill.model.look_back import can_look_back, look_back
from textmill.model.native import native_layers
from textmill.model.norm import make_norm
from textmill.model.positions import document_positions, rope_tables, sinusoidal_table
from textmill.model.trace import Trace


class GPT(nn.Module):
    """One decoder with options; see `ModelConfig`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.position_embedding = nn.Embedding(config.context, config.width) if config.absolute_positions else None
        self.embedding_norm = make_norm(config) if config.embedding_norm else None
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.norm = make_norm(config) if config.norm_place != "post" else nn.Identity()
        self.output = nn.Linear(config.width, config.vocabulary_size, bias=False)
        if config.tied:
            self.output.weight = self.token_embedding.weight
        if self.position_embedding is not None and config.positions == "sinusoidal":
            self.position_embedding.weight.requires_grad_(False)
        self.recompute = False
        """In training: keep only the layers' inputs and compute the rest again on the way back."""
        self.native = False
        """Whether training runs the compiled kernels: bf16 on a CPU, for a model that `native.fits`."""
        self.tiled = False
        """Whether training masks documents in tiles (see flex.py): on a GPU, for a model that is `flex.flexible`."""
        self._rope: dict[bool, tuple[Tensor, Tensor]] = {}

    def initialise(self, generator: torch.Generator, *, looks_back: bool = False) -> None:
        """Fills all weights from `generator` (CPU); `looks_back`: with the head of look_back.py where it can be made.

        Matrices are normal with deviation 1/√fan_in, those that write to the residual stream zero in `modern` and
        scaled by 1/√(2·layers) in `classic` (GPT-2's rule); zero means that each block starts as the identity.
        """
        classic = self.config.preset == "classic"
        for name, parameter in self.named_parameters():
            writes = name.endswith(("attention.output.weight", "down.weight"))
            if name.endswith("sinks") or name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 1:
                nn.init.constant_(parameter, 0.0 if self.config.norm_offset else 1.0)
            elif name == "position_embedding.weight" and self.config.positions == "sinusoidal":
                with torch.no_grad():
                    parameter.copy_(sinusoidal_table(self.config.context, self.config.width) * EMBEDDING_DEVIATION)
            elif "embedding" in name:
                deviation = EMBEDDING_DEVIATION if classic or self.config.tied else 1.0
                nn.init.normal_(parameter, std=deviation, generator=generator)
            elif (writes and not classic) or name == "output.weight":
                nn.init.zeros_(parameter)
            else:
                deviation = 0.02 if classic else parameter.shape[1] ** -0.5
                if writes:
                    deviation /= (2 * self.config.layers) ** 0.5
                nn.init.normal_(parameter, std=deviation, generator=generator)
        if looks_back and can_look_back(self.config):
            look_back(self, generator)

    def forward(
        self,
        ids_BT: Int[Tensor, "B T"],
        *,
        documents_BT: Int[Tensor, "B S"] | None = None,
        padding_BS: Bool[Tensor, "B S"] | None = None,
        cache: Cache | None = None,
        trace: Trace | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Returns the logits of the token after each position."""
        x_BTD = self.hidden(ids_BT, documents_BT=documents_BT, padding_BS=padding_BS, cache=cache, trace=trace)
        logits_BTV = self.logits(x_BTD)
        if trace is not None:
            trace.record("logits", logits_BTV)
        return logits_BTV

    def logits(self, x_BTD: Float[Tensor, "*B D"]) -> Float[Tensor, "*B V"]:
        """Returns the scores of every token, soft-capped where the config asks for it."""
        logits_BTV = self.output(x_BTD)
        if self.config.logit_divisor != 1.0:
            logits_BTV = logits_BTV / self.config.logit_divisor
        cap = self.config.logit_softcap
        return cap * torch.tanh(logits_BTV / cap) if cap else logits_BTV

    def hidden(
        self,
        ids_BT: Int[Tensor, "B T"],
        *,
        documents_BT: Int[Tensor, "B S"] | None = None,
        padding_BS: Bool[Tensor, "B S"] | None = None,
        cache: Cache | None = None,
        trace: Trace | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Returns the residual stream after the final norm.

        `documents_BT`: the index of each token's document in its row, with a cache also of those seen before; attention
        stays inside a document and absolute positions start anew with each. `padding_BS`: False where a row of a batch
        is padded (on the left).
        """
        past = cache.length if cache is not None else 0
        positions_BT = self.positions(ids_BT, past, documents_BT, padding_BS)
        x_BTD = self.embed(ids_BT, positions_BT)
        if trace is not None:
            trace.record("embedding", x_BTD)
        if self.native and self.training and documents_BT is not None and cache is None and trace is None:
            rope, blocks = self.ropes(positions_BT, ids_BT.shape[1])[0], cast(list[Block], list(self.blocks))
            return native_layers(blocks, self.norm, x_BTD, rope, documents_BT, recompute=self.recompute)
        x_BTD = self.through_layers(
            x_BTD, positions_BT, documents_BT=documents_BT, padding_BS=padding_BS, cache=cache, trace=trace
        )
        if cache is not None:
            cache.advance(ids_BT.shape[1])
        x_BTD = self.norm(x_BTD)
        if trace is not None:
            trace.record("normed", x_BTD)
        return x_BTD

    def through_layers(
        self,
        x_BTD: Float[Tensor, "B T D"],
        positions_BT: Int[Tensor, "#B T"],
        *,
        layers: range | None = None,
        documents_BT: Int[Tensor, "B S"] | None = None,
        padding_BS: Bool[Tensor, "B S"] | None = None,
        cache: Cache | None = None,
        trace: Trace | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Returns the residual stream behind `layers` (None: all); the rest is as in `hidden`."""
        queries = x_BTD.shape[1]
        keys = queries + (cache.length if cache is not None else 0)
        rope = self.ropes(positions_BT, keys)
        recompute = self.recompute and self.training and trace is None
        tiled = self.tiled and self.training and cache is None and trace is None and padding_BS is None
        starts_BT = document_starts(documents_BT) if tiled and documents_BT is not None else None
        biases: dict[int, Tensor | TiledMask | None] = {}
        for layer in range(self.config.layers) if layers is None else layers:
            window = self.config.window(layer)
            if window not in biases and starts_BT is not None:
                biases[window] = tiled_mask(self.config, layer, starts_BT)
            if window not in biases:
                biases[window] = attention_bias(
                    self.config,
                    layer,
                    queries=queries,
                    keys=keys,
                    device=x_BTD.device,
                    documents_BT=documents_BT,
                    padding_BS=padding_BS,
                )
            given = (x_BTD, rope[layer], biases[window], cache, trace)
            block = self.blocks[layer]
            x_BTD = checkpoint(block, *given, use_reentrant=False) if recompute else block(*given)
        return x_BTD

    def embed(self, ids_BT: Int[Tensor, "B T"], positions_BT: Int[Tensor, "#B T"]) -> Float[Tensor, "B T D"]:
        """Returns the tokens' vectors, scaled where the config asks for it, plus those of their positions."""
        x_BTD = self.token_embedding(ids_BT)
        if self.config.embedding_scale != 1.0:
            x_BTD = x_BTD * torch.tensor(self.config.embedding_scale, dtype=x_BTD.dtype)
        if self.position_embedding is not None:
            x_BTD = x_BTD + self.position_embedding(positions_BT)
        if self.embedding_norm is not None:
            x_BTD = self.embedding_norm(x_BTD)
        return F.dropout(x_BTD, self.config.dropout, self.training)

    def positions(
        self, ids_BT: Tensor, past: int, documents_BT: Tensor | None, padding_BS: Tensor | None
    ) -> Int[Tensor, "#B T"]:
        """Returns each new token's position; distances alone matter to RoPE, so documents need no restart there."""
        length = ids_BT.shape[1]
        if padding_BS is not None:
            return (padding_BS.long().cumsum(dim=1) - 1).clamp_min(0)[:, -length:]
        if documents_BT is not None and self.config.absolute_positions:
            return document_positions(documents_BT)[:, -length:]
        return torch.arange(past, past + length, device=ids_BT.device)[None]

    def ropes(self, positions_BT: Tensor, length: int) -> list[tuple[Tensor, Tensor] | None]:
        """Returns each layer's cosines and sines, None for a layer that rotates nothing."""
        config = self.config
        made: dict[bool, tuple[Tensor, Tensor]] = {}
        ropes: list[tuple[Tensor, Tensor] | None] = []
        for layer in range(config.layers):
            local = bool(config.window_rope_theta and config.window(layer))
            if config.positions != "rope" or layer in config.rope_skips:
                ropes.append(None)
                continue
            if local not in made:
                made[local] = self.rope(positions_BT, length, local=local)
            ropes.append(made[local])
        return ropes

    def rope(self, positions_BT: Int[Tensor, "#B T"], length: int, *, local: bool = False) -> tuple[Tensor, Tensor]:
        """Returns cosines and sines (B T P) at the given positions; the tables grow by doubling and are kept.

        `local`: those of layers with a base of their own. Scalings that look at the length (dynamic, longrope) have
        other angles past the original context, so those tables are not kept. Nor are tables made as inference
        tensors: training may use what an evaluation made first.
        """
        scaling, device = self.config.rope_scaling, positions_BT.device
        by_length = scaling.kind in ("dynamic", "longrope") and not local
        original = scaling.original_context or self.config.context
        if by_length and length > original:
            cos, sin = (table.to(device) for table in rope_tables(self.config, length))
            return cos[positions_BT], sin[positions_BT]
        kept = self._rope.get(local)
        if kept is None or kept[0].shape[0] < length or kept[0].device != device:
            held = 1 << (length - 1).bit_length()
            held = min(held, original) if by_length else held
            with torch.inference_mode(False):
                cos, sin = rope_tables(self.config, held, local=local)
                kept = self._rope[local] = (cos.to(device), sin.to(device))
        return kept[0][positions_BT], kept[1][positions_BT]


EMBEDDING_DEVIATION = 0.02
"""GPT-2's deviation of embeddings, where input and output share them; free input embeddings start at 1."""
