"""Qwen3, the layout of `modern`: RMSNorm before each part, RoPE, norms on queries and keys, SwiGLU, grouped heads."""

from typing import Any

from textmill.errors import ModelError
from textmill.model.config import ModelConfig
from textmill.model.hub.family import Family, HubConfig, Weight
from textmill.model.hub.rope import read_rope, write_rope

LAYER, BLOCK = "model.layers.{layer}.", "blocks.{layer}."
FULL, SLIDING = "full_attention", "sliding_attention"


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json that are Qwen3's own."""
    window = max(config.windows, default=0)
    sliding = [bool(size) for size in config.windows]
    tail = sliding.index(True) if window else config.layers
    values = {
        "vocab_size": config.vocabulary_size,
        "hidden_size": config.width,
        "intermediate_size": config.feed_forward,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_width,
        "hidden_act": "silu",
        "max_position_embeddings": config.context,
        "rms_norm_eps": config.norm_epsilon,
        "tie_word_embeddings": config.tied,
        "attention_bias": config.attention_bias,
        "attention_dropout": config.dropout,
        "use_sliding_window": bool(window),
        "sliding_window": window or None,
        "max_window_layers": tail,
        "initializer_range": 0.02,
        "use_cache": True,
    }
    if window:
        values["layer_types"] = [SLIDING if size else FULL for size in sliding]
    return values | write_rope(config.rope_theta, config.rope_scaling, config.context)


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a Qwen3 config.json; defaults are those of transformers."""
    config.require("hidden_act", "silu", "swish")
    layers = config.integer("num_hidden_layers", 32, maximum=10_000)
    context = config.integer("max_position_embeddings", 32768)
    heads = config.integer("num_attention_heads", 32)
    bias = config.get("attention_bias", bool, False)
    theta, share, scaling = read_rope(config, context)
    return ModelConfig(
        preset="modern",
        vocabulary_size=config.integer("vocab_size", 151936),
        context=context,
        layers=layers,
        width=config.integer("hidden_size", 4096),
        heads=heads,
        kv_heads=config.integer("num_key_value_heads", heads),
        head_width=config.integer("head_dim", 128),
        feed_forward=config.integer("intermediate_size", 22016),
        positions="rope",
        rope_theta=theta,
        rope_fraction=share,
        rope_scaling=scaling,
        norm="rms",
        norm_epsilon=config.number("rms_norm_eps", 1e-6),
        qk_norm=True,
        attention_bias=bias,
        attention_output_bias=bias,
        windows=_windows(config, layers),
        feed_forward_kind="swiglu",
        tied=config.get("tie_word_embeddings", bool, False),
        dropout=config.number("attention_dropout", 0.0),
    )


def _windows(config: HubConfig, layers: int) -> tuple[int, ...]:
    if not config.get("use_sliding_window", bool, False):
        window = 0
    else:
        window = config.integer("sliding_window", 0, minimum=0)
    first = config.integer("max_window_layers", 28, minimum=0)
    default = [SLIDING if window and layer >= first else FULL for layer in range(layers)]
    kinds = config.get("layer_types", list, default)
    unknown = [kind for kind in kinds if kind not in (FULL, SLIDING)]
    if unknown or len(kinds) != layers or (SLIDING in kinds and not window):
        raise ModelError(
            "hub.value",
            file=config.place,
            name="layer_types",
            expected=f"{layers} × {FULL} | {SLIDING} (sliding_window)",
            value=f"{len(kinds)}, {unknown[:1] or ''} {window}",
        )
    return tuple(window if kind == SLIDING else 0 for kind in kinds) if SLIDING in kinds else ()


def _linear(hub: str, ours: str) -> tuple[Weight, Weight]:
    return (
        Weight(f"{LAYER}{hub}.weight", f"{BLOCK}{ours}.weight"),
        Weight(f"{LAYER}{hub}.bias", f"{BLOCK}{ours}.bias"),
    )


QWEN3 = Family(
    model_type="qwen3",
    architecture="Qwen3ForCausalLM",
    write=write,
    read=read,
    prefix="model.",
    weights=(
        Weight("model.embed_tokens.weight", "token_embedding.weight"),
        Weight(LAYER + "input_layernorm.weight", BLOCK + "attention_norm.weight"),
        *_linear("self_attn.q_proj", "attention.query"),
        *_linear("self_attn.k_proj", "attention.key"),
        *_linear("self_attn.v_proj", "attention.value"),
        *_linear("self_attn.o_proj", "attention.output"),
        Weight(LAYER + "self_attn.q_norm.weight", BLOCK + "attention.query_norm.weight"),
        Weight(LAYER + "self_attn.k_norm.weight", BLOCK + "attention.key_norm.weight"),
        Weight(LAYER + "post_attention_layernorm.weight", BLOCK + "feed_forward_norm.weight"),
        Weight(LAYER + "mlp.gate_proj.weight", BLOCK + "feed_forward.gate.weight"),
        Weight(LAYER + "mlp.up_proj.weight", BLOCK + "feed_forward.up.weight"),
        Weight(LAYER + "mlp.down_proj.weight", BLOCK + "feed_forward.down.weight"),
        Weight("model.norm.weight", "norm.weight"),
        Weight("lm_head.weight", "output.weight"),
    ),
    without_effect=("initializer_range", "use_cache"),
    buffers=(r".*\.rotary_emb\.inv_freq",),
)
