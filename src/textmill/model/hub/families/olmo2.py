"""OLMo 2: norms on what each part adds instead of what it reads, one norm over all heads' queries and keys."""

from textmill.model.config import ModelConfig
from textmill.model.hub.common import decoder_family, decoder_weights, read_decoder
from textmill.model.hub.family import HubConfig

DEFAULTS = {
    "vocab_size": 50304,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5,
}


def read(config: HubConfig) -> ModelConfig:
    """Returns our configuration of an OLMo 2 config.json; defaults are those of transformers."""
    return read_decoder(config, "olmo2", DEFAULTS, norm_place="output", qk_norm=True, qk_norm_joint=True)


OLMO2 = decoder_family(
    "olmo2",
    "Olmo2ForCausalLM",
    read=read,
    weights=decoder_weights(
        norms={"post_attention_layernorm": "attention_norm", "post_feedforward_layernorm": "feed_forward_norm"}
    ),
)
