"""A model as the compiled kernels see it: its matrices packed, everything else pointed at."""

from typing import cast

import torch
from torch import Tensor

from textmill.infer.native.layout import ACTIVATIONS, KINDS, PLACES, Held, Layer, Model
from textmill.model.block import Block
from textmill.model.config import ModelConfig
from textmill.model.feed_forward import FeedForward
from textmill.model.gpt import GPT
from textmill.model.positions import alibi_slopes


def model_structure(held: Held, model: GPT, weights: str, output: str, store: Tensor) -> Model:
    """Returns the structure of `model` with matrices in `weights`, the last one in `output`."""
    config = model.config
    layers = (Layer * config.layers)()
    starts: list[int] = []
    for index, block in enumerate(model.blocks):
        layers[index], starts = _layer(held, cast(Block, block), config, weights)
    embedding = model.token_embedding.weight
    embedding = embedding if embedding.dtype in (torch.float32, torch.bfloat16) else embedding.float()
    table = model.position_embedding
    made = Model(
        **{name: getattr(config, name) for name in ("layers", "width", "heads", "kv_heads", "head_width")},
        vocabulary=config.vocabulary_size,
        layer_norm=config.norm == "layer",
        place=PLACES[config.norm_place],
        parallel=config.parallel,
        joint=config.qk_norm_joint and config.qk_norm,
        activation=ACTIVATIONS[config.feed_forward_kind],
        embedding_kind=KINDS["bf16" if embedding.dtype == torch.bfloat16 else "fp32"],
        rotated=config.rotated_width,
        cache_kind=KINDS["fp32" if store.dtype == torch.float32 else "bf16"],
        page_count=store.shape[1],
        key_at=starts[1],
        value_at=starts[2],
        **_numbers(config),
        embedding=held.pointer(embedding),
        position_table=held.pointer(None if table is None else table.weight.float()),
        slopes=held.pointer(alibi_slopes(config.heads) if config.positions == "alibi" else None),
        embedding_norm=held.norm(model.embedding_norm),
        final_norm=held.norm(model.norm),
        output=held.matrix([model.output], output)[0],
        cache=held.pointer(store),
    )
    made.layer = layers
    return made


def _numbers(config: ModelConfig) -> dict[str, float]:
    return {
        "epsilon": config.norm_epsilon,
        "scale": config.attention_scale or config.head_width**-0.5,
        "attention_softcap": config.attention_softcap,
        "residual_scale": config.residual_scale,
        "embedding_scale": config.embedding_scale,
        "logit_softcap": config.logit_softcap,
        "logit_divisor": config.logit_divisor,
    }


def _layer(held: Held, block: Block, config: ModelConfig, weights: str) -> tuple[Layer, list[int]]:
    """Returns a block, and where queries, keys and values begin among its first outputs."""
    attention, feed_forward = block.attention, cast(FeedForward, block.feed_forward)
    qkv, starts = held.matrix([attention.query, attention.key, attention.value], weights)
    gated = feed_forward.gate is not None
    first = [feed_forward.gate, feed_forward.up] if feed_forward.gate is not None else [feed_forward.up]
    rotates = config.positions == "rope" and block.layer not in config.rope_skips
    local = bool(config.window_rope_theta and config.window(block.layer))
    own = block.feed_forward_norm
    layer = Layer(
        qkv=qkv,
        out=held.matrix([attention.output], weights)[0],
        up=held.matrix(first, weights, in_turn=gated)[0],
        down=held.matrix([feed_forward.down], weights)[0],
        attention_norm=held.norm(block.attention_norm),
        feed_forward_norm=held.norm(block.attention_norm if own is None else own),
        attention_after=held.norm(block.attention_norm_after),
        feed_forward_after=held.norm(block.feed_forward_norm_after),
        query_norm=held.norm(attention.query_norm),
        key_norm=held.norm(attention.key_norm),
        sinks=held.pointer(None if attention.sinks is None else attention.sinks.float()),
        window=config.window(block.layer),
        rope=int(local) if rotates else -1,
    )
    return layer, starts
