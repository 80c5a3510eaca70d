"""Our own layout, for options that no other family has: our names, and the whole configuration in `textmill_config`.

Training keeps checkpoints of any configuration this way; other engines cannot read them, so export refuses them.
"""

from typing import Any

from textmill.model.config import ModelConfig
from textmill.model.hub.family import Family, HubConfig

EXACT_KEY = "textmill_config"
"""The key under which every config.json of ours also holds `ModelConfig.as_dict()`."""


def write(config: ModelConfig) -> dict[str, Any]:
    """Returns what a person or a tool may want to read without knowing our options."""
    return {
        "vocab_size": config.vocabulary_size,
        "max_position_embeddings": config.context,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "tie_word_embeddings": config.tied,
    }


def read(config: HubConfig) -> ModelConfig:
    """Returns the configuration that `textmill_config` holds."""
    return ModelConfig.from_dict(config.get(EXACT_KEY, dict, {}))


TEXTMILL = Family(
    model_type="textmill",
    architecture="TextmillForCausalLM",
    write=write,
    read=read,
    weights=(),
    output="output.weight",
)
