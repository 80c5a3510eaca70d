"""What most families share: Llama's names in config.json and in the weights. A family says only what is its own.

`read_decoder` and `write_decoder` map the common keys of config.json, `decoder_weights` makes the weight table. A row
whose parameters a configuration does not have does not count, so one table serves with biases and without.
"""

from collections.abc import Callable, Mapping
from typing import Any

from textmill.errors import ModelError
from textmill.model.config import ModelConfig, head_width_of
from textmill.model.hub.family import Family, HubConfig, Weight
from textmill.model.hub.packing import PLAIN, Packing
from textmill.model.hub.rope import read_rope, write_rope

LAYER, BLOCK = "model.layers.{layer}.", "blocks.{layer}."
FULL, SLIDING = "full_attention", "sliding_attention"
PRE_NORMS = {"input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm"}
SEPARATE = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
QUERY_KEY_VALUE = ("attention.query", "attention.key", "attention.value")
GATED = {"mlp.gate_proj": ("gate",), "mlp.up_proj": ("up",), "mlp.down_proj": ("down",)}
GATE_WITH_UP = {"mlp.gate_up_proj": ("gate", "up"), "mlp.down_proj": ("down",)}
WITHOUT_EFFECT = ("initializer_range", "use_cache", "pretraining_tp", "output_router_logits", "router_aux_loss_coef")
ROTARY_BUFFERS = (r".*\.rotary_emb\.inv_freq",)


def read_decoder(config: HubConfig, preset: str, defaults: Mapping[str, Any], **options: Any) -> ModelConfig:
    """Returns our configuration; `defaults`: what transformers takes where the file is silent, by the file's keys.

    `options` are fields of ModelConfig and win over what is read here.
    """
    width = config.integer("hidden_size", defaults["hidden_size"])
    heads = config.integer("num_attention_heads", defaults["num_attention_heads"])
    context = config.integer("max_position_embeddings", defaults["max_position_embeddings"])
    if "feed_forward_kind" not in options:
        config.require("hidden_act", "silu", "swish")
    bias = config.get("attention_bias", bool, False)
    values: dict[str, Any] = {
        "preset": preset,
        "vocabulary_size": config.integer("vocab_size", defaults["vocab_size"]),
        "context": context,
        "layers": config.integer("num_hidden_layers", defaults["num_hidden_layers"], maximum=10_000),
        "width": width,
        "heads": heads,
        "kv_heads": config.integer("num_key_value_heads", defaults.get("num_key_value_heads") or heads),
        "head_width": config.integer("head_dim", defaults.get("head_dim") or head_width_of(width, heads)),
        "feed_forward": config.integer("intermediate_size", defaults["intermediate_size"]),
        "positions": "rope",
        "norm": "rms",
        "norm_epsilon": config.number("rms_norm_eps", defaults.get("rms_norm_eps", 1e-6)),
        "attention_bias": bias,
        "attention_output_bias": bias,
        "feed_forward_kind": "swiglu",
        "feed_forward_bias": config.get("mlp_bias", bool, False),
        "tied": config.get("tie_word_embeddings", bool, defaults.get("tie_word_embeddings", False)),
        "dropout": config.number("attention_dropout", 0.0),
    }
    if not options.keys() >= {"rope_theta", "rope_scaling"}:
        theta, share = defaults.get("rope_theta", 10_000.0), defaults.get("partial_rotary_factor", 1.0)
        values |= read_rope(config, context, theta=theta, share=share, partial="partial_rotary_factor" in defaults)
    return ModelConfig(**values | options)


def write_decoder(config: ModelConfig) -> dict[str, Any]:
    """Returns the common keys of config.json."""
    return {
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
        "initializer_range": 0.02,
        "use_cache": True,
        **write_rope(config),
    }


def pair(
    hub: str, ours: str, *more: str, packing: Packing = PLAIN, when: Callable[[ModelConfig], bool] | None = None
) -> tuple[Weight, Weight]:
    """Returns the rows for the weight and the bias of a linear map or a norm."""
    names = (ours, *more)
    return (
        Weight(f"{hub}.weight", tuple(f"{name}.weight" for name in names), packing, when),
        Weight(f"{hub}.bias", tuple(f"{name}.bias" for name in names), packing, when),
    )


def decoder_weights(
    *,
    norms: Mapping[str, str] = PRE_NORMS,
    projections: Mapping[str, tuple[str, ...]] | None = None,
    output: str = "self_attn.o_proj",
    feed_forward: Mapping[str, tuple[str, ...]] = GATED,
    packing: Packing = PLAIN,
    experts: tuple[Weight, ...] = (),
) -> tuple[Weight, ...]:
    """Returns a weight table with Llama's names.

    `projections` and `feed_forward`: {the file's name: our names that it holds}; `packing`: of queries and keys.
    """
    projections = projections or {hub: (ours,) for hub, ours in zip(SEPARATE, QUERY_KEY_VALUE, strict=True)}
    rows: list[Weight] = [Weight("model.embed_tokens.weight", "token_embedding.weight")]
    for hub, ours in norms.items():
        rows += pair(LAYER + hub, BLOCK + ours)
    for hub, parts in projections.items():
        rotated = parts[0] in QUERY_KEY_VALUE[:2]
        rows += pair(LAYER + hub, *(BLOCK + part for part in parts), packing=packing if rotated else PLAIN)
    rows += pair(LAYER + output, BLOCK + "attention.output")
    rows += pair(LAYER + "self_attn.q_norm", BLOCK + "attention.query_norm")
    rows += pair(LAYER + "self_attn.k_norm", BLOCK + "attention.key_norm")
    for hub, parts in feed_forward.items():
        rows += pair(LAYER + hub, *(f"{BLOCK}feed_forward.{part}" for part in parts))
    return (*rows, *experts, *pair("model.norm", "norm"), Weight("lm_head.weight", "output.weight"))


def expert_weights(router: str, gate: str, up: str, down: str) -> tuple[Weight, ...]:
    """Returns the rows of a mixture of experts; `gate`, `up`, `down` hold "{expert}"."""
    experts = BLOCK + "feed_forward.experts.{expert}."
    return (
        Weight(f"{LAYER}{router}.weight", BLOCK + "feed_forward.router.weight"),
        Weight(f"{LAYER}{gate}.weight", experts + "gate.weight"),
        Weight(f"{LAYER}{up}.weight", experts + "up.weight"),
        Weight(f"{LAYER}{down}.weight", experts + "down.weight"),
    )


def decoder_family(
    model_type: str,
    architecture: str,
    *,
    read: Callable[[HubConfig], ModelConfig],
    write: Callable[[ModelConfig], dict[str, Any]] = write_decoder,
    weights: tuple[Weight, ...] | None = None,
    without_effect: tuple[str, ...] = (),
    output: str = "lm_head.weight",
) -> Family:
    """Returns a family with Llama's prefix, weight table (unless told) and keys without effect (and more of them)."""
    return Family(
        model_type=model_type,
        architecture=architecture,
        read=read,
        write=write,
        prefix="model.",
        weights=decoder_weights() if weights is None else weights,
        without_effect=(*WITHOUT_EFFECT, *without_effect),
        buffers=ROTARY_BUFFERS,
        output=output,
    )


def read_windows(config: HubConfig, layers: int, window: int, default: list[str]) -> tuple[int, ...]:
    """Returns each layer's window from `layer_types` (or `default`) and the window's size; empty: all see all."""
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


def write_windows(config: ModelConfig) -> dict[str, Any]:
    """Returns `sliding_window` and `layer_types`."""
    kinds = [SLIDING if config.window(layer) else FULL for layer in range(config.layers)]
    return {"sliding_window": max(config.windows, default=0) or None, "layer_types": kinds}


def same_window(config: HubConfig, layers: int, default: int = 0) -> tuple[int, ...]:
    """Returns the windows of a family in which all layers have the same (Mistral, StarCoder2), null meaning none."""
    window = config.integer("sliding_window", default, minimum=0) if "sliding_window" in config.values else default
    return (window,) * layers if window else ()
