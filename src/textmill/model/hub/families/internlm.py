"""InternLM 2 and 3: Llama under other names; in 2, queries, keys and values lie in one matrix, group by group."""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.hub.common import QUERY_KEY_VALUE, decoder_family, pair, read_decoder, write_decoder
from textmill.model.hub.family import HubConfig, Weight
from textmill.model.hub.packing import GROUPED

LAYER, BLOCK = "model.layers.{layer}.", "blocks.{layer}."
DEFAULTS_2 = {
    "vocab_size": 103168,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
}
DEFAULTS_3 = {
    "vocab_size": 128512,
    "hidden_size": 4096,
    "intermediate_size": 10240,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-5,
    "head_dim": 128,
}


def read_2(config: HubConfig) -> ModelConfig:
    """Returns our configuration of an InternLM 2 config.json; defaults are those of its own code."""
    bias = config.get("bias", bool, True)
    return read_decoder(config, "internlm2", DEFAULTS_2, attention_bias=bias, attention_output_bias=bias)


def write_2(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of an InternLM 2 config.json."""
    values = write_decoder(config)
    del values["head_dim"], values["attention_bias"]
    return values | {"bias": config.attention_bias}


def read_3(config: HubConfig) -> ModelConfig:
    """Returns our configuration of an InternLM 3 config.json: `qkv_bias`, and `bias` for all other maps."""
    bias = config.get("bias", bool, config.get("mlp_bias", bool, False))
    return read_decoder(
        config,
        "internlm3",
        DEFAULTS_3,
        attention_bias=config.get("qkv_bias", bool, config.get("attention_bias", bool, False)),
        attention_output_bias=bias,
        feed_forward_bias=bias,
    )


def write_3(config: ModelConfig) -> dict[str, Any]:
    """Returns the keys of an InternLM 3 config.json."""
    return write_decoder(config) | {"qkv_bias": config.attention_bias, "bias": config.feed_forward_bias}


INTERNLM2 = decoder_family(
    "internlm2",
    "InternLM2ForCausalLM",
    write=write_2,
    read=read_2,
    output="output.weight",
    weights=(
        Weight("model.tok_embeddings.weight", "token_embedding.weight"),
        *pair(LAYER + "attention_norm", BLOCK + "attention_norm"),
        *pair(LAYER + "attention.wqkv", *(BLOCK + name for name in QUERY_KEY_VALUE), packing=GROUPED),
        *pair(LAYER + "attention.wo", BLOCK + "attention.output"),
        *pair(LAYER + "ffn_norm", BLOCK + "feed_forward_norm"),
        *pair(LAYER + "feed_forward.w1", BLOCK + "feed_forward.gate"),
        *pair(LAYER + "feed_forward.w3", BLOCK + "feed_forward.up"),
        *pair(LAYER + "feed_forward.w2", BLOCK + "feed_forward.down"),
        *pair("model.norm", "norm"),
        Weight("output.weight", "output.weight"),
    ),
)
INTERNLM3 = decoder_family("internlm3", "InternLM3ForCausalLM", write=write_3, read=read_3)
