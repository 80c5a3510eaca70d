"""BLOOM: ALiBi instead of positions, a norm on the embedding, LayerNorm, GELU, biases everywhere."""

from typing import Any

from textmill.model.config import ModelConfig, head_width_of
from textmill.model.hub.common import QUERY_KEY_VALUE, WITHOUT_EFFECT, pair
from textmill.model.hub.family import Family, HubConfig, Weight
from textmill.model.hub.packing import GROUPED

LAYER, BLOCK = "transformer.h.{layer}.", "blocks.{layer}."
CONTEXT = 2048
"""What BLOOM was trained with; its config.json has no such key, and ALiBi no such limit."""


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a BLOOM config.json; defaults are those of transformers."""
    config.require("apply_residual_connection_post_layernorm", False)
    config.require("slow_but_exact", False)
    width = config.integer("hidden_size", config.get("n_embed", int, 64))
    heads = config.integer("n_head", config.get("num_attention_heads", int, 8))
    return ModelConfig(
        preset="bloom",
        vocabulary_size=config.integer("vocab_size", 250880),
        context=config.integer("seq_length", CONTEXT),
        layers=config.integer("n_layer", config.get("num_hidden_layers", int, 2), maximum=10_000),
        width=width,
        heads=heads,
        kv_heads=heads,
        head_width=head_width_of(width, heads),
        feed_forward=4 * width,
        positions="alibi",
        norm="layer",
        norm_epsilon=config.number("layer_norm_epsilon", 1e-5),
        attention_bias=True,
        attention_output_bias=True,
        feed_forward_kind="gelu",
        feed_forward_bias=True,
        embedding_norm=True,
        tied=config.get("tie_word_embeddings", bool, True),
        dropout=config.number("hidden_dropout", 0.0),
    )


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    return {
        "vocab_size": config.vocabulary_size,
        "hidden_size": config.width,
        "n_layer": config.layers,
        "n_head": config.heads,
        "seq_length": config.context,
        "layer_norm_epsilon": config.norm_epsilon,
        "hidden_dropout": config.dropout,
        "attention_dropout": config.dropout,
        "apply_residual_connection_post_layernorm": False,
        "tie_word_embeddings": config.tied,
        "pretraining_tp": 1,
        "initializer_range": 0.02,
        "use_cache": True,
    }


BLOOM = Family(
    model_type="bloom",
    architecture="BloomForCausalLM",
    write=write,
    read=read,
    prefix="transformer.",
    weights=(
        Weight("transformer.word_embeddings.weight", "token_embedding.weight"),
        *pair("transformer.word_embeddings_layernorm", "embedding_norm"),
        *pair(LAYER + "input_layernorm", BLOCK + "attention_norm"),
        *pair(LAYER + "self_attention.query_key_value", *(BLOCK + name for name in QUERY_KEY_VALUE), packing=GROUPED),
        *pair(LAYER + "self_attention.dense", BLOCK + "attention.output"),
        *pair(LAYER + "post_attention_layernorm", BLOCK + "feed_forward_norm"),
        *pair(LAYER + "mlp.dense_h_to_4h", BLOCK + "feed_forward.up"),
        *pair(LAYER + "mlp.dense_4h_to_h", BLOCK + "feed_forward.down"),
        *pair("transformer.ln_f", "norm"),
        Weight("lm_head.weight", "output.weight"),
    ),
    without_effect=(*WITHOUT_EFFECT, "attention_dropout"),
)
