"""GPT-2, the layout of `classic`: LayerNorm before each part, a table of positions, GELU, biases everywhere.

Its linear maps lie input × output in the file ("Conv1D"), queries, keys and values as one. A sinusoidal table is stored
as the position embedding that it is to GPT-2.
"""

from typing import Any

from textmill.model.config import ModelConfig, head_width_of
from textmill.model.hub.family import Family, HubConfig, Weight
from textmill.model.hub.packing import TRANSPOSED

LAYER, BLOCK = "transformer.h.{layer}.", "blocks.{layer}."


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of config.json that are GPT-2's own."""
    return {
        "vocab_size": config.vocabulary_size,
        "n_positions": config.context,
        "n_ctx": config.context,
        "n_embd": config.width,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_inner": config.feed_forward,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": config.norm_epsilon,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "tie_word_embeddings": config.tied,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
        "add_cross_attention": False,
        "initializer_range": 0.02,
        "use_cache": True,
    }


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of a GPT-2 config.json; defaults are those of transformers."""
    config.require("activation_function", "gelu_new", "gelu_pytorch_tanh")
    config.require("scale_attn_weights", True)
    config.require("scale_attn_by_inverse_layer_idx", False)
    config.require("add_cross_attention", False)
    width, heads = config.integer("n_embd", 768), config.integer("n_head", 12)
    return ModelConfig(
        preset="classic",
        vocabulary_size=config.integer("vocab_size", 50257),
        context=config.integer("n_positions", 1024),
        layers=config.integer("n_layer", 12, maximum=10_000),
        width=width,
        heads=heads,
        kv_heads=heads,
        head_width=head_width_of(width, heads),
        feed_forward=config.integer("n_inner", 4 * width),
        positions="learned",
        norm="layer",
        norm_epsilon=config.number("layer_norm_epsilon", 1e-5),
        attention_bias=True,
        attention_output_bias=True,
        feed_forward_kind="gelu",
        feed_forward_bias=True,
        tied=config.get("tie_word_embeddings", bool, True),
        dropout=config.number("resid_pdrop", 0.1),
    )


def _pair(hub: str, ours: str) -> tuple[Weight, Weight]:
    """Rows for the weight and the bias of a norm."""
    return Weight(f"{hub}.weight", f"{ours}.weight"), Weight(f"{hub}.bias", f"{ours}.bias")


def _conv1d(hub: str, *ours: str) -> tuple[Weight, Weight]:
    """Rows for the weight and the bias of a linear map."""
    return (
        Weight(f"{LAYER}{hub}.weight", tuple(f"{BLOCK}{name}.weight" for name in ours), TRANSPOSED),
        Weight(f"{LAYER}{hub}.bias", tuple(f"{BLOCK}{name}.bias" for name in ours)),
    )


GPT2 = Family(
    model_type="gpt2",
    architecture="GPT2LMHeadModel",
    write=write,
    read=read,
    prefix="transformer.",
    weights=(
        Weight("transformer.wte.weight", "token_embedding.weight"),
        Weight("transformer.wpe.weight", "position_embedding.weight"),
        *_pair(LAYER + "ln_1", BLOCK + "attention_norm"),
        *_conv1d("attn.c_attn", "attention.query", "attention.key", "attention.value"),
        *_conv1d("attn.c_proj", "attention.output"),
        *_pair(LAYER + "ln_2", BLOCK + "feed_forward_norm"),
        *_conv1d("mlp.c_fc", "feed_forward.up"),
        *_conv1d("mlp.c_proj", "feed_forward.down"),
        *_pair("transformer.ln_f", "norm"),
        Weight("lm_head.weight", "output.weight"),
    ),
    without_effect=(
        "embd_pdrop",
        "attn_pdrop",
        "initializer_range",
        "use_cache",
        "reorder_and_upcast_attn",
        "summary_type",
        "summary_use_proj",
        "summary_activation",
        "summary_proj_to_labels",
        "summary_first_dropout",
    ),
    buffers=(r".*\.attn\.bias", r".*\.attn\.masked_bias"),
)
