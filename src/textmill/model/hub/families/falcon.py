"""Falcon: attention and feed-forward side by side, LayerNorm, RoPE, exact GELU, one key and value (7B) or groups (40B).

Falcon-RW's ALiBi is computed in bfloat16 and scaled with the scores; it is refused by name.
"""

from typing import Any

from textmill.model.config import ModelConfig, head_width_of
from textmill.model.hub.common import QUERY_KEY_VALUE, ROTARY_BUFFERS, WITHOUT_EFFECT, pair
from textmill.model.hub.family import Family, HubConfig, Weight
from textmill.model.hub.packing import GROUPED
from textmill.model.hub.rope import read_rope, write_rope

LAYER, BLOCK = "transformer.h.{layer}.", "blocks.{layer}."


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Falcon config.json; defaults are those of transformers."""
    config.require("alibi", False)
    config.require("activation", "gelu")
    width, heads = config.integer("hidden_size", 4544), config.integer("num_attention_heads", 71)
    context = config.integer("max_position_embeddings", 2048)
    bias = config.get("bias", bool, False)
    grouped = config.get("new_decoder_architecture", bool, False)
    single = config.get("multi_query", bool, True)
    parallel = config.get("parallel_attn", bool, True) or grouped
    shared = config.integer("num_kv_heads", heads)  # told also where it has no meaning
    norms = config.integer("num_ln_in_parallel_attn", 2 if grouped else 1, minimum=1, maximum=2 if grouped else 1)
    return ModelConfig(
        preset="falcon",
        vocabulary_size=config.integer("vocab_size", 65024),
        context=context,
        layers=config.integer("num_hidden_layers", 32, maximum=10_000),
        width=width,
        heads=heads,
        kv_heads=shared if grouped else 1 if single else heads,
        head_width=head_width_of(width, heads),
        feed_forward=config.integer("ffn_hidden_size", 4 * width),
        positions="rope",
        norm="layer",
        norm_epsilon=config.number("layer_norm_epsilon", 1e-5),
        attention_bias=bias,
        attention_output_bias=bias,
        feed_forward_kind="gelu_exact",
        feed_forward_bias=bias,
        parallel=parallel,
        shared_norm=parallel and norms == 1,
        tied=config.get("tie_word_embeddings", bool, True),
        dropout=config.number("hidden_dropout", 0.0),
        **read_rope(config, context),
    )


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    grouped = config.parallel and (1 < config.kv_heads < config.heads or not config.shared_norm)
    return {
        "vocab_size": config.vocabulary_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_kv_heads": config.kv_heads,
        "num_ln_in_parallel_attn": (1 if config.shared_norm else 2) if grouped else None,
        "new_decoder_architecture": grouped,
        "multi_query": config.kv_heads == 1,
        "parallel_attn": config.parallel,
        "alibi": False,
        "bias": config.attention_bias,
        "activation": "gelu",
        "ffn_hidden_size": config.feed_forward,
        "max_position_embeddings": config.context,
        "layer_norm_epsilon": config.norm_epsilon,
        "hidden_dropout": config.dropout,
        "attention_dropout": config.dropout,
        "tie_word_embeddings": config.tied,
        "initializer_range": 0.02,
        "use_cache": True,
        **write_rope(config),
    }


def two_norms(config: ModelConfig) -> bool:
    """True where attention and feed-forward, side by side, have a norm each."""
    return config.parallel and not config.shared_norm


FALCON = Family(
    model_type="falcon",
    architecture="FalconForCausalLM",
    write=write,
    read=read,
    prefix="transformer.",
    weights=(
        Weight("transformer.word_embeddings.weight", "token_embedding.weight"),
        *pair(LAYER + "ln_attn", BLOCK + "attention_norm", when=two_norms),
        *pair(LAYER + "ln_mlp", BLOCK + "feed_forward_norm", when=two_norms),
        *pair(LAYER + "input_layernorm", BLOCK + "attention_norm", when=lambda config: not two_norms(config)),
        *pair(LAYER + "post_attention_layernorm", BLOCK + "feed_forward_norm", when=lambda config: not config.parallel),
        *pair(LAYER + "self_attention.query_key_value", *(BLOCK + name for name in QUERY_KEY_VALUE), packing=GROUPED),
        *pair(LAYER + "self_attention.dense", BLOCK + "attention.output"),
        *pair(LAYER + "mlp.dense_h_to_4h", BLOCK + "feed_forward.up"),
        *pair(LAYER + "mlp.dense_4h_to_h", BLOCK + "feed_forward.down"),
        *pair("transformer.ln_f", "norm"),
        Weight("lm_head.weight", "output.weight"),
    ),
    without_effect=(*WITHOUT_EFFECT, "attention_dropout"),
    buffers=ROTARY_BUFFERS,
)
