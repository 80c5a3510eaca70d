"""GPT-NeoX (Pythia): attention and feed-forward side by side, LayerNorm, a quarter of each head rotated, exact GELU."""

from typing import Any

from textmill.model.config import ModelConfig, head_width_of
from textmill.model.hub.common import QUERY_KEY_VALUE, WITHOUT_EFFECT, pair
from textmill.model.hub.family import Family, HubConfig, Weight
from textmill.model.hub.packing import GROUPED
from textmill.model.hub.rope import read_rope, write_rope

LAYER, BLOCK = "gpt_neox.layers.{layer}.", "blocks.{layer}."
ACTIVATIONS = {"gelu": "gelu_exact", "gelu_new": "gelu", "gelu_fast": "gelu", "gelu_pytorch_tanh": "gelu"}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a GPT-NeoX config.json; defaults are those of transformers."""
    config.require("hidden_act", *ACTIVATIONS)
    width, heads = config.integer("hidden_size", 6144), config.integer("num_attention_heads", 64)
    context = config.integer("max_position_embeddings", 2048)
    theta, share = config.number("rotary_emb_base", 10_000.0), config.number("rotary_pct", 0.25)
    bias = config.get("attention_bias", bool, True)
    return ModelConfig(
        preset="gpt_neox",
        vocabulary_size=config.integer("vocab_size", 50432),
        context=context,
        layers=config.integer("num_hidden_layers", 44, maximum=10_000),
        width=width,
        heads=heads,
        kv_heads=heads,
        head_width=head_width_of(width, heads),
        feed_forward=config.integer("intermediate_size", 24576),
        positions="rope",
        norm="layer",
        norm_epsilon=config.number("layer_norm_eps", 1e-5),
        attention_bias=bias,
        attention_output_bias=bias,
        feed_forward_kind=ACTIVATIONS[config.get("hidden_act", str, "gelu")],
        feed_forward_bias=True,
        parallel=config.get("use_parallel_residual", bool, True),
        tied=config.get("tie_word_embeddings", bool, False),
        dropout=config.number("hidden_dropout", 0.0),
        **read_rope(config, context, theta=theta, share=share, partial=True),
    )


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json."""
    rope = write_rope(config)
    return {
        "vocab_size": config.vocabulary_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.feed_forward,
        "hidden_act": "gelu" if config.feed_forward_kind == "gelu_exact" else "gelu_new",
        "rotary_pct": config.rope_fraction,
        "rotary_emb_base": rope["rope_theta"],
        "rope_scaling": rope["rope_scaling"],
        "max_position_embeddings": config.context,
        "layer_norm_eps": config.norm_epsilon,
        "attention_bias": config.attention_bias,
        "use_parallel_residual": config.parallel,
        "attention_dropout": config.dropout,
        "hidden_dropout": config.dropout,
        "tie_word_embeddings": config.tied,
        "initializer_range": 0.02,
        "use_cache": True,
    }


GPT_NEOX = Family(
    model_type="gpt_neox",
    architecture="GPTNeoXForCausalLM",
    write=write,
    read=read,
    prefix="gpt_neox.",
    output="embed_out.weight",
    weights=(
        Weight("gpt_neox.embed_in.weight", "token_embedding.weight"),
        *pair(LAYER + "input_layernorm", BLOCK + "attention_norm"),
        *pair(LAYER + "attention.query_key_value", *(BLOCK + name for name in QUERY_KEY_VALUE), packing=GROUPED),
        *pair(LAYER + "attention.dense", BLOCK + "attention.output"),
        *pair(LAYER + "post_attention_layernorm", BLOCK + "feed_forward_norm"),
        *pair(LAYER + "mlp.dense_h_to_4h", BLOCK + "feed_forward.up"),
        *pair(LAYER + "mlp.dense_4h_to_h", BLOCK + "feed_forward.down"),
        *pair("gpt_neox.final_layer_norm", "norm"),
        Weight("embed_out.weight", "output.weight"),
    ),
    without_effect=(*WITHOUT_EFFECT, "attention_dropout", "classifier_dropout", "is_decoder"),
    buffers=(r".*\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)",),
)
